"""All figures of a table, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.plugins import extras_named
from kervan.data.profile.batches import batches
from kervan.data.profile.bounds import Bounds, bounds_of, sample_rows
from kervan.data.profile.column import figures, tally_of
from kervan.data.profile.hashes import HashSample
from kervan.data.profile.nouns import TOP_VALUES, ColumnProfile, Profile, ValueCount
from kervan.data.profile.sample import RowSample
from kervan.data.profile.texts import TextTally, value_counts
from kervan.data.profile.whole import with_relations
from kervan.data.seen import different

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import polars as pl

    from kervan.core.schema import Schema, Type
    from kervan.data.profile.batches import Passing

ROW_HASHES = 1_000_000  # by which repeated rows are counted, 8 MB
_ALL = Bounds()


def profile(
    source: pl.DataFrame | Passing,
    schema: Schema | None = None,
    target: str = "",
    telling: Sequence[str] | None = None,
    private: Collection[str] = (),
) -> Profile:
    """Compute all figures of a table.

    A frame is profiled one column after the other, exactly. What passes in batches (a lazy frame, the path
    of a Parquet file, an iterable of frames) is read once and kept in bounded memory: see `Bounds` for what
    is exact up to which size. Without a `schema` the types are those of the values.

    If the column `target` holds classes (or at most 20 different numbers), they are counted. Rows repeat
    others that are equal in the columns `telling`, by default all. No advice is given about columns that are
    `private`: what becomes of them is a matter of protection.
    """
    with extras_named():
        import polars as pl
    types = {column.name: column.type for column in schema} if schema is not None else {}
    if isinstance(source, pl.DataFrame):
        passed = _in_memory(source, types, target, telling)
    else:
        passed = _passing(batches(source), types, target, telling)
    return with_relations(passed.profile, *passed.sample.finish(), private)


@dataclass(frozen=True, slots=True)
class _Passed:
    """The figures of each column, and the rows that were drawn."""

    profile: Profile
    sample: RowSample


def _in_memory(
    table: pl.DataFrame, types: dict[str, Type], target: str, telling: Sequence[str] | None
) -> _Passed:
    _check(target, table.columns)
    names = list(types) or table.columns
    sample = RowSample(sample_rows(len(names)))
    sample.add(table)
    columns: list[ColumnProfile] = []
    for name in names:  # one after the other, so that one is copied at a time
        tally = tally_of(table[name], types.get(name), _ALL)
        tally.add(table[name])
        columns.append(figures(name, tally, types.get(name), table[name].dtype))
    classes: tuple[ValueCount, ...] = ()
    if target and (not table[target].dtype.is_numeric() or table[target].n_unique() <= TOP_VALUES):
        classes = _classes(table[target])
    found = Profile(
        rows=table.height,
        duplicates=table.height - different(table, table.columns if telling is None else telling),
        memory=int(table.estimated_size()),
        columns=tuple(columns),
        target=target,
        classes=classes,
    )
    return _Passed(found, sample)


def _passing(
    found: Iterator[pl.DataFrame], types: dict[str, Type], target: str, telling: Sequence[str] | None
) -> _Passed:
    first = next(found)
    _check(target, first.columns)
    names, bounds = first.columns, bounds_of(first.width)
    tallies = {name: tally_of(first[name], types.get(name), bounds) for name in names}
    sample = RowSample(sample_rows(first.width))
    hashes = HashSample(ROW_HASHES, repeats=True)
    classes = _ClassTally(bounds)
    rows = memory = 0
    for batch in _again(first, found):
        for name, tally in tallies.items():
            tally.add(batch[name])
        if target:
            classes.add(batch[target])
        hashes.add(batch.select([batch[name] for name in telling or names]).hash_rows(seed=1).to_numpy())
        sample.add(batch)
        rows, memory = rows + batch.height, memory + int(batch.estimated_size())
    kinds = dict(zip(names, first.dtypes, strict=True))
    profiled = Profile(
        rows=rows,
        duplicates=hashes.repeated,
        duplicates_error=hashes.repeated_error,
        memory=memory,
        columns=tuple(figures(name, tally, types.get(name), kinds[name]) for name, tally in tallies.items()),
        target=target,
        classes=classes.finish(),
    )
    return _Passed(profiled, sample)


def _check(target: str, names: Sequence[str]) -> None:
    if target and target not in names:
        raise InvalidInput(f"there is no column {target!r}", hint=did_you_mean(target, names))


def _again(first: pl.DataFrame, others: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield first
    yield from others


class _ClassTally:
    """Counts the values of the target as classes, until numbers turn out to be too many for that."""

    def __init__(self, bounds: Bounds) -> None:
        self._tally: TextTally | None = TextTally(bounds)

    def add(self, values: pl.Series) -> None:
        if self._tally is None:
            return
        self._tally.add(values)
        if values.dtype.is_numeric() and self._tally.counts().height > TOP_VALUES:
            self._tally = None

    def finish(self) -> tuple[ValueCount, ...]:
        return () if self._tally is None else value_counts(self._tally.counts())


def _classes(values: pl.Series) -> tuple[ValueCount, ...]:
    tally = TextTally(_ALL)
    tally.add(values)
    return value_counts(tally.counts())
