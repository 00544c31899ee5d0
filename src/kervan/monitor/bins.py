"""Shares of rows by bins, in training and now, and the population stability index over them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.html import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kervan.data.profile import ColumnProfile, NumberProfile, TextProfile

DECILES = range(10, 100, 10)
EXPECTED = 5  # categories of which fewer rows are expected go into one bin (Cochran's rule)
FLOOR = 1e-4  # an empty bin counts as this share, or as half a row where that is more

MISSING = "missing"
OTHERS = "all others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A range of numbers or a category, with its share of the rows (0 to 1) in training and now."""

    label: str
    before: float
    now: float


def number_bins(
    before: ColumnProfile, numbers: NumberProfile, ordered: NDArray[np.float64], rows: int
) -> tuple[Bin, ...]:
    """Bin numbers by the deciles of the reference; `ordered` are the present values of `rows` rows."""
    edges = _edges(numbers)
    upto = [numbers.upto[numbers.quantiles.index(edge)] for edge in edges]
    then = np.diff([0.0, *upto, 1.0]) * (1 - before.missing_share)
    now = np.diff([0, *np.searchsorted(ordered, edges, "right"), len(ordered)]) / rows
    names = [f"≤ {number(edges[0])}"]
    names += [f"{number(low)} – {number(high)}" for low, high in pairwise(edges)]
    names.append(f"> {number(edges[-1])}")
    bins = [
        Bin(label=name, before=float(was), now=float(is_now))
        for name, was, is_now in zip(names, then, now, strict=True)
    ]
    return (*bins, *_missing_bin(before, 1 - len(ordered) / rows))


def category_bins(before: ColumnProfile, labels: Sequence[str | None]) -> tuple[Bin, ...]:
    """Bin categories, each with its rare ones and those that training did not see in one more bin."""
    rows = len(labels)
    counts = Counter(label for label in labels if label is not None)
    total = max(1, before.count + before.missing)
    frequent = [each for each in _top(before.texts) if each[1] / total * rows >= EXPECTED]
    bins = [Bin(label=label, before=count / total, now=counts[label] / rows) for label, count in frequent]
    missing = (rows - counts.total()) / rows
    others = Bin(
        label=OTHERS,
        before=(before.count - sum(count for _, count in frequent)) / total,
        now=(counts.total() - sum(counts[label] for label, _ in frequent)) / rows,
    )
    rest = [others] if others.before or others.now else []
    return (*bins, *rest, *_missing_bin(before, missing))


def raw_index(bins: Sequence[Bin], rows: int, reference_rows: int) -> float:
    """Return the population stability index over some bins."""
    least_before, least_now = max(FLOOR, 0.5 / max(1, reference_rows)), max(FLOOR, 0.5 / rows)
    shares = ((max(each.before, least_before), max(each.now, least_now)) for each in bins)
    return sum((now - before) * math.log(now / before) for before, now in shares)


def _top(texts: TextProfile | None) -> list[tuple[str, int]]:
    return [(each.value, each.count) for each in texts.top] if texts else []


def _missing_bin(before: ColumnProfile, now: float) -> Iterator[Bin]:
    if before.missing or now:
        yield Bin(label=MISSING, before=before.missing_share, now=now)


def _edges(numbers: NumberProfile) -> list[float]:
    """Return the different deciles under the maximum, or the highest quantile under it if there is none."""
    deciles = sorted({numbers.quantiles[level] for level in DECILES} - {numbers.maximum})
    lower = [value for value in numbers.quantiles if value < numbers.maximum]
    return deciles or lower[-1:] or [numbers.maximum]
