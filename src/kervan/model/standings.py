"""Which candidates are better than others, which are tied, and which of them to take.

Folds share rows that were learned from, so their scores hang together: the variance of a mean difference is
that of C. Nadeau and Y. Bengio (Inference for the generalization error, 2003). Taken as a posterior (G.
Corani and A. Benavoli, A Bayesian approach for comparing cross-validated algorithms, 2015) it says how likely
a candidate is better than another by more than matters, worse by more than matters, or practically equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import NotFound
from kervan.model.families.registry import BASELINE, family_of
from kervan.model.interval import Interval
from kervan.model.metrics import USUAL, Yardstick, ends_at_one, higher_is_better, intervals, task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.core.recipe import Recipe
    from kervan.core.schema import Signature
    from kervan.model.train import Answered, CandidateScore

MATTERS = 0.002  # of a metric that ends at 1, or as a share of the best value of one that does not
SURE = 0.9  # from here on a difference, or that there is none, is taken as told
_LEVEL = 0.95
# Of the best: of many rows, or of many classes, an interval takes a second.
_FEWEST_INTERVALS, _MOST_INTERVALS, _ROWS_OF_INTERVALS = 2, 12, 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One candidate beside the best one by a metric; the best ones with the interval over other rows.

    `behind` is by how much its mean is worse, between `low` and `high` with 95 % probability. `worse`,
    `equal` and `better` are the probabilities that it is worse than the best by more than matters,
    practically equal to it, or better by more than matters.
    """

    name: str
    is_best: bool
    value: float
    interval: Interval | None
    behind: float
    low: float
    high: float
    worse: float
    equal: float
    better: float

    @property
    def is_tied(self) -> bool:
        """Whether it is practically as good as the best one."""
        return self.equal >= SURE

    @property
    def word(self) -> str:
        """Say in a word how it stands beside the best one."""
        if self.is_best:
            return "the best"
        if self.is_tied:
            return "tied"
        return "worse" if self.worse >= SURE else "not told apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """All candidates that have a value of a metric, the best first, the baseline among them.

    `matters` is the difference from which on one counts. `chosen` is the one to take; `reason` says why.
    """

    metric: str
    matters: float
    standings: tuple[Standing, ...]
    chosen: str
    reason: str


def stand(
    answered: Sequence[Answered],
    truth: NDArray[Any],
    signature: Signature,
    metric: str,
    measured: Yardstick = USUAL,
    *,
    takes_best: bool = False,
) -> Standings:
    """Compare candidates by a metric over their folds, which are the same for all of them.

    Of single candidates that are tied with the best one the simplest is chosen, of equally simple ones the
    best; then an ensemble if it is better beyond noise, by half of what matters at least. Where there are
    ensembles alone, they are chosen from alike. With `takes_best` it is the best by its mean, whatever it is.
    The baseline is only there to be beaten. Raises `NotFound` if no other candidate has a value of the
    metric.
    """
    ranked = _ranked(answered, metric)
    able = [each for each in ranked if each.score.family != BASELINE]
    single = [each for each in able if not _is_ensemble(each)] or able
    if not single:
        raise NotFound(f"no candidate has a score for {metric}", hint="train at least one family")
    best = ranked[0].score
    by = (metric, _matters(metric, best.means[metric]))
    intervals_of = partial(_interval, truth=truth, signature=signature, metric=metric, measured=measured)
    figures = len(truth) * max(1, len(signature.output.allowed) - 1)
    told = max(_FEWEST_INTERVALS, min(_MOST_INTERVALS, _ROWS_OF_INTERVALS // figures))
    found = [
        _standing(each, best, intervals_of(each) if place < told else None, by)
        for place, each in enumerate(ranked)
    ]
    chosen, reason = _best(able, single, by) if takes_best else _worth(able, single, by)
    return Standings(metric=metric, matters=by[1], standings=tuple(found), chosen=chosen.title, reason=reason)


def _best(
    able: Sequence[Answered], single: Sequence[Answered], by: tuple[str, float]
) -> tuple[CandidateScore, str]:
    """Return the one with the best mean, and what an ensemble gains and costs."""
    best, alone = able[0].score, single[0].score
    reason = f"{best.title} has the best mean"
    if best is alone:
        return best, reason
    price = _times(best, alone, ", and takes {:.1f} times as long for a row")
    return best, f"{reason}, {_likely(alone, best, by).middle:.2g} better than that of {alone.title}{price}"


def _worth(
    able: Sequence[Answered], single: Sequence[Answered], by: tuple[str, float]
) -> tuple[CandidateScore, str]:
    """Return the one to take where a small gain is not worth what it costs, and why."""
    beside = {each.score.title: _likely(each.score, single[0].score, by) for each in single}
    tied = [
        each.score
        for each in single
        if each.score is single[0].score or beside[each.score.title].equal >= SURE
    ]
    chosen = min(tied, key=_rank)  # the first of the simplest: they are in order of their means
    reason = _reason(chosen, tied, beside[chosen.title].equal)
    ensemble = next((each.score for each in able if _is_ensemble(each)), None)
    if ensemble is not None and not _is_ensemble(single[0]):
        gain = _likely(chosen, ensemble, by)
        is_kept = gain.above_zero >= SURE and gain.middle >= by[1] / 2
        reason = _of_ensemble(ensemble, chosen, gain, reason, is_kept=is_kept)
        chosen = ensemble if is_kept else chosen
    return chosen, reason


def rank_of(recipe: Recipe) -> int:
    """Return how simple a recipe is, 0 the simplest; an ensemble is less simple than any of its members."""
    own = family_of(recipe).rank
    return own + sum(map(rank_of, recipe.members))


def _ranked(answered: Sequence[Answered], metric: str) -> list[Answered]:
    sign = -1.0 if higher_is_better(metric) else 1.0
    known = [each for each in answered if metric in each.score.means]
    return sorted(known, key=lambda each: sign * each.score.means[metric])


def _matters(metric: str, best: float) -> float:
    return MATTERS if ends_at_one(metric) else MATTERS * abs(best)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Likely:
    """The posterior of by how much one candidate is behind another."""

    middle: float
    reach: float
    worse: float
    equal: float
    better: float
    above_zero: float


def _likely(score: CandidateScore, other: CandidateScore, by: tuple[str, float]) -> _Likely:
    metric, matters = by
    sign = 1.0 if higher_is_better(metric) else -1.0
    behind = sign * (np.array(other.values[metric]) - np.array(score.values[metric]))
    middle, scale, freedom = _posterior(behind)
    worse, better = _beyond(matters, middle, scale, freedom), 1.0 - _beyond(-matters, middle, scale, freedom)
    return _Likely(
        middle=middle,
        reach=_reach(freedom) * scale,
        worse=worse,
        equal=1.0 - worse - better,
        better=better,
        above_zero=_beyond(0.0, middle, scale, freedom),
    )


def _standing(
    each: Answered, best: CandidateScore, interval: Interval | None, by: tuple[str, float]
) -> Standing:
    metric, score = by[0], each.score
    found = _likely(score, best, by)
    return Standing(
        name=score.title,
        is_best=score is best,
        value=score.means[metric],
        interval=interval,
        behind=found.middle,
        low=found.middle - found.reach,
        high=found.middle + found.reach,
        worse=found.worse,
        equal=found.equal,
        better=found.better,
    )


def _is_ensemble(each: Answered) -> bool:
    return bool(each.score.recipe and each.score.recipe.members)


def _posterior(differences: NDArray[np.float64]) -> tuple[float, float, int]:
    """Return the middle, scale and degrees of freedom of Student's t for a mean difference over k folds.

    Each fold asks about 1 / k of the rows and learns from the others, so the variance of one difference
    counts 1 / k + 1 / (k - 1) times.
    """
    folds = len(differences)
    variance = float(differences.var(ddof=1)) * (1 / folds + 1 / (folds - 1))
    return float(differences.mean()), float(np.sqrt(variance)), folds - 1


def _beyond(value: float, middle: float, scale: float, freedom: int) -> float:
    """Return how likely the difference lies above a value."""
    from scipy.stats import t

    if not scale:
        return float(middle > value)
    return float(t.sf((value - middle) / scale, freedom))


def _reach(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + _LEVEL) / 2, freedom))


def _interval(
    each: Answered, truth: NDArray[Any], signature: Signature, metric: str, measured: Yardstick
) -> Interval | None:
    """Return the interval of what was answered to rows while they were held out."""
    known = ~np.isnan(each.answers).any(axis=1)
    task = task_of(signature)
    found = intervals(task, truth[known], each.answers[known], measured, only=metric).get(metric)
    return found.holding(each.score.means[metric]) if found else None


def _rank(score: CandidateScore) -> int:
    return rank_of(score.recipe) if score.recipe else 0


def _reason(chosen: CandidateScore, tied: Sequence[CandidateScore], equal: float) -> str:
    best = tied[0]
    if len(tied) == 1:
        return f"{chosen.title} is the best"
    if chosen is best:
        others = ", ".join(each.title for each in tied[1:])
        return f"{chosen.title} is the best, tied with {others}, none of which is simpler"
    return (
        f"{chosen.title} is tied with the best, {best.title} (practically equal with a probability of "
        f"{equal:.0%}): it is simpler{_times(best, chosen, ' and answers one row {:.1f} times as fast')}"
    )


def _of_ensemble(
    ensemble: CandidateScore, chosen: CandidateScore, gain: _Likely, reason: str, *, is_kept: bool
) -> str:
    by_much = f"by {gain.middle:.2g}, with a probability of {gain.above_zero:.0%}"
    if is_kept:
        price = _times(ensemble, chosen, ", and takes {:.1f} times as long for a row")
        return f"{ensemble.title} is better than {chosen.title} {by_much}{price}"
    return f"{reason}; the best ensemble, {ensemble.title}, is not better beyond noise ({by_much})"


def _times(slow: CandidateScore, fast: CandidateScore, words: str) -> str:
    if not slow.one_seconds or not fast.one_seconds or slow.one_seconds <= fast.one_seconds:
        return ""
    return words.format(slow.one_seconds / fast.one_seconds)
