"""The records of greppy's files as numpy dtypes: what the structs in `_core/*.pxd` say, for whoever reads with
numpy."""

from __future__ import annotations

import numpy as np

FILE = np.dtype(
    [
        ("size", "<u8"),
        ("mtime_ns", "<i8"),
        ("content", "<u8"),
        ("path", "<u4"),
        ("n_lines", "<u4"),
        ("path_len", "<u2"),
        ("zero", "<u2"),
        ("zero2", "<u4"),
    ]
)
RANK = np.dtype(
    [
        ("whole_name", "<u4"),
        ("stem", "<u4"),
        ("versions", "<u4"),
        ("links", "<u4"),
        ("flags", "u1"),
        ("name_parts", "u1"),
        ("depth", "u1"),
        ("language", "u1"),
        ("version", "u1"),
        ("zero", "u1", 3),
    ]
)
CHUNK = np.dtype(
    [
        ("start", "<u4"),
        ("line", "<u4"),
        ("defs", "<u4"),
        ("kinds", "<u2"),
        ("flags", "<u2"),
    ]
)
PART = np.dtype([("text", "<u4"), ("files", "<u4"), ("n_files", "<u4"), ("len", "<u4")])
SEGMENT = np.dtype([("id", "<u8"), ("n_files", "<u4"), ("n_chunks", "<u4"), ("deleted", "<u4"), ("zero", "<u4")])
TREE = np.dtype(
    [
        ("size", "<u8"),
        ("mtime_ns", "<i8"),
        ("content", "<u8"),
        ("shared", "<u2"),
        ("own", "<u2"),
        ("kind", "u1"),
        ("why", "u1"),
        ("zero", "<u2"),
    ]
)

RECORDS = {"file": FILE, "rank": RANK, "chunk": CHUNK, "part": PART, "segment": SEGMENT, "tree": TREE}


def dtype(name: str) -> np.dtype[np.void]:
    """The dtype that a container's directory calls `name`."""
    return RECORDS[name] if name in RECORDS else np.dtype(name)
