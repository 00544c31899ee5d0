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
    bins = _bins(before, now)
    distance = None
    if before.numbers is not None and now.numbers is not None:
        distance = _distance(before.numbers, now.numbers)
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


def _bins(before: ColumnProfile, now: ColumnProfile) -> tuple[Bin, ...]:
    """Return the shares of both by bins, none where the columns are not to be compared."""
    if _NOT_COMPARED & {before.type, now.type}:
        return ()
    if before.numbers is not None and now.numbers is not None:
        return _number_bins(before, now, before.numbers, now.numbers)
    if before.texts is None or now.texts is None:
        return ()
    counts = Counter({each.value: each.count for each in now.texts.known})
    if counts.total() != now.count:  # old profiles list the twenty most frequent values alone
        return ()
    return counted_bins(before, counts, max(1, now.count + now.missing)).shown


def _number_bins(
    before: ColumnProfile, now: ColumnProfile, old: NumberProfile, new: NumberProfile
) -> tuple[Bin, ...]:
    edges = inner_edges(old)
    shares = [
        np.diff([0.0, *_upto(numbers, edges)[1], 1.0]) * (1 - column.missing_share)
        for column, numbers in ((before, old), (now, new))
    ]
    return (*range_bins(edges, *shares), *missing_bin(before, now.missing_share))


def _index(bins: Sequence[Bin], before: ColumnProfile, now: ColumnProfile) -> float:
    rows, reference = max(1, now.count + now.missing), max(1, before.count + before.missing)
    noise = (len(bins) - 1) * (1 / rows + 1 / reference)
    return max(0.0, raw_index(bins, rows, reference) - noise)


def _most_moved(bins: tuple[Bin, ...]) -> tuple[Bin, ...]:
    most = sorted(bins, key=lambda each: -abs(each.now - each.before))[:_SHOWN]
    kept = {each.label for each in most}
    return tuple(each for each in bins if each.label in kept)


def _distance(old: NumberProfile, new: NumberProfile) -> float:
    """Return the largest difference of the two distribution functions at the quantiles of both."""
    points = np.union1d(old.quantiles, new.quantiles)
    pairs = zip(_upto(old, points), _upto(new, points), strict=True)
    return float(max(np.abs(was - is_now).max() for was, is_now in pairs))


def _upto(
    numbers: NumberProfile, points: Sequence[float] | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of values below each point, and up to it."""
    known, first = np.unique(numbers.quantiles, return_index=True)
    below, upto = np.array(numbers.below)[first], np.array(numbers.upto)[first]
    places = np.searchsorted(known, points)
    exact = known[np.minimum(places, len(known) - 1)] == points
    # Between two quantiles: from the share up to the lower one to the share below the upper one.
    left, right = np.clip(places - 1, 0, None), np.clip(places, None, len(known) - 1)
    half = known / 2  # the difference of two doubles may be none, that of their halves is
    width = np.where(right > left, half[right] - half[left], 1.0)
    part = np.clip((np.asarray(points) / 2 - half[left]) / width, 0.0, 1.0)
    between = upto[left] + part * (below[right] - upto[left])
    between = np.where(places == 0, 0.0, np.where(places == len(known), 1.0, between))
    at = np.minimum(places, len(known) - 1)
    return np.where(exact, below[at], between), np.where(exact, upto[at], between)
