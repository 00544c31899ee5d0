"""Shares of rows by bins, in training and now, and the population stability index over them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.html import number
from kervan.monitor.distance import EXPECTED
from kervan.monitor.outside import beyond, unseen_chance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.data.profile import ColumnProfile, NumberProfile

DECILES = range(10, 100, 10)
FLOOR = 1e-4  # an empty bin counts as this share, or as half a row where that is more

MISSING = "missing"
OTHERS = "all others"
UNSEEN = "not seen in training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A range of numbers or a category, with its share of the rows (0 to 1) in training and now."""

    label: str
    before: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Binned:
    """The rows by bins, and what lies where training had nothing.

    `inner` are bins that training filled: what is beyond counts for the nearest. `shown` has a bin of its own
    for that; in training its share is the one to be expected there of more such rows. `outside` is its share
    now, `chance` how likely so much of it is without drift.
    """

    inner: tuple[Bin, ...]
    shown: tuple[Bin, ...]
    outside: float
    chance: float


def number_bins(
    before: ColumnProfile, numbers: NumberProfile, ordered: NDArray[np.float64], rows: int
) -> Binned:
    """Bin numbers by the deciles of the reference; `ordered` are the present values of `rows` rows."""
    edges = inner_edges(numbers)
    upto = [numbers.upto[numbers.quantiles.index(edge)] for edge in edges]
    then = np.diff([0.0, *upto, 1.0]) * (1 - before.missing_share)
    now = np.diff([0, *np.searchsorted(ordered, edges, "right"), len(ordered)]) / rows
    bins = range_bins(edges, then, now)
    missing = tuple(missing_bin(before, 1 - len(ordered) / rows))
    below = int(np.searchsorted(ordered, numbers.minimum, "left"))
    above = len(ordered) - int(np.searchsorted(ordered, numbers.maximum, "right"))
    expected = 1 / (before.count + 1)
    shown = [_less(bins[0], below / rows), *bins[1:-1], _less(bins[-1], above / rows)]
    if below:
        shown.insert(0, Bin(label=f"< {number(numbers.minimum)}", before=expected, now=below / rows))
    if above:
        shown.append(Bin(label=f"> {number(numbers.maximum)}", before=expected, now=above / rows))
    chances = [beyond(count, len(ordered), before.count) for count in (below, above) if count]
    return Binned(
        inner=(*bins, *missing),
        shown=(*shown, *missing),
        outside=(below + above) / rows,
        chance=min(1.0, 2 * min(chances, default=1.0)),
    )


def range_bins(edges: Sequence[float], before: NDArray[np.float64], now: NDArray[np.float64]) -> list[Bin]:
    """Name the ranges between edges, and beyond them, with their shares of the rows."""
    names = [f"≤ {number(edges[0])}"]
    names += [f"{number(low)} – {number(high)}" for low, high in pairwise(edges)]
    names.append(f"> {number(edges[-1])}")
    return [
        Bin(label=name, before=float(was), now=float(is_now))
        for name, was, is_now in zip(names, before, now, strict=True)
    ]


def category_bins(before: ColumnProfile, labels: Sequence[str | None], known: Sequence[str] = ()) -> Binned:
    """Bin the categories of some rows; see `counted_bins`."""
    counts = Counter(label for label in labels if label is not None)
    return counted_bins(before, counts, len(labels), known)


