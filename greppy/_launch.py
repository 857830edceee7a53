"""The entry of the PyInstaller program that the native executable unpacks and runs. Not for import."""

import os
import sys


def restore_environment(own: str) -> None:
    """Undoes what was set for this process only: `git` and the like must not get the libraries in folder `own`."""
    path = os.environ.pop("LD_LIBRARY_PATH", "")
    path = os.environ.pop("LD_LIBRARY_PATH_ORIG", path)
    others = [folder for folder in path.split(":") if folder not in (own, "")]
    if others:
        os.environ["LD_LIBRARY_PATH"] = ":".join(others)
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]


if __name__ == "__main__":
    restore_environment(os.path.dirname(os.path.realpath(__file__)))
    from greppy.cli import main

    sys.exit(main(sys.argv[1:]))
