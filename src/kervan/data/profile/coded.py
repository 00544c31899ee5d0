"""Sampled rows as arrays: each column's values as numbers, and as codes that are equal where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.nouns import Kind

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

BINS = 20  # into which numbers of more different values are cut


@dataclass(frozen=True, kw_only=True)  # without slots: what is computed once is kept
class Coded:
    """A column of the sampled rows, without those that are missing in `is_there`."""

    name: str
    kind: Kind
    values: pl.Series

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers that are more or less of something."""
        return self.kind in {Kind.NUMBER, Kind.COUNT, Kind.WEIGHT}

    @property
    def is_category(self) -> bool:
        """Whether the values are one of a few."""
        return self.kind in {Kind.CATEGORY, Kind.BOOLEAN}

    @cached_property
    def is_there(self) -> NDArray[np.bool_]:
        """Which rows have a value."""
        return self.values.is_not_null().to_numpy()

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Numbers, of which missing ones are NaN; days for dates."""
        import polars as pl

        kind = self.values.dtype
        plain = self.values.to_physical() if kind.is_temporal() else self.values
        return plain.cast(pl.Float64).fill_null(float("nan")).to_numpy()

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Numbers from 0 on that are equal where values are; missing is a value of its own."""
        import polars as pl

        return self.values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()

    @cached_property
    def size(self) -> int:
        """The number of different codes, missing ones among them, at most."""
        return int(self.codes.max(initial=0)) + 1

    @cached_property
    def distinct(self) -> int:
        """The number of different values in the sample, without missing ones."""
        return self.values.drop_nulls().n_unique()

    @cached_property
    def binned(self) -> NDArray[np.int64]:
        """Codes, of numbers in at most `BINS` bins of equally many values."""
        if not self.is_numeric or self.distinct <= BINS:
            return self.codes
        inner = np.unique(np.nanquantile(self.numbers, np.arange(1, BINS) / BINS))
        bins = np.searchsorted(inner, self.numbers, "right") + 1
        return np.where(self.is_there, bins, 0)


def table_of(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count how often two codes stand in the same row."""
    rows, columns = int(first.max(initial=0)) + 1, int(second.max(initial=0)) + 1
    counts = np.bincount(first * columns + second, minlength=rows * columns)
    return counts.reshape(rows, columns).astype(np.float64)
