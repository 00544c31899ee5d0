"""Files by their content: SHA-256 is the name, and a file is durable before anybody may refer to it."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kervan.core.errors import Corrupted, InvalidConfig, NotFound
from kervan.core.identity import sha256, sha256_file
from kervan.core.private import make_private
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = ".part-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A stored file: its hash, size in bytes and age in seconds."""

    hash: str
    size: int
    age: float


class _Place(Protocol):
    """Where the files are; `name` is `ab/cdef…`, relative to the place."""

    def put(self, source: Path, name: str, *, for_good: bool) -> None: ...
    def open(self, name: str) -> BinaryIO: ...
    def remove(self, name: str) -> None: ...
    def all(self) -> Iterator[tuple[str, int, float]]: ...


class Blobs:
    """A content-addressed store of files on a local folder or any fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        local = url.removeprefix("file://")
        self._place: _Place = _Folder(Path(local)) if "://" not in local else _Remote(url)

    def put_bytes(self, content: bytes) -> str:
        """Store some bytes and return their hash."""
        digest = sha256(content)
        with storage_errors(self.url):
            is_known = self._holds(digest, len(content))
        if is_known:
            return digest
        with storage_errors(tempfile.gettempdir()), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "content"
            path.write_bytes(content)
            return self.put_file(path)

    def put_file(self, path: Path, *, for_good: bool = False) -> str:
        """Store a copy of a file and return its hash.

        One that is given `for_good`, and that nobody will write to, need not be copied on the same disk.
        """
        with storage_errors(self.url):
            digest = sha256_file(path)
            if not self._holds(digest, path.stat().st_size):
                self._place.put(path, _name(digest), for_good=for_good)
        return digest

    def open(self, digest: str) -> BinaryIO:
        """Open a stored file for reading; its content is not checked."""
        with storage_errors(self.url):
            try:
                return self._place.open(_name(digest))
            except FileNotFoundError as error:
                raise NotFound(
                    f"file {digest} is gone from {self.url}", hint="restore it from a backup"
                ) from error

    def read_bytes(self, digest: str) -> bytes:
        """Return a stored file's bytes, or raise `Corrupted` if they are not what was stored."""
        with self.open(digest) as file:
            content = file.read()
        if sha256(content) != digest:
            raise Corrupted(f"file {digest} in {self.url} was altered", hint="restore it from a backup")
        return content

    def holds(self, digest: str) -> bool:
        """Say whether a file is stored."""
        try:
            self.open(digest).close()
        except NotFound:
            return False
        return True

    def remove(self, digest: str) -> None:
        """Remove a stored file."""
        with storage_errors(self.url):
            self._place.remove(_name(digest))

    def all(self) -> Iterator[Stored]:
        """Yield all stored files."""
        now = time.time()
        with storage_errors(self.url):
            for name, size, modified in self._place.all():
                if not Path(name).name.startswith(_TEMPORARY):
                    yield Stored(hash=name.replace("/", ""), size=size, age=now - modified)

    def leftovers(self) -> Iterator[str]:
        """Yield the names of half-written files that a crash left behind."""
        with storage_errors(self.url):
            for name, _, modified in self._place.all():
                if Path(name).name.startswith(_TEMPORARY) and time.time() - modified > 3600:
                    yield name

    def sweep(self, name: str) -> None:
        """Remove a leftover."""
        with storage_errors(self.url):
            self._place.remove(name)

    def _holds(self, digest: str, size: int) -> bool:
        """Say whether this content is stored whole; a file that a power cut made shorter is written again."""
        try:
            with self._place.open(_name(digest)) as file:
                return file.seek(0, os.SEEK_END) == size
        except FileNotFoundError:
            return False


class _Folder:
    """A local folder: written under a temporary name, flushed, renamed, the folder flushed too."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, source: Path, name: str, *, for_good: bool) -> None:
        target = self._root / name
        make_private(target.parent)
        handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                if not (for_good and _linked(source, Path(temporary))):
                    _copy(source, out)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        flush_folder(target.parent)
        flush_folder(self._root)

    def open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[str, int, float]]:
        for path in sorted(self._root.glob("??/*")):
            try:
                state = path.stat()
            except FileNotFoundError:  # renamed or removed by another process meanwhile
                continue
            yield path.relative_to(self._root).as_posix(), state.st_size, state.st_mtime


class _Remote:
    """Any other file system that fsspec knows; object stores make an object visible only when it is whole."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._system: Any
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise InvalidConfig(
                f"[workspace] blobs: {url} cannot be used: {error}",
                hint="write a folder, or a URL of fsspec whose package is installed",
            ) from error

    def put(self, source: Path, name: str, *, for_good: bool) -> None:
        target = f"{self._root}/{name}"
        self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._system.put_file(str(source), target)

    def open(self, name: str) -> BinaryIO:
        file: BinaryIO = self._system.open(f"{self._root}/{name}", "rb")
        return file

    def remove(self, name: str) -> None:
        target = f"{self._root}/{name}"
        if self._system.exists(target):
            self._system.rm_file(target)

    def all(self) -> Iterator[tuple[str, int, float]]:
        for path, detail in sorted(self._system.find(self._root, detail=True).items()):
            name = path[len(self._root) :].strip("/")
            yield name, detail["size"], self._system.modified(path).timestamp()


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:]}"


def _copy(source: Path, out: BinaryIO) -> None:
    with source.open("rb") as content:
        while piece := content.read(1 << 20):
            out.write(piece)
    out.flush()
    os.fsync(out.fileno())


def _linked(source: Path, target: Path) -> bool:
    """Give a file another name in place of `target`, durably; say whether the disk is the same and can."""
    beside = target.with_name(f"{target.name}.link")
    try:
        os.link(source, beside)
    except OSError:
        return False
    beside.chmod(0o600)
    with beside.open("rb") as content:
        os.fsync(content.fileno())
    beside.replace(target)
    return True


def flush_folder(folder: Path) -> None:
    """Make the names of a folder's files durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