def counted_bins(before: ColumnProfile, counts: Counter[str], rows: int, known: Sequence[str] = ()) -> Binned:
    """Bin categories: frequent ones alone, rare ones with their neighbours in the alphabet, unseen ones too.

    What is rare is judged by both samples together: what is rarest in training is so by chance as well, and
    gets closer to the others in any other rows. `known` are categories besides those of the profile.
    """
    total = max(1, before.count + before.missing)
    then = {each.value: each.count for each in before.texts.known} if before.texts else {}
    is_whole = sum(then.values()) == before.count  # old profiles list the twenty most frequent values alone
    unseen = {label: counts[label] for label in counts.keys() - then.keys() - set(known)} if is_whole else {}
    both = Counter(then) + counts if is_whole else Counter(then)
    fewest = EXPECTED * (rows + total) / min(rows, total) if is_whole else 0.0
    alone = [label for label in both if both[label] >= fewest]
    groups = _groups(sorted(both.keys() - set(alone)), both, fewest)
    if not is_whole:
        groups = [_Group(label=OTHERS, start="", before=before.count - sum(then.values()))]
    starts = [group.start for group in groups]
    for label in both.keys() - set(alone) if is_whole else counts.keys() - then.keys():
        group = groups[max(0, bisect_right(starts, label) - 1)]
        group.add(then.get(label, 0), counts[label], is_unseen=label in unseen)
    bins = [Bin(label=label, before=then.get(label, 0) / total, now=counts[label] / rows) for label in alone]
    missing = tuple(missing_bin(before, (rows - counts.total()) / rows))
    whole = [Bin(label=group.label, before=group.before / total, now=group.now / rows) for group in groups]
    shown = [each for each in bins if each.label not in unseen]
    shown += [group.known(total, rows) for group in groups] if unseen else whole
    if unseen:
        single = sum(group.single for group in groups) / total
        shown.append(Bin(label=UNSEEN, before=single, now=sum(unseen.values()) / rows))
    gone = sum(count == 1 and label not in counts for label, count in then.items())
    return Binned(
        inner=(*bins, *whole, *missing),
        shown=(*(each for each in shown if each.before or each.now), *missing),
        outside=sum(unseen.values()) / rows,
        chance=unseen_chance(unseen, gone, counts.total(), before.count),
    )


@dataclass(slots=True, kw_only=True)
class _Group:
    """Rare categories from `start` on in the alphabet, counted; `single` are there once in training."""

    label: str
    start: str
    before: int = 0
    single: int = 0
    now: int = 0
    unseen: int = 0

    def add(self, before: int, now: int, *, is_unseen: bool) -> None:
        """Count the rows of one category."""
        self.before += before
        self.single += before == 1
        self.now += now
        self.unseen += now if is_unseen else 0

    def known(self, total: int, rows: int) -> Bin:
        """Return the bin without what training did not see, and what it could be expected to lack."""
        before, now = (self.before - self.single) / total, (self.now - self.unseen) / rows
        return Bin(label=self.label, before=before, now=now)


def _groups(rare: Sequence[str], both: Mapping[str, int], fewest: float) -> list[_Group]:
    """Return groups of rare categories, each with enough rows in both samples together."""
    starts: list[int] = []
    reached, left = fewest, sum(both[label] for label in rare)
    for place, label in enumerate(rare):
        if not starts or (reached >= fewest and left >= fewest):
            starts.append(place)
            reached = 0
        reached += both[label]
        left -= both[label]
    groups = []
    for start, end in pairwise([*starts, len(rare)]):
        others = end - start - 1
        more = f" and {others:,} other rare {'one' if others == 1 else 'ones'}" if others else ""
        groups.append(_Group(label=f"{rare[start]}{more}", start=rare[start]))
    return groups


def _less(whole: Bin, share: float) -> Bin:
    return Bin(label=whole.label, before=whole.before, now=max(0.0, whole.now - share))


def raw_index(bins: Sequence[Bin], rows: int, reference_rows: int) -> float:
    """Return the population stability index over some bins."""
    least_before, least_now = max(FLOOR, 0.5 / max(1, reference_rows)), max(FLOOR, 0.5 / rows)
    shares = ((max(each.before, least_before), max(each.now, least_now)) for each in bins)
    return sum((now - before) * math.log(now / before) for before, now in shares)


def missing_bin(before: ColumnProfile, now: float) -> Iterator[Bin]:
    """Yield a bin for what is missing, where anything is; `now` is its share."""
    if before.missing or now:
        yield Bin(label=MISSING, before=before.missing_share, now=now)


def inner_edges(numbers: NumberProfile) -> list[float]:
    """Return the different deciles under the maximum, or the highest quantile under it if there is none."""
    deciles = sorted({numbers.quantiles[level] for level in DECILES} - {numbers.maximum})
    lower = [value for value in numbers.quantiles if value < numbers.maximum]
    return deciles or lower[-1:] or [numbers.maximum]
