"""A table from a file: first its bytes are copied and hashed, then only the copy is read."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import (
    BrokenPlugin,
    InvalidConfig,
    InvalidData,
    InvalidInput,
    NotFound,
    StorageFailed,
    did_you_mean,
)
from kervan.core.identity import sha256_file
from kervan.core.nouns import Finding
from kervan.core.plugins import extras_named, plugin, plugins
from kervan.core.ports import ReadOptions, Source
from kervan.data.absent import doubtful, read_as_missing
from kervan.data.cast import suspicious_columns
from kervan.data.several import find_tables, is_pattern, pack, read_all
from kervan.data.sources.kinds import kind_of
from kervan.data.sources.packed import ENDINGS, beginning

if TYPE_CHECKING:
    import os
    from types import TracebackType

    import polars as pl

    from kervan.core.config import DataSettings

MINIMUM_ROWS = 10  # fewer cannot be told apart from noise, nor split into three parts
SPARE_BYTES = 64 << 20  # what stays free beside the copy

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A copy of the bytes of `source`, as they were at one moment, in a private temporary folder.

    Of several files `path` is a zip file that holds them, and `files` are their copies.
    Use it in a `with` block, or call `discard`.
    """

    source: str
    path: Path
    size: int
    sha256: str
    files: tuple[Path, ...] = ()

    def discard(self) -> None:
        """Remove the copy; nothing happens if it is gone already."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A table, and what was noticed while it was read."""

    table: pl.DataFrame
    warnings: tuple[Finding, ...] = ()


def find_source(location: str) -> Source:
    """Return the adapter that reads `location`, or raise `InvalidInput` that lists what can be read.

    Adapters are loaded one after the other, ours first, so that a broken one of another distribution stops
    only what nothing else reads.
    """
    endings: list[str] = []
    broken: list[str] = []
    for row in plugins("source").values():
        try:
            source: Source = row.load()
        except BrokenPlugin as error:
            broken.append(str(error))
            continue
        if "://" not in location and source.accepts(location):
            return source
        endings += getattr(source, "suffixes", (row.name,))
    raise InvalidInput(
        "; ".join([f"nothing here reads {location!r}", *broken]),
        hint=f"give a file that ends in {', '.join(endings)}; these may be compressed: {', '.join(ENDINGS)}",
    )


def reader(location: str, path: Path) -> Source:
    """Return the adapter that reads the file at `path`: by its content, where that is one of ours.

    An adapter of another distribution is taken at its word.
    """
    named = find_source(location)
    if not type(named).__module__.startswith("kervan."):
        return named
    kind = kind_of(beginning(path))
    return plugin("source", kind) if kind else named


def take(location: str, folder: Path) -> Snapshot:
    """Copy the file at `location` (relative to `folder`) and hash it on the way.

    A folder, or a pattern such as `sales/*.csv`, is all tables in it, in the order of their names. Raises
    `NotFound` or `InvalidInput` if there is no such file or nothing here reads it, `InvalidData` if it
    changes meanwhile, and `StorageFailed` if the disk has no room for the copy.
    """
    if not location:
        raise InvalidConfig("no data source is set", hint='say in `[data]`: source = "table.csv"')
    path = _locate(location, folder)
    if path.is_dir() or (is_pattern(location) and not path.exists()):
        return _take_several(location, folder)
    find_source(location)
    place = _private_folder()
    try:
        size, digest = copy_file(path, place / path.name)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return Snapshot(source=location, path=place / path.name, size=size, sha256=digest)


def read(snapshot: Snapshot, settings: DataSettings) -> Loaded:
    """Read the table from a snapshot, or raise `InvalidData` that names file, row and column."""
    dropped = [name for name, action in settings.protect.items() if action == "drop"]
    options = ReadOptions(
        separator=settings.separator, missing=settings.missing, dropped=(*settings.ignore, *dropped)
    )
    with extras_named():
        table = _read(snapshot, options)
    check_rows(table, snapshot.source if snapshot.files else snapshot.path.name)
    table = _without(table, settings)
    asked = _asked(snapshot, table, options, settings)
    return Loaded(table=table, warnings=(*suspicious_columns(table, hidden=settings.protect), *asked))


def read_whole(snapshot: Snapshot, settings: DataSettings) -> pl.DataFrame:
    """Read a table that others are looked up in, however short, with all its columns."""
    options = ReadOptions(separator=settings.separator, missing=settings.missing)
    with extras_named():
        return _read(snapshot, options)


