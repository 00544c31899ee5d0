"""Files of this machine: copied, and hashed on the way, so that only the copy is read."""

from __future__ import annotations

import hashlib
import stat
import time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData, InvalidInput, NotFound, StorageFailed
from kervan.core.fetching import Estimate, Fetched, Retrieval, nobody
from kervan.data.connectors.delta import DeltaConnector, is_delta
from kervan.data.connectors.together import pack_together
from kervan.data.room import PIECE, amount, check_space
from kervan.data.several import find_tables, is_pattern
from kervan.data.sources.find import find_source, is_read

if TYPE_CHECKING:
    import os

    from kervan.core.fetching import TableRequest, Tell


class LocalConnector:
    """A file, all tables of a folder, or those of a pattern such as `sales/*.csv`."""

    def accepts(self, location: str) -> bool:
        """Say whether it is no URL, or one of a file."""
        return "://" not in location or location.startswith("file://")

    def estimate(self, request: TableRequest) -> Estimate:
        """Return the size of the files."""
        if _is_lake(request):
            return DeltaConnector().estimate(request)
        request.require_only()
        _, files = _found(request)
        size = sum(_status(path).st_size for path in files)
        return Estimate(fetched=size, stored=size)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Copy the file, or all files of a folder or a pattern in the order of their names.

        Raises `NotFound` or `InvalidInput` if there is no such file, `InvalidData` if it changes meanwhile,
        and `StorageFailed` if the disk has no room for the copy.
        """
        if _is_lake(request):
            return DeltaConnector().fetch(request, folder, tell)
        root, files = _found(request)
        now = time.time()
        if root is None:
            _, digest = copy_file(files[0], folder / files[0].name, tell)
            return Fetched(path=folder / files[0].name, sha256=digest, retrieval=Retrieval(time=now))
        copies = []
        for each in files:
            copy = folder / "files" / each.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy_file(each, copy, tell)
            copies.append(copy)
        whole = pack_together(copies, folder)
        return Fetched(path=whole, files=tuple(copies), retrieval=Retrieval(time=now))


def copy_file(path: Path, copy: Path, tell: Tell = nobody) -> tuple[int, str]:
    """Copy a file and return its size in bytes and SHA-256.

    Raises `InvalidData` if the file changes while it is copied.
    """
    before = _status(path)
    check_space(before.st_size, copy.parent)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as original, copy.open("xb") as target:
            while piece := original.read(PIECE):
                digest.update(piece)
                size += target.write(piece)
                tell(f"{amount(size)} of {amount(before.st_size)}")
    except OSError as error:
        raise StorageFailed(f"cannot copy {path} to {copy.parent}: {error.strerror}") from error
    if _identity(_status(path)) != _identity(before) or size != before.st_size:
        raise InvalidData(f"{path} changed while it was read", hint="try again when nobody writes to it")
    return size, digest.hexdigest()


def _is_lake(request: TableRequest) -> bool:
    """Say whether it is the folder of a Delta table, whose files are not all of it, nor all its own."""
    return is_delta(_locate(request.location.removeprefix("file://"), request.folder))


def _found(request: TableRequest) -> tuple[Path | None, list[Path]]:
    """Return the one file, or the files of a folder or a pattern and where these begin."""
    location = request.location.removeprefix("file://")
    path = _locate(location, request.folder)
    if path.is_dir() or (is_pattern(location) and not path.exists()):
        return find_tables(location, request.folder, is_read)
    find_source(location)
    _status(path)
    return None, [path]


def _locate(location: str, folder: Path) -> Path:
    try:
        path = folder / Path(location).expanduser()
        path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{location!r} cannot name a file: {error}") from error
    return path


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", hint=_near(path)) from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {path}: {error}", hint="check its name and permissions") from error
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(
            f"{path} is no file, but a folder, pipe or device", hint="copy the data to a file, and name that"
        )
    return status


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _near(path: Path) -> str:
    """Say which file of the same folder was probably meant."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    try:
        names = sorted(each.name for each in path.parent.iterdir() if each.is_file())
    except OSError:
        names = []
    near = get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"check the name, or put the file into {path.parent}"
