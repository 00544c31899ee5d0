"""The figures of a table: what people look at before training, and what production is compared with after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from kervan.core.errors import NotFound
from kervan.core.schema import Type
from kervan.data.seen import different
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.schema import Column, Schema

TOP_VALUES = 20
HISTOGRAM_BINS = 20
STEPS = 100  # quantiles are taken at 0 %, 1 %, …, 100 %
FENCE = 1.5  # Tukey's rule: so many interquartile ranges beyond the quartiles lie the outliers


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """How many rows hold a value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberProfile:
    """The distribution of a numeric column's values; what overflows is missing.

    `quantiles` are 101 values of the column at the levels 0 %, 1 %, …, 100 % (inverse of the empirical
    distribution). For each of them `below` and `upto` are the exact shares of values under it, and not
    above it: with ties they differ. `edges` has one entry more than `counts`. `outliers` is a share.
    """

    minimum: float
    maximum: float
    mean: float | None
    median: float
    deviation: float | None
    skew: float | None
    quantiles: tuple[float, ...]
    below: tuple[float, ...]
    upto: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    outliers: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextProfile:
    """The most frequent values of a category, text or boolean column, and how many rows hold others.

    Of a category, `rest` lists the others too, the most frequent first: production is compared with them.
    """

    top: tuple[ValueCount, ...]
    others: int
    shortest: int
    longest: int
    rest: tuple[ValueCount, ...] = ()

    @property
    def known(self) -> tuple[ValueCount, ...]:
        """All values that are listed, the most frequent first."""
        return (*self.top, *self.rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column: `count` values are there, `missing` are not; dates have their extremes as ISO texts."""

    name: str
    type: Type
    count: int
    missing: int
    distinct: int
    numbers: NumberProfile | None = None
    texts: TextProfile | None = None
    earliest: str = ""
    latest: str = ""

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / max(1, self.count + self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A table: `duplicates` rows repeat an earlier one in all that a model learns from.

    `memory` is in bytes, `classes` are the target's.
    """

    rows: int
    duplicates: int
    memory: int
    columns: tuple[ColumnProfile, ...]
    target: str = ""
    classes: tuple[ValueCount, ...] = ()

    def column(self, name: str) -> ColumnProfile:
        """Return the figures of one column."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(f"the profile has no column {name!r}", hint="profile the table again")


def profile(
    table: pl.DataFrame, schema: Schema, target: str = "", telling: Sequence[str] | None = None
) -> Profile:
    """Compute all figures of a table, one column after the other, so that one column is copied at a time.

    If the column `target` holds classes (or at most 20 different numbers), they are counted. Rows repeat
    others that are equal in the columns `telling`, by default all.
    """
    classes: tuple[ValueCount, ...] = ()
    if target and (not table[target].dtype.is_numeric() or table[target].n_unique() <= TOP_VALUES):
        classes = _value_counts(as_texts(table[target].drop_nulls()))
    return Profile(
        rows=table.height,
        duplicates=table.height - different(table, table.columns if telling is None else telling),
        memory=int(table.estimated_size()),
        columns=tuple(_column(table[column.name], column) for column in schema),
        target=target,
        classes=classes,
    )


def _column(values: pl.Series, column: Column) -> ColumnProfile:
    present = values.drop_nulls()
    match column.type:
        case Type.INTEGER | Type.NUMBER:
            ordered = np.sort(present.to_numpy().astype(np.float64))
            numbers = _numbers(ordered) if len(ordered) else None
            # Counted as they are: as doubles, whole numbers beyond 2^53 would be fewer.
            return _figures(column, values, present.n_unique(), numbers=numbers)
        case Type.DATE | Type.DATETIME:
            ends = (present.min(), present.max()) if len(present) else ("", "")
            return _figures(column, values, present.n_unique(), dates=(str(ends[0]), str(ends[1])))
        case Type.CATEGORY | Type.TEXT | Type.BOOLEAN:
            counted = _value_counts(as_texts(present))
            return _figures(column, values, len(counted), texts=_texts(counted, column.type))
        case _:
            assert_never(column.type)


def _figures(
    column: Column,
    values: pl.Series,
    distinct: int,
    *,
    numbers: NumberProfile | None = None,
    texts: TextProfile | None = None,
    dates: tuple[str, str] = ("", ""),
) -> ColumnProfile:
    missing = values.null_count()
    return ColumnProfile(
        name=column.name,
        type=column.type,
        count=len(values) - missing,
        missing=missing,
        distinct=distinct,
        numbers=numbers,
        texts=texts,
        earliest=dates[0],
        latest=dates[1],
    )


def _numbers(ordered: NDArray[np.float64]) -> NumberProfile:
    size = len(ordered)
    ranks = np.maximum(1, -(-np.arange(STEPS + 1) * size // STEPS))
    points = ordered[ranks - 1]
    lower, upper = points[STEPS // 4], points[3 * STEPS // 4]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation, skew = _moments(ordered)
        reach = FENCE * (upper - lower)
        inside = np.searchsorted(ordered, upper + reach, "right") - np.searchsorted(ordered, lower - reach)
        is_flat = not np.isfinite(ordered[-1] - ordered[0]) or ordered[0] == ordered[-1]
    if is_flat:
        counts, edges = np.array([size]), ordered[[0, -1]]
    else:
        counts, edges = np.histogram(ordered, bins=HISTOGRAM_BINS)
    return NumberProfile(
        minimum=float(ordered[0]),
        maximum=float(ordered[-1]),
        mean=mean,
        median=float(ordered[(size - 1) // 2] / 2 + ordered[size // 2] / 2),
        deviation=deviation,
        skew=skew,
        quantiles=tuple(points.tolist()),
        below=tuple((np.searchsorted(ordered, points, "left") / size).tolist()),
        upto=tuple((np.searchsorted(ordered, points, "right") / size).tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        outliers=float(1 - inside / size),
    )


def _moments(values: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Return mean, standard deviation (n - 1) and skew (population's, Fisher-Pearson)."""
    mean = values.mean()
    apart = values - mean
    variance = np.mean(apart * apart)
    deviation = np.sqrt(variance * len(values) / (len(values) - 1)) if len(values) > 1 else np.nan
    skew = np.mean(apart**3) / variance**1.5 if variance > 0 else np.nan
    return _finite(mean), _finite(deviation), _finite(skew)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _value_counts(labels: pl.Series) -> tuple[ValueCount, ...]:
    """Count the values, the most frequent first, equally frequent ones by code point."""
    counted = (
        labels.alias("value").value_counts(name="count").sort(["count", "value"], descending=[True, False])
    )
    return tuple(ValueCount(value=value, count=count) for value, count in counted.iter_rows())


def _texts(counted: tuple[ValueCount, ...], kind: Type) -> TextProfile:
    lengths = [len(each.value) for each in counted] or [0]
    top = counted[:TOP_VALUES]
    if kind is Type.TEXT:  # a free text that is there once says nothing about the table, but much of its row
        top = tuple(each for each in top if each.count > 1)
    return TextProfile(
        top=top,
        others=sum(each.count for each in counted[len(top) :]),
        shortest=min(lengths),
        longest=max(lengths),
        rest=() if kind is Type.TEXT else counted[len(top) :],
    )