def load(location: str, folder: Path, settings: DataSettings) -> Loaded:
    """Read the table at `location` (relative to `folder`) as it is at this moment."""
    with take(location, folder) as snapshot:
        return read(snapshot, settings)


def copy_file(path: Path, copy: Path) -> tuple[int, str]:
    """Copy a file and return its size in bytes and SHA-256.

    Raises `InvalidData` if the file changes while it is copied.
    """
    before = _status(path)
    check_space(before.st_size, copy.parent)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as original, copy.open("xb") as target:
            while piece := original.read(_CHUNK):
                digest.update(piece)
                size += target.write(piece)
    except OSError as error:
        raise StorageFailed(f"cannot copy {path} to {copy.parent}: {error.strerror}") from error
    if _identity(_status(path)) != _identity(before) or size != before.st_size:
        raise InvalidData(f"{path} changed while it was read", hint="try again when nobody writes to it")
    return size, digest.hexdigest()


def check_rows(table: pl.DataFrame, file: str) -> None:
    """Raise `InvalidData` unless a table has enough rows to learn from."""
    if table.height == 0:
        raise InvalidData(f"{file} has a header and no rows", hint="put rows of data below the header")
    if table.height < MINIMUM_ROWS:
        rows = "1 row" if table.height == 1 else f"{table.height} rows"
        raise InvalidData(
            f"{file} has only {rows}, at least {MINIMUM_ROWS} are needed",
            hint="a model needs rows to learn from and rows to be checked with",
        )


def check_space(size: int, folder: Path) -> None:
    """Raise `StorageFailed`, with figures, unless `folder` has room for `size` bytes and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise StorageFailed(
            f"the copy needs {(size + SPARE_BYTES) / 1e6:,.0f} MB in {folder}, {free / 1e6:,.0f} MB are free",
            hint="free some space, or set TMPDIR to a folder on a larger disk",
        )


def _read(snapshot: Snapshot, options: ReadOptions) -> pl.DataFrame:
    if not snapshot.files:
        return reader(snapshot.source, snapshot.path).read(snapshot.path, options)
    return read_all([(path, reader(path.name, path)) for path in snapshot.files], options)


def _take_several(location: str, folder: Path) -> Snapshot:
    """Copy the tables of a folder or a pattern, and pack the copies into one file."""
    root, found = find_tables(location, folder, _is_read)
    place = _private_folder()
    try:
        copies = []
        for each in found:
            copy = place / "files" / each.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy_file(each, copy)
            copies.append(copy)
        whole = place / "files.zip"
        check_space(sum(copy.stat().st_size for copy in copies), place)
        pack(copies, place / "files", whole)
        size, digest = whole.stat().st_size, sha256_file(whole)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return Snapshot(source=location, path=whole, size=size, sha256=digest, files=tuple(copies))


def _is_read(name: str) -> bool:
    try:
        find_source(name)
    except InvalidInput:
        return False
    return True


def _asked(
    snapshot: Snapshot, table: pl.DataFrame, options: ReadOptions, settings: DataSettings
) -> tuple[Finding, ...]:
    """Look for words that were read as missing and may be values, unless the user listed them."""
    names = doubtful(table, settings.target)
    if not names or settings.missing != MISSING_TEXTS:
        return ()
    whole = replace(options, missing=(), texts=tuple(table.columns))
    written = _read(snapshot, whole)
    return tuple(read_as_missing(written.select([written[name] for name in names]), table, settings.target))


def _without(table: pl.DataFrame, settings: DataSettings) -> pl.DataFrame:
    """Leave out the columns that the settings ignore."""
    import polars as pl

    for name in settings.ignore:
        if name not in table.columns:
            hint = did_you_mean(name, table.columns)
            raise InvalidConfig(f"[data] ignore: the table has no column {name!r}", hint=hint)
        if name == settings.target:
            raise InvalidConfig(
                f"[data] ignore: {name!r} is the target", hint="remove it there, or choose another target"
            )
    return pl.DataFrame([column for column in table.get_columns() if column.name not in settings.ignore])


def _locate(location: str, folder: Path) -> Path:
    try:
        path = folder / Path(location).expanduser()
        path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{location!r} cannot name a file: {error}") from error
    return path


def _private_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="kervan-"))
    except OSError as error:
        raise StorageFailed(
            f"cannot make a temporary folder: {error.strerror}", hint="set TMPDIR to a folder with room"
        ) from error


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
