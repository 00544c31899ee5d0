"""Candidates that no other one beats in every goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.model.families.registry import BASELINE
from kervan.model.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.model.train import CandidateScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The metrics of several goals, and by name the candidates that no other one beats in all of them."""

    metrics: tuple[str, ...]
    names: tuple[str, ...]


def front_of(scores: Iterable[CandidateScore], metrics: Sequence[str]) -> Front | None:
    """Return the front of all but the baseline, which nobody takes; None where there is one goal alone."""
    if len(metrics) < 2:
        return None
    taken = [each for each in scores if each.family != BASELINE]
    return Front(metrics=tuple(metrics), names=tuple(each.title for each in undominated(taken, metrics)))


def undominated(scores: Iterable[CandidateScore], metrics: Sequence[str]) -> tuple[CandidateScore, ...]:
    """Return the candidates on the Pareto front of some metrics, by their means over the folds.

    One is left out if another is as good in all of them, and better in one. So is one that lacks a metric.
    """
    known = [each for each in scores if all(name in each.means for name in metrics)]
    values = {each.title: [_upwards(each, name) for name in metrics] for each in known}
    return tuple(
        each
        for each in known
        if not any(_dominates(values[other.title], values[each.title]) for other in known)
    )


def _upwards(score: CandidateScore, metric: str) -> float:
    return score.means[metric] if higher_is_better(metric) else -score.means[metric]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)
