"""Zip and tar archives: their members are looked at before anything is written."""

from __future__ import annotations

import itertools
import shutil
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Conflict, Corrupted, Refused, StorageFailed
from kervan.package.safety.limits import DEFAULT, Budget
from kervan.package.safety.streams import Readable, compression, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from kervan.package.safety.limits import Limits

ZIP_START = b"PK\x03\x04"
ZIP_END = b"PK\x05\x06"
_PIECE = 1 << 16
_LONGEST_NAME = 512
_LONGEST_PART = 255
_MOST_PARTS = 32
_LARGEST_TAR_HEADER = 1 << 16
_LONGEST_COMMENT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive. `stream` gives its bytes, in order, until the next member is asked for."""

    name: str
    size: int
    stream: Readable


def read_members(path: Path, limits: Limits = DEFAULT) -> Iterator[Member]:
    """Give the files of a zip or tar archive (plain or compressed) one after the other, without extracting.

    Raises `Refused` for an archive that could do harm: absolute names, `..`, links, devices, names that
    occur twice, more than the limits allow; `Corrupted` for a broken one.
    """
    budget = Budget(path, limits)
    with path.open("rb") as file:
        head = file.read(512)
        file.seek(0)
        if head.startswith((ZIP_START, ZIP_END)):
            yield from zip_members(file, budget)
            return
        name = compression(head)
        stream: BinaryIO = unpacked(file, name, budget) if name else file
        yield from tar_members(stream, budget)


def unpack(
    archive: Path, folder: Path, limits: Limits = DEFAULT, *, wanted: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """Extract an archive into a folder that is not there yet, and return the names of its files.

    Either everything is extracted or nothing: what was written before a refusal is taken away again. With
    `wanted` (name → bytes) nothing else and nothing larger is ever written. Raises what `read_members`
    raises, `Corrupted` for what is not wanted, `Conflict` if the folder exists, `StorageFailed` if it
    cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise Conflict(f"{folder} is already there", hint="unpack into a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise StorageFailed(f"cannot write {folder}: {error.strerror}") from error
    try:
        names = tuple(
            _extract(_as_wanted(member, wanted, archive), unfinished)
            for member in read_members(archive, limits)
        )
        unfinished.rename(folder)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            raise StorageFailed(f"cannot unpack {archive}: {error.strerror}") from error
        raise
    return names


def _as_wanted(member: Member, wanted: Mapping[str, int] | None, archive: Path) -> Member:
    if wanted is not None and wanted.get(member.name) != member.size:
        what = "was changed" if member.name in wanted else "was added"
        raise Corrupted(f"{archive}/{member.name} {what}", hint="fetch the file again")
    return member


def _extract(member: Member, folder: Path) -> str:
    target = folder.joinpath(*PurePosixPath(member.name).parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        shutil.copyfileobj(member.stream, file, _PIECE)
    return member.name


def zip_members(file: BinaryIO, budget: Budget) -> Iterator[Member]:
    """Give the files of a zip archive; its whole index is checked before the first."""
    _check_directory(file, budget)
    with _readable(budget, "zip"):
        archive = zipfile.ZipFile(file)
        _check_places(archive.infolist(), budget)
    names = _Names(budget)
    files = [info for info in archive.infolist() if _check_zipped(info, names, budget)]
    for info in files:
        with _readable(budget, "zip"):
            stream = archive.open(info)
        with stream:
            yield Member(name=info.filename, size=info.file_size, stream=_Counted(stream, budget))


def tar_members(stream: BinaryIO, budget: Budget) -> Iterator[Member]:
    """Give the files of a tar archive as they come; each header is checked before its file."""
    names = _Names(budget)
    is_empty = True
    with _readable(budget, "tar"):
        archive = tarfile.open(fileobj=stream, mode="r|", tarinfo=_checked_headers(budget))  # noqa: SIM115  closes nothing
    while True:
        with _readable(budget, "tar"):
            info = archive.next()
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep every header
        if info is None and is_empty:
            raise Corrupted(f"{budget.path} is no archive, or an empty one", hint="name a zip or tar archive")
        if info is None:
            return
        is_empty = False
        info.name = info.name.removeprefix("./")
        if info.name in {"", "."} and info.isdir():
            continue
        if _check_tarred(info, names, budget):
            with _readable(budget, "tar"):
                content = archive.extractfile(info)
            if content is not None:
                yield Member(name=info.name, size=info.size, stream=_Counted(content, budget))


class _Counted:
    """A member's bytes, counted in the budget, its errors in our words."""

    def __init__(self, stream: Any, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1, /) -> bytes:
        with _readable(self._budget, "archive"):
            found: bytes = self._stream.read(size if 0 <= size <= _PIECE else _PIECE)
        self._budget.produce(len(found))
        if size < 0 or size > _PIECE:
            return self._read_on(found, size)
        return found

    def _read_on(self, found: bytes, size: int) -> bytes:
        parts = [found]
        wanted = size - len(found)
        while parts[-1] and (size < 0 or wanted > 0):
            parts.append(self.read(_PIECE if size < 0 else min(wanted, _PIECE)))
            wanted -= len(parts[-1])
        return b"".join(parts)


class _Names:
    """The names seen so far: none may be unsafe, occur twice, or be both a file and a folder."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str, *, is_folder: bool) -> None:
        self._budget.add_member()
        wrong = wrong_name(name)
        if wrong:
            raise self._budget.refuse(f"has a member {name[:80]!r}: its name {wrong}")
        parts = [unicodedata.normalize("NFC", part).casefold() for part in PurePosixPath(name).parts]
        path = "/".join(parts)
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        clashes = path in self._files or above & self._files or (not is_folder and path in self._folders)
        if clashes:
            raise self._budget.refuse(f"has the member {name[:80]!r} twice, or as a file and a folder")
        self._folders |= above
        (self._folders if is_folder else self._files).add(path)


def wrong_name(name: str) -> str:
    """Say what is wrong with the path of a file that is to lie in a folder, or ""."""
    parts = name.removesuffix("/").split("/")
    if not name or len(name) > _LONGEST_NAME or len(parts) > _MOST_PARTS:
        return "is empty, too long or too deep"
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "leads elsewhere"
    if any(len(part.encode(errors="replace")) > _LONGEST_PART for part in parts):
        return "is too long"
    if "\\" in name or any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        return "has letters that no name should have"
    return ""


def _check_zipped(info: zipfile.ZipInfo, names: _Names, budget: Budget) -> bool:
    """Check one entry of a zip's index and say whether it is a file."""
    if info.orig_filename != info.filename:  # zipfile cuts a name at NUL
        raise budget.refuse(f"has a member {info.orig_filename[:80]!r} that pretends to be another")
    names.add(info.filename, is_folder=info.is_dir())
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise budget.refuse(f"has a member {info.filename!r} that is a link or a device")
    if info.flag_bits & 1:
        raise budget.refuse(f"has a member {info.filename!r} that is encrypted", hint="decrypt it first")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise budget.refuse(
            f"has a member {info.filename!r} in an unusual compression", hint="pack it again with deflate"
        )
    if info.file_size > max(budget.limits.free, info.compress_size * budget.limits.ratio):
        budget.produce(info.file_size)  # names the limit that it breaks
        raise budget.refuse(f"has a member {info.filename!r} that grows too much when unpacked")
    return not info.is_dir()


def _check_places(entries: list[zipfile.ZipInfo], budget: Budget) -> None:
    """Refuse entries that share bytes: a small archive could unpack to anything."""
    if any(info.header_offset < 0 for info in entries):
        raise Corrupted(f"{budget.path}: a zip archive lacks its beginning", hint="fetch the file again")
    places = sorted((info.header_offset, info.compress_size, info.filename) for info in entries)
    for (start, size, name), (following, _, _) in itertools.pairwise(places):
        if start + 30 + size > following:
            raise budget.refuse(f"has a member {name[:80]!r} that shares bytes with another")


def _check_directory(file: BinaryIO, budget: Budget) -> None:
    """Bound the index of a zip before the library reads it into memory."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _LONGEST_COMMENT - 22))
    tail = file.read(_LONGEST_COMMENT + 22)
    place = tail.rfind(ZIP_END)
    if place < 0 or len(tail) - place < 22:
        raise Corrupted(f"{budget.path}: a zip archive ends early", hint="fetch the file again")
    count, size, _, comment = struct.unpack("<HLLH", tail[place + 10 : place + 22])
    if place + 22 + comment != len(tail):
        raise budget.refuse("has bytes behind the end of its zip archive")
    wide = tail.rfind(b"PK\x06\x06", 0, place)
    if size == 0xFFFFFFFF or count == 0xFFFF:
        if wide < 0 or place - wide < 56:
            raise Corrupted(f"{budget.path}: a zip archive has no index", hint="fetch the file again")
        count, size = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if count > budget.limits.members or size > budget.limits.directory:
        raise budget.refuse(f"announces an index of {count} members in {size} bytes")
    file.seek(0)


def _check_tarred(info: tarfile.TarInfo, names: _Names, budget: Budget) -> bool:
    """Check one header of a tar and say whether it is a file."""
    names.add(info.name, is_folder=info.isdir())
    if not (info.isreg() or info.isdir()) or info.issparse():
        raise budget.refuse(f"has a member {info.name[:80]!r} that is a link, a device or sparse")
    return info.isreg()


def _checked_headers(budget: Budget) -> type[tarfile.TarInfo]:
    """Return headers that refuse long extensions, which the library reads into memory, and sparse files."""

    class Checked(tarfile.TarInfo):
        def _proc_member(self, tar: tarfile.TarFile) -> Any:
            plain = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE}
            if self.type not in plain and self.size > _LARGEST_TAR_HEADER:
                raise budget.refuse(f"has a member {self.name[:80]!r} with an extension of {self.size} bytes")
            if self.type == tarfile.GNUTYPE_SPARSE:
                raise budget.refuse(f"has a member {self.name[:80]!r} that is sparse")
            if self.size < 0:
                raise budget.refuse(f"has a member {self.name[:80]!r} of a size below zero")
            return super()._proc_member(tar)  # type: ignore[misc]  # where all kinds of headers pass

    return Checked


@contextmanager
def _readable(budget: Budget, kind: str) -> Iterator[None]:
    """Turn what the libraries raise for broken archives into `Corrupted`."""
    try:
        yield
    except (Corrupted, Refused):
        raise
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        struct.error,
        NotImplementedError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise Corrupted(
            f"{budget.path} is a broken {kind} archive: {error}", hint="fetch the file again"
        ) from error
