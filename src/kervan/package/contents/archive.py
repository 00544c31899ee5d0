"""A package as one file, `….kervan`: a tar of its folder, compressed by zstd, with a hash over all of it.

The same folder gives the same bytes (by one version of zstd): manifest and signature first, then names in
their order, no times, no owners.
The hash is the last thing in the file, in a frame that other programs pass over, so that
`tar --zstd -xf income.kervan` unpacks a package too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Conflict, Corrupted, StorageFailed
from kervan.package.contents import manifest, signing
from kervan.package.safety.archives import read_members, unpack
from kervan.package.safety.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import BinaryIO

SUFFIX = ".kervan"
_FIRST = (manifest.FILE_NAME, signing.FILE_NAME)  # what says how much the others may be
_LEVEL = 10
_WINDOW = 22  # 4 MiB, which every reader of zstd takes
_FRAME = struct.pack("<II", 0x184D2A50, 32)  # RFC 8878, 3.1.2: a skippable frame of 32 bytes
_HASH = len(_FRAME) + 32
_PIECE = 1 << 20
# Wide enough for weights that compress well; what is packed beyond these cannot be unpacked, and is not kept.
_LIMITS = Limits(total=64 << 30, ratio=1000)


def pack(folder: Path, to: Path) -> None:
    """Write a folder into the new file `to`, whole or not at all.

    Raises `Conflict` if the file exists, `Refused` if the folder could not be unpacked again.
    """
    if to.exists() or to.is_symlink():
        raise _taken(to)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "w+b") as file:
                _write(folder, file)
            for member in read_members(unfinished, _LIMITS):
                while member.stream.read(_PIECE):
                    pass
            unfinished.chmod(0o644)
            _name(unfinished, to)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot write {to}: {error.strerror}") from error


def unpack_package(path: Path, folder: Path, wanted: Mapping[str, int] | None = None) -> None:
    """Unpack what `pack` wrote into a new folder; with `wanted` (name → bytes) that alone.

    Raises `Corrupted` if a single bit differs, `StorageFailed` if there is no room for what is wanted.
    """
    check_whole(path)
    size = sum((wanted or {}).values())
    if size > shutil.disk_usage(folder.parent).free:
        raise StorageFailed(f"{path} needs {size:,} bytes in {folder.parent}", hint="free some space there")
    unpack(path, folder, _LIMITS, wanted=wanted)


def read_ahead(path: Path, names: Collection[str], most: int) -> dict[str, bytes]:
    """Return the content of some files, at most `most` bytes each, without unpacking anything."""
    check_whole(path)
    found: dict[str, bytes] = {}
    for member in read_members(path, _LIMITS):
        if member.name in names:
            if member.size > most:
                raise Corrupted(f"{path}/{member.name} is too large", hint="fetch the file again")
            found[member.name] = member.stream.read()
            if len(found) == len(names):
                break
    return found


def check_whole(path: Path) -> None:
    """Raise `Corrupted` unless a package in one file has the hash that stands at its end."""
    hint = "fetch the file again"
    size = path.stat().st_size - _HASH
    with path.open("rb") as file:
        found = _digest(file, size)
        end = file.read(_HASH)
    if size < 0 or not end.startswith(_FRAME):
        raise Corrupted(f"{path} is no package in one file, or was cut off", hint=hint)
    if end != _FRAME + found:
        raise Corrupted(f"{path} was changed", hint=hint)


def _write(folder: Path, file: BinaryIO) -> None:
    import zstandard

    settings = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=_WINDOW, write_checksum=True)
    compressor = zstandard.ZstdCompressor(compression_params=settings)
    with (
        compressor.stream_writer(file, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
        for name in sorted(names, key=lambda name: name not in _FIRST):
            _add(archive, folder / name, name)
    size = file.tell()
    file.seek(0)
    found = _digest(file, size)
    file.write(_FRAME + found)
    file.flush()
    os.fsync(file.fileno())


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    with path.open("rb") as content:
        header = tarfile.TarInfo(name)
        header.size = os.fstat(content.fileno()).st_size
        archive.addfile(header, content)


def _digest(file: BinaryIO, size: int) -> bytes:
    """Return the SHA-256 of the next `size` bytes."""
    digest = hashlib.sha256()
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        digest.update(piece)
        size -= len(piece)
    return digest.digest()


def _name(unfinished: Path, to: Path) -> None:
    """Give a finished file its name, unless another has it by now."""
    try:
        os.link(unfinished, to)
    except FileExistsError as error:
        raise _taken(to) from error
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(path: Path) -> Conflict:
    return Conflict(f"{path} exists already", hint="choose another name")
