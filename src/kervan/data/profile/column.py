"""The figures of one column, whatever its type: a tally that takes batches, and what it has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, assert_never

from kervan.core.schema import Type
from kervan.data.columns import type_of, type_of_texts
from kervan.data.profile.dates import DateTally
from kervan.data.profile.kinds import kind_of
from kervan.data.profile.nouns import ColumnProfile
from kervan.data.profile.numbers import NumberTally
from kervan.data.profile.texts import TextTally

if TYPE_CHECKING:
    import polars as pl

    from kervan.data.profile.bounds import Bounds

Tally: TypeAlias = NumberTally | TextTally | DateTally


def tally_of(values: pl.Series, kind: Type | None, bounds: Bounds) -> Tally:
    """Return an empty tally for a column of this type, by default that of the values."""
    match kind or type_of(values.alias("")):
        case Type.INTEGER | Type.NUMBER:
            return NumberTally(bounds)
        case Type.DATE | Type.DATETIME:
            return DateTally(bounds)
        case Type.CATEGORY | Type.TEXT | Type.BOOLEAN:
            return TextTally(bounds)
        case _ as never:
            assert_never(never)


def figures(name: str, tally: Tally, kind: Type | None, dtype: pl.DataType) -> ColumnProfile:
    """Return what a tally has come to; of texts whose type is not known, how many differ decides."""
    if isinstance(tally, NumberTally):
        numbers, distinct, error = tally.finish()
        if tally.is_rising:
            distinct, error = tally.count, 0.0
        known = kind or (Type.INTEGER if dtype.is_integer() else Type.NUMBER)
        found = ColumnProfile(
            name=name,
            type=known,
            count=tally.count,
            missing=tally.missing,
            distinct=distinct,
            distinct_error=error,
            numbers=numbers,
        )
        return _with_kind(found, is_rising=tally.is_rising)
    if isinstance(tally, DateTally):
        distinct, error = tally.distinct()
        earliest, latest = tally.ends
        found = ColumnProfile(
            name=name,
            type=kind or _temporal(dtype),
            count=tally.count,
            missing=tally.missing,
            distinct=distinct,
            distinct_error=error,
            earliest=earliest,
            latest=latest,
        )
        return _with_kind(found)
    return _texts(name, tally, kind, dtype)


def _texts(name: str, tally: TextTally, kind: Type | None, dtype: pl.DataType) -> ColumnProfile:
    import polars as pl

    counts = tally.counts()
    distinct, error = tally.distinct(counts)
    judged = Type.BOOLEAN if dtype == pl.Boolean else type_of_texts(distinct, tally.count)
    found = ColumnProfile(
        name=name,
        type=kind or judged,
        count=tally.count,
        missing=tally.missing,
        distinct=distinct,
        distinct_error=error,
        texts=tally.finish(counts, kind or judged),
    )
    return _with_kind(found)


def _temporal(dtype: pl.DataType) -> Type:
    import polars as pl

    return Type.DATE if dtype == pl.Date else Type.DATETIME


def _with_kind(found: ColumnProfile, *, is_rising: bool = False) -> ColumnProfile:
    from dataclasses import replace

    return replace(found, kind=kind_of(found, is_rising=is_rising))
