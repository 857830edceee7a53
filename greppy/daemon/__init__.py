"""The daemon: watches projects, keeps their indexes fresh and serves programs that hold a connection.

`greppy search` does not need it and asks it one thing only: whether it has caught up (see `_core/live.pxd`).
"""
