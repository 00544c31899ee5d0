"""Compressed files: unpacked in memory, up to a limit, or into a file; told by how they begin."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from kervan.core.errors import InvalidData
from kervan.data.room import write_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ENDINGS = (".gz", ".zst", ".bz2", ".xz", ".zip")
MOST_BYTES = 4 << 30  # what a table may have unpacked; a bomb has more

ZIP = b"PK\x03\x04"
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\0": "xz",
    ZIP: "zip",
    b"PK\x05\x06": "zip",
}
_BZIP2 = b"1AY&SY"  # behind BZh and a digit; a text may begin with BZh
_PIECE = 1 << 20
_ENDLESS = 1 << 62
_GROWS = 12  # times: tables of numbers and short texts rarely get more
_SMALL = 1 << 10  # a kilobyte of zstd may be 32 MB
_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "word/document.xml", "mimetype")


def ends_in(location: str, endings: Collection[str]) -> bool:
    """Say whether a name has one of the endings, with or without that of a compression behind it.

    >>> ends_in("a/B.CSV.gz", [".csv"]), ends_in("b.csv", [".csv"]), ends_in("b.gz", [".csv"])
    (True, True, False)
    """
    name = location.lower()
    packing = next((each for each in ENDINGS if name.endswith(each)), "")
    return name.removesuffix(packing).endswith(tuple(endings))


def unpacked(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return a file's content, unpacked if it is compressed.

    Raises `InvalidData` for one that is broken, has more than `most` bytes unpacked, is a zip file of several
    files, or is compressed twice.
    """
    content = io.BytesIO()
    for piece in _pieces(path, most):
        content.write(piece)
        if content.tell() > most:
            raise _too_large(path.name, most)
    whole = content.getvalue()
    _check_once(path, whole)
    return whole


def unpack(path: Path, folder: Path) -> Path:
    """Unpack a compressed file of any size into a folder, and return the file there, which has its name.

    One that is not compressed is returned as it is. Raises `InvalidData` as `unpacked` does, `StorageFailed`
    where the disk has no room.
    """
    if not packing_of(start_of(path)):
        return path
    target = folder / path.name
    write_all(_pieces(path, _ENDLESS), target)
    _check_once(path, start_of(target))
    return target


def unpacked_size(path: Path) -> int:
    """Return how many bytes a file has unpacked; where it does not say so, a guess that is rather high."""
    size = path.stat().st_size
    kind = packing_of(start_of(path))
    if kind == "zip":
        with _in_words(path.name, kind), zipfile.ZipFile(path) as archive:
            return sum(each.file_size for each in archive.infolist())
    return size * _GROWS if kind else size


def beginning(path: Path, size: int = 1 << 16) -> bytes:
    """Return how a file begins, unpacked if it is compressed, or raise `InvalidData` if it is broken."""
    start = b""
    for piece in _pieces(path, MOST_BYTES, size):
        start += piece
        if len(start) >= size:
            break
    return start[:size]


def check_unzipped(content: bytes, file: str, most: int = MOST_BYTES) -> None:
    """Raise `InvalidData` for a broken zip file, or one whose files have more than `most` bytes in all."""
    with _in_words(file, "zip"), zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(each.file_size for each in archive.infolist()) > most:
            raise _too_large(file, most)


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file as they are, enough for `packing_of`."""
    with path.open("rb") as file:
        return file.read(16)


def packing_of(start: bytes) -> str:
    """Return by what a content that begins so is compressed, or "".

    >>> packing_of(b"BZh91AY&SY"), packing_of(b"BZh,1")
    ('bzip2', '')
    """
    if start.startswith(b"BZh") and start[4:10] == _BZIP2:
        return "bzip2"
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "")


def _check_once(path: Path, start: bytes) -> None:
    if (kind := packing_of(start)) and kind != "zip" and packing_of(start_of(path)):
        raise InvalidData(f"{path.name} is compressed twice: it holds a {kind} file", hint="unpack it once")


def _pieces(path: Path, most: int, size: int = _PIECE) -> Iterator[bytes]:
    with path.open("rb") as file:
        kind = packing_of(file.read(16))
        file.seek(0)
        with _in_words(path.name, kind):
            if kind == "zstd":
                yield from _zstd(file)
                return
            with _opened(cast("IO[bytes]", file), kind, path.name, most) as stream:
                while piece := stream.read(size):
                    yield piece


@contextmanager
def _in_words(file: str, kind: str) -> Iterator[None]:
    import zstandard

    wrong = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile)
    try:
        yield
    except wrong as error:
        raise InvalidData(
            f"{file} is not a whole {kind} file: {error}", hint="fetch or compress it again"
        ) from error


def _opened(file: IO[bytes], kind: str, name: str, most: int) -> IO[bytes]:
    if kind == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if kind == "bzip2":
        return bz2.BZ2File(file)
    if kind == "xz":
        return lzma.LZMAFile(file)
    return _member(file, name, most) if kind == "zip" else file


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    """Unpack frame by frame. The library's own stream ends without a word where the file was cut off."""
    import zstandard

    rest, frame = b"", None
    while piece := rest or file.read(_SMALL):
        frame = frame or zstandard.ZstdDecompressor().decompressobj()
        yield frame.decompress(piece)
        rest = b""
        if frame.eof:
            rest, frame = frame.unused_data, None
    if frame is not None:
        raise EOFError("it ends too early")


def _member(file: IO[bytes], name: str, most: int) -> IO[bytes]:
    """Open the one file in a zip file; a workbook is a zip file too, and is left as it is."""
    archive = zipfile.ZipFile(file)
    names = {each.filename for each in archive.infolist()}
    if names.intersection(_WORKBOOKS):
        file.seek(0)
        return file
    members = [each for each in archive.infolist() if not _is_besides(each)]
    if len(members) != 1:
        shown = ", ".join(each.filename for each in members[:5]) + (", …" if len(members) > 5 else "")
        held = f"{len(members)} files: {shown}" if members else "no file"
        raise InvalidData(f"{name} holds {held}", hint="put exactly one table into a zip file")
    member = members[0]
    if member.flag_bits & 1:
        raise InvalidData(f"{name} is encrypted by a password", hint="unpack it")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InvalidData(f"{name} is compressed in an unusual way", hint="unpack it, or zip it by deflate")
    if member.file_size > most:
        raise _too_large(name, most)
    return archive.open(member)


def _is_besides(member: zipfile.ZipInfo) -> bool:
    """Say whether it is a folder, or what macOS puts beside each file."""
    return member.is_dir() or member.filename.startswith("__MACOSX/")


def _too_large(file: str, most: int) -> InvalidData:
    return InvalidData(
        f"{file} has more than {most:,} bytes unpacked",
        hint="is it meant to be a table? write it as Parquet, or split it into several files",
    )
