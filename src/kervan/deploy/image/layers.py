"""Layers: files as a compressed TAR that has the same bytes whenever and wherever it is made."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from kervan.deploy.image.layout import LAYER, Descriptor, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

USER = 10001
OURS = ("opt/kervan", "var/lib/kervan")  # folders that are made where they are missing
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a layer, or a folder where `read` is None; `path` is relative to the root.

    All belong to root, so that a server cannot change itself, except what is `writable`.
    """

    path: str
    read: Callable[[], bytes] | None = None
    executable: bool = False
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer that is kept: what it holds, its digest before it is compressed, and its bytes unpacked."""

    title: str
    descriptor: Descriptor
    diff: str
    size: int


class _Counted(io.RawIOBase):
    """Passes bytes on, and knows how many there were and their SHA-256."""

    def __init__(self, to: IO[bytes] | gzip.GzipFile) -> None:
        self._to = to
        self._hash = hashlib.sha256()
        self.count = 0

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        """Pass them on."""
        self._hash.update(content)
        self.count += len(content)
        self._to.write(content)
        return len(content)

    @property
    def digest(self) -> str:
        """The digest of all that was written."""
        return f"sha256:{self._hash.hexdigest()}"


def write_layer(title: str, entries: Iterable[Entry], layout: Layout) -> Layer:
    """Write a layer into a layout."""
    with tempfile.NamedTemporaryFile(dir=layout.folder, delete=False) as scratch:
        packed = _Counted(scratch.file)
        with gzip.GzipFile("", "wb", _LEVEL, packed, mtime=0) as compressed:
            plain = _Counted(compressed)
            with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                for entry in _with_folders(entries):
                    _add(archive, entry)
    descriptor = Descriptor(kind=LAYER, digest=packed.digest, size=packed.count)
    Path(scratch.name).chmod(0o644)
    Path(scratch.name).replace(layout.path(descriptor.digest))
    return Layer(title=title, descriptor=descriptor, diff=plain.digest, size=plain.count)


def _with_folders(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries by path, each once, behind the folders of ours that they lie in."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in map(str, PurePosixPath(path).parents):
            if any(parent == place or parent.startswith(f"{place}/") for place in OURS):
                found.setdefault(parent, Entry(path=parent))
    return [found[path] for path in sorted(found)]


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    told = tarfile.TarInfo(entry.path)
    told.mode = 0o755 if entry.executable or entry.read is None else 0o644
    told.uid = told.gid = USER if entry.writable else 0
    if entry.read is None:
        told.type = tarfile.DIRTYPE
        archive.addfile(told)
        return
    content = entry.read()
    told.size = len(content)
    archive.addfile(told, io.BytesIO(content))


def write_tree(entries: Iterable[Entry], folder: Path) -> None:
    """Write the same files into a folder, for those who make images from a folder."""
    for entry in _with_folders(entries):
        place = folder / entry.path
        if entry.read is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(entry.read())
        place.chmod(0o755 if entry.executable else 0o644)


def folder_entries(folder: Path, at: str) -> list[Entry]:
    """Return all files of a folder, to lie at a place in the image."""
    return [
        Entry(
            path=f"{at}/{path.relative_to(folder).as_posix()}",
            read=path.read_bytes,
            executable=bool(path.stat().st_mode & stat.S_IXUSR),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
