"""Puts the front executable and the PyInstaller folder together: `bundle.py FRONT FOLDER OUTPUT`.

The output is [front][gzip'ed ustar archive of the folder][trailer]; `_core/trailer.pxd` specifies the trailer and
`_core/unpack.pxd` what the archive may hold. The archive depends on the names, kinds, permissions and bytes in the
folder and on nothing else, and so does the build id.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import sys
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

TRAILER = struct.Struct("<8sIIQQQ16sQ")
MAGIC = b"GREPPYRT"
VERSION = 1


class Delivered(NamedTuple):
    """What was written: sizes in bytes and the build id as text."""

    front: int
    packed: int
    unpacked: int
    build_id: str


class Tee:
    """A file to write to that counts and hashes on the way."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self.file = file
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.crc32 = 0
        self.adler32 = 1

    def write(self, data: bytes) -> int:
        self.file.write(data)
        self.size += len(data)
        self.sha256.update(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.adler32 = zlib.adler32(data, self.adler32)
        return len(data)

    def flush(self) -> None:
        self.file.flush()


def entries(folder: Path) -> list[Path]:
    """Everything below `folder`, a folder before what it holds, in an order that depends on names only."""
    return sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts)


def header(path: Path, name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    if path.is_symlink():
        info.type = tarfile.SYMTYPE
        info.linkname = os.readlink(path)
        info.mode = 0o777
    elif path.is_dir():
        info.type = tarfile.DIRTYPE
        info.mode = 0o755
    else:
        info.size = path.stat().st_size
        info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
    return info


def write_archive(folder: Path, output: Any) -> None:
    """A tar archive of what is in `folder` to `output`, which needs no more than `write`."""
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        for path in entries(folder):
            info = header(path, path.relative_to(folder).as_posix())
            if info.isreg():
                with path.open("rb") as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)


def deliver(front: Path, folder: Path, output: Path) -> Delivered:
    """Writes the executable `output`, which is there complete or as it was."""
    beside = output.with_name(f"{output.name}.new")
    head = front.read_bytes()
    with beside.open("wb") as file:
        file.write(head)
        packed = Tee(file)
        sink: Any = packed
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=sink, mtime=0) as zipped:
            unpacked = Tee(zipped)
            write_archive(folder, unpacked)
        build_id = unpacked.sha256.digest()[:16]
        fields = (MAGIC, VERSION, 0, len(head), packed.size, unpacked.size, build_id)
        summed = TRAILER.pack(*fields, 0)[:-8]
        checksum = zlib.adler32(summed, packed.adler32) << 32 | zlib.crc32(summed, packed.crc32)
        file.write(TRAILER.pack(*fields, checksum))
    beside.chmod(0o755)
    beside.replace(output)
    return Delivered(len(head), packed.size, unpacked.size, build_id.hex())


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print("usage: bundle.py FRONT FOLDER OUTPUT", file=sys.stderr)
        return 2
    front, folder, output = map(Path, arguments)
    done = deliver(front, folder, output)
    front_mb, packed_mb, unpacked_mb = (size / 1e6 for size in done[:3])
    print(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB = front {front_mb:.1f} + runtime {packed_mb:.1f}"
        f" ({unpacked_mb:.1f} unpacked), build id {done.build_id}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
