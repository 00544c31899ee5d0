"""One column's distribution, and the way between its values and normal scores.

A value's score is the mean of a standard normal between the two quantiles that the value takes up (Olsson,
Drasgow, Dorans: The polyserial correlation coefficient, 1982), so one formula serves numbers, numbers with
many equal values, and categories in some order. What fewer than `RARE` rows have is not remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RARE = 5
_FEW = 50  # different numbers are kept as they are, more are drawn between quantiles
_KNOTS = 1001
_MOST_DECIMALS = 9
_UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)  # microseconds
_EXACT = 1e6  # up to this, floats tell apart nine decimals
_HUGE = 1e300  # sums of a few of them are numbers still
_LARGEST = np.nextafter(2.0**63, 0)  # of the floats that are 64-bit integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """A column's distribution: of `levels` with their `shares`, or of numbers between `knots`.

    Knots are evenly spaced quantiles, the outermost the means of some extreme values; `step` is what all
    values are multiples of. With neither, values are numbered labels, of which nothing is remembered.
    `missing` is a share; `rare` says how many rows had a value that is not remembered.
    """

    name: str
    dtype: pl.DataType
    missing: float = 0.0
    levels: tuple[Any, ...] = ()
    shares: Floats = field(default_factory=lambda: np.empty(0))
    knots: Floats = field(default_factory=lambda: np.empty(0))
    step: float = 0.0
    rare: int = 0

    @property
    def is_label(self) -> bool:
        """Say whether nothing is known but how many values are missing."""
        return not self.levels and not len(self.knots)

    @property
    def is_nominal(self) -> bool:
        """Say whether the order of the levels means nothing."""
        return bool(self.levels) and self.dtype.is_(_text())

    def scores(self, column: pl.Series) -> Floats:
        """Return a column's normal scores, NaN for missing values and those that are not remembered."""
        if self.levels:
            return self._level_scores(column)
        if not len(self.knots):
            return np.full(len(column), np.nan)
        values = _physical(column)
        places = np.linspace(0, 1, len(self.knots))
        low = np.maximum(np.searchsorted(self.knots, values, "left") - 1, 0)
        high = np.minimum(np.searchsorted(self.knots, values, "right"), len(places) - 1)
        return np.where(np.isnan(values), np.nan, _mean_scores(places[low], places[high]))

    def values(self, uniform: Floats) -> pl.Series:
        """Return the values at places between 0 and 1."""
        import polars as pl

        if self.levels:
            at = np.searchsorted(np.cumsum(self.shares)[:-1], uniform, "right")
            return pl.Series(self.name, self.levels, dtype=self.dtype)[at]
        if not len(self.knots):
            return _labels(self, len(uniform))
        drawn = np.interp(uniform, np.linspace(0, 1, len(self.knots)), self.knots)
        if self.step:
            drawn = np.round(drawn / self.step) * self.step
        if self.dtype.is_float():
            return pl.Series(self.name, np.round(drawn, _MOST_DECIMALS) if self.step else drawn).cast(
                self.dtype
            )
        return pl.Series(self.name, np.clip(drawn, -_LARGEST, _LARGEST).astype(np.int64)).cast(self.dtype)

    def in_order(self, means: Floats) -> Marginal:
        """Return it with its levels in the order of some numbers."""
        order = np.argsort(means, kind="stable")
        levels = tuple(self.levels[at] for at in order)
        return replace(self, levels=levels, shares=self.shares[order])

    def codes(self, column: pl.Series) -> NDArray[np.int64]:
        """Return the place of each value among the levels, -1 for others."""
        import polars as pl

        known = pl.Series(self.levels, dtype=self.dtype)
        places = pl.Series(range(len(self.levels)), dtype=pl.Int64)
        found = column.cast(self.dtype).replace_strict(known, places, default=-1, return_dtype=pl.Int64)
        return found.fill_null(-1).to_numpy()

    def _level_scores(self, column: pl.Series) -> Floats:
        ends = np.concatenate([[0.0], np.cumsum(self.shares)])
        ends[-1] = 1.0
        scores = np.append(_mean_scores(ends[:-1], ends[1:]), np.nan)  # the last for code -1
        return np.asarray(scores[self.codes(column)], dtype=np.float64)


