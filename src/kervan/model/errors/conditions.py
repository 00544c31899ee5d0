"""What rows can have in common: a category, a range of numbers or days, nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.schema import Column

_RANGES = 5
_CATEGORIES = 20
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a column holds in some rows, in words: `= Private`, `37 to 48`, `is missing`."""

    column: str
    said: str

    def __str__(self) -> str:
        return f"{self.column} {self.said}"


Found = tuple[Condition, "NDArray[np.bool_]"]


def conditions(table: pl.DataFrame, columns: Sequence[Column]) -> Iterator[Found]:
    """Yield the conditions that part each column of a table, each with the rows that fulfil it.

    Numbers and days are parted at their fifths, of categories the twenty most frequent count; a free text
    is there or missing.
    """
    for column in columns:
        values = table[column.name]
        missing = values.is_null().to_numpy()
        if values.dtype.is_float():
            missing = missing | values.is_nan().fill_null(value=False).to_numpy()
        if column.type is Type.TEXT:
            yield from _missing(column.name, missing)
            if missing.any():
                yield Condition(column=column.name, said="is there"), ~missing
        elif column.type in {Type.CATEGORY, Type.BOOLEAN} or values.n_unique() <= _RANGES + 1:
            yield from _categories(values, column.name, missing)
        else:
            yield from _ranges(values, column, missing)


def _missing(name: str, missing: NDArray[np.bool_]) -> Iterator[Found]:
    if missing.any():
        yield Condition(column=name, said="is missing"), missing


def _categories(values: pl.Series, name: str, missing: NDArray[np.bool_]) -> Iterator[Found]:
    import polars as pl

    texts = values.cast(pl.String) if values.dtype != pl.String else values
    counts = texts.drop_nulls().value_counts(sort=True)
    for value in sorted(counts[counts.columns[0]].head(_CATEGORIES).to_list()):
        yield (
            Condition(column=name, said=f"= {value}"),
            (texts == value).fill_null(value=False).to_numpy() & ~missing,
        )
    yield from _missing(name, missing)


def _ranges(values: pl.Series, column: Column, missing: NDArray[np.bool_]) -> Iterator[Found]:
    import polars as pl

    if values.dtype.is_temporal():
        numbers = values.cast(pl.Date).to_physical().cast(pl.Float64).to_numpy()
    else:
        numbers = values.cast(pl.Float64, strict=False).to_numpy()
    known = numbers[~missing]
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _RANGES + 1)[1:-1], method="inverted_cdf"))
        places = np.searchsorted(edges, numbers, "left")  # each range takes its upper end
        for place in np.unique(places[~missing]):
            inside = (places == place) & ~missing
            low, high = _said(numbers[inside].min(), column), _said(numbers[inside].max(), column)
            said = f"= {low}" if low == high else f"{low} to {high}"
            yield Condition(column=column.name, said=said), inside
    yield from _missing(column.name, missing)


def _said(value: float, column: Column) -> str:
    if column.type in {Type.DATE, Type.DATETIME}:
        return (_EPOCH + timedelta(days=int(value))).isoformat()
    return f"{value:.6g}"
