"""A table from wherever it lies: first it is fetched and hashed, then only what came is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean
from kervan.core.fetching import UNTOLD, Retrieval, nobody
from kervan.core.identity import sha256_file
from kervan.core.nouns import Finding
from kervan.core.plugins import extras_named
from kervan.core.ports import ReadOptions
from kervan.data.absent import Words, doubtful
from kervan.data.cast import suspicious_columns
from kervan.data.connectors.find import Seldom, find_connector, hidden, request_of
from kervan.data.names import check_unreserved
from kervan.data.pieces import Rows_co
from kervan.data.room import check_space
from kervan.data.scratch import give_up, private_folder
from kervan.data.several import read_all
from kervan.data.sources.find import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    import polars as pl

    from kervan.core.config import DataSettings
    from kervan.core.fetching import Estimate, Tell
    from kervan.core.ports import Connector

MINIMUM_ROWS = 10  # fewer cannot be told apart from noise, nor split into three parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What came from `source`, as it was at one moment, in a private temporary folder.

    Of several files `path` is a zip file that holds them, and `files` are their copies.
    Use it in a `with` block, or call `discard`.
    """

    source: str
    path: Path
    size: int
    sha256: str
    files: tuple[Path, ...] = ()
    retrieval: Retrieval = UNTOLD

    def discard(self) -> None:
        """Remove the copy; nothing happens if it is gone already."""
        give_up(self.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[Rows_co]):
    """A table, and what was noticed while it was read."""

    table: Rows_co
    warnings: tuple[Finding, ...] = ()


def take(
    location: str,
    folder: Path,
    settings: DataSettings | None = None,
    tell: Tell = nobody,
    admit: Callable[[Estimate], None] = nobody,
    own: Sequence[Connector] = (),
) -> Snapshot:
    """Fetch the table at `location` (files are relative to `folder`) and hash what came.

    `settings` say what of a database is wanted, `tell` hears how far it is after two seconds and then every
    five, `admit` may refuse what is too large before anything is fetched. `own` are adapters beside those of
    the plug-in table.

    A folder, or a pattern such as `sales/*.csv`, is all tables in it, in the order of their names. Raises
    `NotFound` or `InvalidInput` if there is no such table or nothing here fetches or reads it, `InvalidData`
    if it changes meanwhile, `ServerFailed` if its server does not answer, and `StorageFailed` if the disk has
    no room for it. Whatever stops it, nothing is left behind.
    """
    request = request_of(location, folder, settings)
    connector = find_connector(request.location, own)
    place = private_folder()
    try:
        with extras_named(), hidden(request):
            estimated = connector.estimate(request)
            check_space(estimated.fetched or 0, place)
            admit(estimated)
            fetched = connector.fetch(request, place, Seldom(tell))
        digest = fetched.sha256 or sha256_file(fetched.path)
    except BaseException:
        give_up(place)
        raise
    return Snapshot(
        source=request.source,
        path=fetched.path,
        size=fetched.path.stat().st_size,
        sha256=digest,
        files=fetched.files,
        retrieval=fetched.retrieval,
    )


def read(snapshot: Snapshot, settings: DataSettings) -> Loaded[pl.DataFrame]:
    """Read the table from a snapshot, or raise `InvalidData` that names file, row and column."""
    import polars as pl

    options = options_of(settings)
    with extras_named():
        table = _read(snapshot, options)
    check_rows(table.height, name_of(snapshot))
    check_ignored(table.columns, settings)
    table = pl.DataFrame([each for each in table.get_columns() if each.name not in settings.ignore])
    check_unreserved(table.columns, snapshot.source)
    asked = _asked(snapshot, table, options, settings)
    return Loaded(table=table, warnings=(*suspicious_columns(table, hidden=settings.protect), *asked))


def options_of(settings: DataSettings) -> ReadOptions:
    """Return how the settings want a table to be read."""
    dropped = [name for name, action in settings.protect.items() if action == "drop"]
    return ReadOptions(
        separator=settings.separator,
        encoding=settings.encoding,
        missing=settings.missing,
        dropped=(*settings.ignore, *dropped),
        sheet=settings.sheet,
    )


def name_of(snapshot: Snapshot) -> str:
    """Return how messages call what was read: the file, or the source of several."""
    return snapshot.source if snapshot.files else snapshot.path.name


def read_whole(snapshot: Snapshot, settings: DataSettings) -> pl.DataFrame:
    """Read a table that others are looked up in, however short, with all its columns."""
    options = ReadOptions(separator=settings.separator, encoding=settings.encoding, missing=settings.missing)
    with extras_named():
        table = _read(snapshot, options)
    check_unreserved(table.columns, snapshot.source)
    return table


def load(location: str, folder: Path, settings: DataSettings) -> Loaded[pl.DataFrame]:
    """Read the table at `location` (relative to `folder`) as it is at this moment."""
    with take(location, folder, settings) as snapshot:
        return read(snapshot, settings)


def check_rows(height: int, file: str) -> None:
    """Raise `InvalidData` unless a table has enough rows to learn from."""
    if height == 0:
        raise InvalidData(f"{file} has a header and no rows", hint="put rows of data below the header")
    if height < MINIMUM_ROWS:
        rows = "1 row" if height == 1 else f"{height} rows"
        raise InvalidData(
            f"{file} has only {rows}, at least {MINIMUM_ROWS} are needed",
            hint="a model needs rows to learn from and rows to be checked with",
        )


def _read(snapshot: Snapshot, options: ReadOptions) -> pl.DataFrame:
    if not snapshot.files:
        return reader(snapshot.path.name, snapshot.path).read(snapshot.path, options)
    return read_all([(path, reader(path.name, path)) for path in snapshot.files], options)


def _asked(
    snapshot: Snapshot, table: pl.DataFrame, options: ReadOptions, settings: DataSettings
) -> tuple[Finding, ...]:
    """Look for words that were read as missing and may be values, unless the user listed them."""
    lacking = [column.name for column in table.get_columns() if column.null_count()]
    names = doubtful(table.schema, lacking, settings.target)
    if not names or settings.missing != MISSING_TEXTS:
        return ()
    words = Words(names)
    words.count(_read(snapshot, as_written(options, table.columns)))
    return tuple(words.findings(table.schema, settings.target))


def as_written(options: ReadOptions, names: Sequence[str]) -> ReadOptions:
    """Return how to read texts as they are, those that mean missing too."""
    return replace(options, missing=(), texts=tuple(names))


def check_ignored(names: Sequence[str], settings: DataSettings) -> None:
    """Raise `InvalidConfig` if the settings ignore a column that is not there, or the target."""
    for name in settings.ignore:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InvalidConfig(f"[data] ignore: the table has no column {name!r}", hint=hint)
        if name == settings.target:
            raise InvalidConfig(
                f"[data] ignore: {name!r} is the target", hint="remove it there, or choose another target"
            )
