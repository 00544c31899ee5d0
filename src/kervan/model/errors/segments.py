"""The segments in which a model is worst, found by trying one, two and three conditions together.

The search follows Slice Finder (Y. Chung, T. Kraska, N. Polyzotis, K. H. Tae and S. E. Whang, Slice
Finder: automated data slicing for model validation, ICDE 2019): what rows lose inside a segment is
compared with what the other rows lose by Welch's test, one-sided. Of all segments that were tried, those
are kept that the procedure of Y. Benjamini and Y. Hochberg (Controlling the false discovery rate, Journal
of the Royal Statistical Society B 57, 1995) lets pass at 5 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.model.errors.conditions import Condition, conditions
from kervan.model.errors.tried import try_together
from kervan.model.metrics import intervals, scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.errors.held_out import HeldOut
    from kervan.model.errors.tried import Masks, Tried
    from kervan.model.formulas import Floats

FALSE_DISCOVERIES = 0.05
FEWEST_ROWS = 30
_FEWEST_SHARE = 0.01
_MOST_SHARE = 0.8  # of a condition: what nearly all rows have in common tells no segment apart
_SHOWN = 10
_SAME = 0.5  # segments that share more of their rows than this tell the same
_EARNED = 0.9  # a further condition has to make a segment this much surer, or the shorter one is told
_REACH = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Rows in which the model is worse than in the others, and not by chance.

    `loss` and `rest` are mean losses inside and outside, `low` and `high` the 95 % interval of their
    difference, `chance` the adjusted p-value. `wrong` is the share of wrong classes. `value` is the metric
    inside, None where these rows do not tell it.
    """

    conditions: tuple[Condition, ...]
    rows: int
    share: float
    loss: float
    rest: float
    low: float
    high: float
    chance: float
    wrong: float | None = None
    value: float | None = None
    value_low: float | None = None
    value_high: float | None = None

    def __str__(self) -> str:
        return " and ".join(map(str, self.conditions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The worst segments: how many were tried, how many passed, the fewest rows of one, the metric shown."""

    worst: tuple[Segment, ...]
    tried: int
    passed: int
    fewest: int
    metric: str


def worst_segments(answered: HeldOut, metric: str) -> Segments:
    """Return the segments of held-out rows in which a model loses the most; `metric` is shown for each."""
    losses = answered.losses
    fewest = max(FEWEST_ROWS, round(_FEWEST_SHARE * len(losses)))
    found = [
        each
        for each in conditions(answered.table, answered.signature.inputs.columns)
        if fewest <= int(each[1].sum()) <= _MOST_SHARE * len(losses)
    ]
    if not found or not np.ptp(losses):
        return Segments(worst=(), tried=0, passed=0, fewest=fewest, metric=metric)
    masks = np.array([mask for _, mask in found])
    tried = try_together(masks, [condition.column for condition, _ in found], losses, fewest)
    chances = adjusted(tried.chances)
    passed = np.flatnonzero(chances <= FALSE_DISCOVERIES)
    worst = []
    for place, inside in _different(tried, passed, masks, losses):
        named = tuple(found[each][0] for each in tried.members[place])
        worst.append(_segment(answered, named, inside, float(chances[place]), metric))
    return Segments(worst=tuple(worst), tried=len(tried), passed=len(passed), fewest=fewest, metric=metric)


def adjusted(chances: Floats) -> Floats:
    """Return the p-values of Benjamini and Hochberg: the smallest rate of false discoveries that each passes.

    >>> adjusted(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(chances)
    scaled = chances[order] * len(chances) / np.arange(1, len(chances) + 1)
    found = np.empty(len(chances))
    found[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return found


def _different(
    tried: Tried, passed: NDArray[np.int64], masks: Masks, losses: Floats
) -> list[tuple[int, NDArray[np.bool_]]]:
    """Choose the surest segments, without those that repeat another or are no worse than what it holds."""
    chosen: list[tuple[int, NDArray[np.bool_]]] = []
    told = np.array([_EARNED ** (len(tried.members[place]) - 1) for place in passed])
    for place in passed[np.argsort(-tried.statistics[passed] * told, kind="stable")].tolist():
        inside: NDArray[np.bool_] = np.logical_and.reduce(masks[list(tried.members[place])])
        if not any(_repeats(inside, other, losses) for _, other in chosen):
            chosen.append((place, inside))
        if len(chosen) == _SHOWN:
            break
    return chosen


def _repeats(inside: NDArray[np.bool_], other: NDArray[np.bool_], losses: Floats) -> bool:
    """Say whether rows are mostly those of another segment, and no worse than what else is in that."""
    both = int((inside & other).sum())
    if both > _SAME * int((inside | other).sum()):
        return True
    left = losses[other & ~inside]
    if both < 0.8 * int(inside.sum()) or len(left) < 2:
        return False
    own = losses[inside]
    noise = own.var(ddof=1) / len(own) + left.var(ddof=1) / len(left)
    return bool(own.mean() - left.mean() <= _REACH * noise**0.5)


def _segment(
    answered: HeldOut,
    named: tuple[Condition, ...],
    inside: NDArray[np.bool_],
    chance: float,
    metric: str,
) -> Segment:
    losses, truth, values = answered.losses, answered.truth[inside], answered.values[inside]
    own, others = losses[inside], losses[~inside]
    noise = float(own.var(ddof=1) / len(own) + others.var(ddof=1) / len(others))
    difference, reach = float(own.mean() - others.mean()), _REACH * noise**0.5
    value = scores(answered.task, truth, values, answered.yardstick(metric)).get(metric)
    interval = intervals(answered.task, truth, values, answered.yardstick(metric), only=metric).get(metric)
    is_classes = answered.signature.is_classification
    return Segment(
        conditions=named,
        rows=len(own),
        share=len(own) / len(losses),
        loss=float(own.mean()),
        rest=float(others.mean()),
        low=difference - reach,
        high=difference + reach,
        chance=chance,
        wrong=float((answered.chosen[inside] != truth).mean()) if is_classes else None,
        value=value,
        value_low=interval.low if interval else None,
        value_high=interval.high if interval else None,
    )
