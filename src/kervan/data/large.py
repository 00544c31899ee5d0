"""Tables larger than memory: read in batches, as the same table would be read at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidData
from kervan.core.fetching import nobody
from kervan.core.plugins import extras_named
from kervan.core.ports import Batching
from kervan.data.absent import Words, doubtful
from kervan.data.cast import Typing, suspicious_columns, without_missing
from kervan.data.connectors.find import Seldom
from kervan.data.ingest import Loaded, as_written, check_ignored, check_rows, name_of, options_of
from kervan.data.names import check_unreserved
from kervan.data.pieces import Pieces, PieceWriter, places, spread
from kervan.data.scratch import scratch
from kervan.data.several import Met, Together, check_kinds
from kervan.data.sources.arrow import ArrowSource
from kervan.data.sources.csv import CsvSource
from kervan.data.sources.find import reader
from kervan.data.sources.packed import packing_of, start_of, unpack, unpacked_size
from kervan.data.sources.parquet import ParquetSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    import polars as pl

    from kervan.core.config import DataSettings
    from kervan.core.fetching import Tell
    from kervan.core.nouns import Finding
    from kervan.core.ports import ReadOptions
    from kervan.data.ingest import Snapshot


AnyLoaded: TypeAlias = "Loaded[pl.DataFrame | Pieces]"


def weight(snapshot: Snapshot) -> int:
    """Return about how many bytes a table takes in memory, judged without reading it."""
    return sum(map(_weight, snapshot.files or (snapshot.path,)))


def read_pieces(
    snapshot: Snapshot, settings: DataSettings, folder: Path, tell: Tell = nobody
) -> Loaded[Pieces]:
    """Read the table from a snapshot into a new folder, in memory that does not grow with its rows.

    It has the values, types and warnings that `ingest.read` gives, and what that refuses is refused in the
    same words. Only what texts look like is judged by some of very many rows, and says so. Raises
    `InvalidData` for a file that is not read in batches. `tell` hears how many rows came so far.
    """
    options = options_of(settings)
    with extras_named(), scratch() as place:
        files = _Files(snapshot, place)
        kept = _Kept(folder / "rows", settings.ignore, Seldom(tell))
        if snapshot.files:
            columns = _several(files, options, kept)
        else:
            columns = kept.add_all(files.batches(0, options))
        table = kept.finish()
        check_rows(table.height, name_of(snapshot))
        check_ignored(columns, settings)
        check_unreserved(table.columns, snapshot.source)
        asked = _asked(files, table, kept.lacking, settings)
    return Loaded(table=table, warnings=(*looks_of(table, settings), *asked))


class _Files:
    """The files of a snapshot, each unpacked once, when it is read first."""

    def __init__(self, snapshot: Snapshot, place: Path) -> None:
        paths = snapshot.files or (snapshot.path,)
        self._sources = [(path, reader(path.name, path)) for path in paths]
        check_kinds(self._sources)
        self._place = place
        self._plain: dict[int, Path] = {}
        self.names = [path.name for path in paths]
        self.are_texts = isinstance(self._sources[0][1], CsvSource)

    def batches(self, at: int, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield the rows of one file."""
        path, source = self._sources[at]
        if not isinstance(source, Batching):
            raise InvalidData(
                f"{path.name} is too large to be read at once, and its kind is not read in batches",
                hint="write it as Parquet, CSV or NDJSON, or raise `[data] memory` if the machine has it",
            )
        if at not in self._plain:
            folder = self._place / str(at)
            folder.mkdir()
            self._plain[at] = unpack(path, folder)
        return source.batches(self._plain[at], options)

    def all_batches(self, options: ReadOptions) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the rows of one file after the other, with the file's place."""
        for at in range(len(self._sources)):
            for batch in self.batches(at, options):
                yield at, batch


class _Kept:
    """Writes batches without the columns that are ignored, and notes in which a value is missing."""

    def __init__(self, folder: Path, ignored: Collection[str], tell: Tell) -> None:
        self.folder = folder
        self.lacking: set[str] = set()
        self._writer = PieceWriter(folder)
        self._ignored = frozenset(ignored)
        self._tell = tell
        self._rows = 0

    def add(self, batch: pl.DataFrame) -> None:
        import polars as pl

        columns = [each for each in batch.get_columns() if each.name not in self._ignored]
        self.lacking.update(each.name for each in columns if each.null_count())
        self._rows += batch.height
        self._writer.add(pl.DataFrame(columns))
        self._tell(f"{self._rows:,} rows")

    def add_all(self, batches: Iterable[pl.DataFrame]) -> list[str]:
        """Write all batches, and return the names of their columns."""
        names: list[str] = []
        for batch in batches:
            names = batch.columns
            self.add(batch)
        return names

    def finish(self) -> Pieces:
        with self._writer:
            pass
        return self._writer.finish()


def _several(files: _Files, options: ReadOptions, kept: _Kept) -> list[str]:
    """Write the rows of several files, brought to the same types, and return the names of the columns.

    They pass once more than those of one: which types they have is known after the last.
    """
    import polars as pl

    met = [Met(name) for name in files.names]
    for at, batch in files.all_batches(options):
        met[at].add(batch)
    together = Together(met, by_texts=files.are_texts)
    differing = together.differing
    whole = replace(options, texts=(*options.texts, *differing))
    typing = Typing(options.texts)
    for _, batch in files.all_batches(whole) if differing else ():
        typing.note(pl.DataFrame([batch[name] for name in differing]))
    names: list[str] = []
    for at, batch in files.all_batches(whole):
        found = together.brought(batch, met[at])
        by_all = typing.read(pl.DataFrame([found[name] for name in differing]))
        by_all = without_missing(by_all, options.missing)
        kept.add(found.with_columns(by_all.get_columns()))
        names = found.columns
    return names


def _asked(
    files: _Files, table: Pieces, lacking: Collection[str], settings: DataSettings
) -> tuple[Finding, ...]:
    """Look for words that were read as missing and may be values, unless the user listed them."""
    names = doubtful(table.schema, lacking, settings.target)
    if not names or settings.missing != MISSING_TEXTS:
        return ()
    words = Words(names)
    for _, batch in files.all_batches(as_written(options_of(settings), table.columns)):
        words.count(batch)
    return tuple(words.findings(table.schema, settings.target))


def looks_of(table: pl.DataFrame | Pieces, settings: DataSettings) -> Iterator[Finding]:
    """Yield what columns look like, judged by some of very many rows."""
    if not isinstance(table, Pieces):
        yield from suspicious_columns(table, hidden=settings.protect)
        return
    rows = places(table).tolist()
    is_whole = len(rows) == table.height
    seen = "" if is_whole else f"; {len(rows):,} of {table.height:,} rows were looked at"
    for each in suspicious_columns(spread(table), hidden=settings.protect, places=rows):
        yield replace(each, message=each.message + seen)


def _weight(path: Path) -> int:
    source = reader(path.name, path)
    if isinstance(source, ParquetSource | ArrowSource) and not packing_of(start_of(path)):
        return source.weight(path)
    return unpacked_size(path)
