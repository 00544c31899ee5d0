"""How the columns of one table moved to those of another, told by their stored profiles alone.

Shares of bins and the population stability index are those of `monitor.drift`. The other table's distribution
is known exactly at its own quantiles and interpolated between them, so shares and distances are off by 1 % at
most.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.data.profile import ValueCount
from kervan.monitor.bins import Bin, counted_bins, inner_edges, missing_bin, range_bins, raw_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.data.profile import ColumnProfile, NumberProfile, Profile

LEVELS = (5, 25, 50, 75, 95)
_TOP = 5
_SHOWN = 20
_NOT_COMPARED = {Type.TEXT, Type.DATE, Type.DATETIME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A column in one of two tables; `quantiles` are those at 5, 25, 50, 75 and 95 %."""

    type: Type
    count: int
    missing: int
    missing_share: float
    distinct: int
    mean: float | None = None
    deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: tuple[float, ...] = ()
    top: tuple[ValueCount, ...] = ()
    earliest: str = ""
    latest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How a column moved; `before` or `now` is None where the table does not have it.

    `psi` has its expected value without any move taken off and is not negative, `distance` is that of
    Kolmogorov and Smirnov; both are None where columns of such types are not compared. `bins` are the
    twenty that moved most, in their order.
    """

    name: str
    before: Figures | None
    now: Figures | None
    psi: float | None = None
    distance: float | None = None
    bins: tuple[Bin, ...] = ()


def moves(before: Profile, now: Profile) -> tuple[Moved, ...]:
    """Compare all columns: first those that came or went, then the others, the most moved first."""
    old = {column.name: column for column in before.columns}
    new = {column.name: column for column in now.columns}
    found = [_moved(name, old.get(name), new.get(name)) for name in {**old, **new}]
    return tuple(sorted(found, key=_rank))


def _rank(moved: Moved) -> tuple[bool, float, float]:
    if moved.before is None or moved.now is None:
        return False, 0.0, 0.0
    index = -1.0 if moved.psi is None else moved.psi
    return True, -index, -abs(moved.now.missing_share - moved.before.missing_share)


def _moved(name: str, before: ColumnProfile | None, now: ColumnProfile | None) -> Moved:
    if before is None or now is None:
        figures = [None if each is None else _figures_of(each) for each in (before, now)]
        return Moved(name=name, before=figures[0], now=figures[1])
    bins, distance = _compared(before, now)
    return Moved(
        name=name,
        before=_figures_of(before),
        now=_figures_of(now),
        psi=_index(bins, before, now) if bins else None,
        distance=distance,
        bins=_most_moved(bins),
    )


def _figures_of(column: ColumnProfile) -> Figures:
    numbers, texts = column.numbers, column.texts
    return Figures(
        type=column.type,
        count=column.count,
        missing=column.missing,
        missing_share=column.missing_share,
        distinct=column.distinct,
        mean=numbers.mean if numbers else None,
        deviation=numbers.deviation if numbers else None,
        minimum=numbers.minimum if numbers else None,
        maximum=numbers.maximum if numbers else None,
        quantiles=tuple(numbers.quantiles[level] for level in LEVELS) if numbers else (),
        top=texts.top[:_TOP] if texts else (),
        earliest=column.earliest,
        latest=column.latest,
    )


def _compared(before: ColumnProfile, now: ColumnProfile) -> tuple[tuple[Bin, ...], float | None]:
    """Return the shares of both by bins, and their distance; nothing where columns are not to be compared."""
    if _NOT_COMPARED & {before.type, now.type}:
        return (), None
    if before.numbers is not None and now.numbers is not None:
        shares, distance = _compared_numbers(before.numbers, now.numbers)
        then, is_now = shares[0] * (1 - before.missing_share), shares[1] * (1 - now.missing_share)
        bins = range_bins(inner_edges(before.numbers), then, is_now)
        return (*bins, *missing_bin(before, now.missing_share)), distance
    if before.texts is None or now.texts is None:
        return (), None
    counts = Counter({each.value: each.count for each in now.texts.known})
    if counts.total() != now.count:  # old profiles list the twenty most frequent values alone
        return (), None
    return counted_bins(before, counts, max(1, now.count + now.missing)).shown, None


def _compared_numbers(
    old: NumberProfile, new: NumberProfile
) -> tuple[tuple[NDArray[np.float64], ...], float]:
    """Return the shares of both between the old one's edges, and the largest distance of the functions."""
    before, now = _Distribution.of(old), _Distribution.of(new)
    points = np.union1d(before.known, now.known)
    told = [each.shares(points) for each in (before, now)]
    distance = max(np.abs(was - is_now).max() for was, is_now in zip(*told, strict=True))
    places = np.searchsorted(points, inner_edges(old))
    return tuple(np.diff([0.0, *upto[places], 1.0]) for _, upto in told), float(distance)


@dataclass(frozen=True, slots=True)
class _Distribution:
    """The different quantiles of a profile, with the shares below each of them, and up to it."""

    known: NDArray[np.float64]
    below: NDArray[np.float64]
    upto: NDArray[np.float64]

    @classmethod
    def of(cls, numbers: NumberProfile) -> _Distribution:
        quantiles = np.array(numbers.quantiles)
        first = np.concatenate([[True], quantiles[1:] != quantiles[:-1]])
        return cls(quantiles[first], np.array(numbers.below)[first], np.array(numbers.upto)[first])

    def shares(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the shares of values below each point, and up to it, interpolated between quantiles."""
        at = np.minimum(np.searchsorted(self.known, points), len(self.known) - 1)
        exact = self.known[at] == points
        # From the share up to a quantile to the share below the next one; halves, as differences overflow.
        places = np.repeat(self.known / 2, 2)
        heights = np.column_stack([self.below, self.upto]).ravel()
        between = np.interp(points / 2, places, heights, left=0.0, right=1.0)
        return np.where(exact, self.below[at], between), np.where(exact, self.upto[at], between)


def _index(bins: Sequence[Bin], before: ColumnProfile, now: ColumnProfile) -> float:
    rows, reference = max(1, now.count + now.missing), max(1, before.count + before.missing)
    noise = (len(bins) - 1) * (1 / rows + 1 / reference)
    return max(0.0, raw_index(bins, rows, reference) - noise)


def _most_moved(bins: tuple[Bin, ...]) -> tuple[Bin, ...]:
    most = sorted(bins, key=lambda each: -abs(each.now - each.before))[:_SHOWN]
    kept = {each.label for each in most}
    return tuple(each for each in bins if each.label in kept)