def marginal_of(column: pl.Series) -> Marginal:
    """Return the distribution of a column."""
    import polars as pl

    missing = column.null_count() / max(1, len(column))
    base = Marginal(name=column.name, dtype=column.dtype, missing=missing)
    values = column.drop_nulls()
    if values.dtype.is_float():
        values = values.filter(values.is_finite())
    counts = values.value_counts(name="\x00n").sort(column.name)
    is_text = column.dtype == pl.String
    if is_text or column.dtype == pl.Boolean or len(counts) <= min(_FEW, len(values) / RARE):
        return _of_levels(base, counts, len(values), is_text=is_text)
    step = _step(values)
    sorted_ = np.sort(_physical(values))
    knots = np.quantile(sorted_, np.linspace(0, 1, max(2, min(_KNOTS, len(sorted_) // RARE))))
    few = max(1, min(RARE, len(sorted_) // (4 * RARE)))
    knots[0], knots[-1] = sorted_[:few].mean(), sorted_[-few:].mean()
    return replace(base, knots=np.maximum.accumulate(np.minimum(knots, knots[-1])), step=step)


def _of_levels(base: Marginal, counts: pl.DataFrame, rows: int, *, is_text: bool) -> Marginal:
    import polars as pl

    common = counts.filter(pl.col("\x00n") >= RARE)
    kept = int(common["\x00n"].sum())
    if not kept or (is_text and kept < rows / 2):
        return replace(base, rare=rows)
    if is_text:
        common = common.sort("\x00n", descending=True, maintain_order=True)
    shares = common["\x00n"].to_numpy() / kept
    return replace(base, levels=tuple(common[base.name]), shares=shares, rare=rows - kept)


def _labels(marginal: Marginal, count: int) -> pl.Series:
    """Return values that tell nothing: numbered texts, or missing values of another type."""
    import polars as pl

    if marginal.dtype != pl.String or marginal.missing == 1:
        return pl.Series(marginal.name, [None] * count, dtype=marginal.dtype)
    return pl.Series(marginal.name, [f"{marginal.name} {at}" for at in range(1, count + 1)])


def _mean_scores(low: Floats, high: Floats) -> Floats:
    from scipy.special import ndtri

    def density(place: Floats) -> Floats:
        height = np.exp(-np.square(ndtri(place)) / 2) / np.sqrt(2 * np.pi)
        return np.asarray(height, dtype=np.float64)

    width = np.maximum(high - low, 1e-12)
    return np.asarray((density(low) - density(high)) / width, dtype=np.float64)


def _physical(column: pl.Series) -> Floats:
    """Return numbers, days, or microseconds; NaN for missing values."""
    if column.dtype.is_temporal():
        column = column.to_physical()
    import polars as pl

    values = column.cast(pl.Float64).to_numpy()
    return np.where(np.isfinite(values), np.clip(values, -_HUGE, _HUGE), np.nan)


def _step(values: pl.Series) -> float:
    """Return what all values are multiples of: a unit of time, one, or a power of ten; 0 if there is none."""
    import polars as pl

    if isinstance(values.dtype, pl.Datetime):
        physical = values.to_physical()
        return float(next(unit for unit in _UNITS if not (physical % unit).ne(0).any()))
    if not values.dtype.is_float():
        return 1.0
    numbers = values.to_numpy()
    if len(numbers) and np.abs(numbers).max() > _EXACT:
        return 0.0
    for decimals in range(_MOST_DECIMALS):
        if np.array_equal(np.round(numbers, decimals), numbers):
            return float(10.0**-decimals)
    return 0.0


def _text() -> type[pl.DataType]:
    import polars as pl

    return pl.String


def names_of(marginals: Sequence[Marginal], *, rare: bool) -> tuple[str, ...]:
    """Return the columns that became labels, or those of which rare values were left out."""
    return tuple(
        each.name for each in marginals if (each.rare and not each.is_label if rare else each.is_label)
    )
