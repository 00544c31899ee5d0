"""A few good candidates that fail differently: what an ensemble can be made of, or two opinions asked of.

Of two classifiers, by their hits and misses over the same rows (L. Kuncheva and C. Whitaker, Measures of
diversity in classifier ensembles, 2003): disagreement, double fault and Yule's Q. Of two regressions the
correlation of their residuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.families.registry import BASELINE
from kervan.model.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.model.train import Answered

_QUALITY = 0.7  # the share of quality beside that of difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How alike two candidates fail: how their errors correlate, and more where they name classes."""

    one: str
    other: str
    correlation: float
    disagreement: float | None = None
    double_fault: float | None = None
    q_statistic: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """Candidates by name, the best first, and each pair of them."""

    members: tuple[str, ...]
    pairs: tuple[Pair, ...]


def shortlist(
    answered: Sequence[Answered], truth: NDArray[Any], signature: Signature, metric: str, count: int
) -> Shortlist:
    """Choose at most so many candidates: the best, then each time the one that weighs most.

    Quality (1 the best, 0 no better than the baseline) weighs 0.7, and how little its errors correlate with
    those of the most similar one that is chosen 0.3. None is taken that is no better than the baseline.
    """
    contenders = [each for each in answered if metric in each.score.means]
    quality = _quality(contenders, metric)
    able = [each for each in contenders if each.score.family != BASELINE and quality[each.score.title] > 0]
    errors = {each.score.title: _errors(each, truth, signature) for each in able}
    chosen: list[str] = []
    while len(chosen) < min(count, len(able)):
        waiting = [name for name in errors if name not in chosen]
        chosen.append(max(waiting, key=lambda name: _weight(name, chosen, quality, errors)))
    pairs = [
        _pair(one, other, errors, is_class=signature.is_classification)
        for place, one in enumerate(chosen)
        for other in chosen[place + 1 :]
    ]
    return Shortlist(members=tuple(chosen), pairs=tuple(pairs))


def _quality(answered: Sequence[Answered], metric: str) -> dict[str, float]:
    sign = 1.0 if higher_is_better(metric) else -1.0
    values = {each.score.title: sign * each.score.means[metric] for each in answered}
    best = max(values.values(), default=0.0)
    base = values.get(BASELINE, min(values.values(), default=0.0) - 1.0)
    return {name: (value - base) / (best - base) if best > base else 0.0 for name, value in values.items()}


def _errors(each: Answered, truth: NDArray[Any], signature: Signature) -> NDArray[np.float64]:
    """Return for each row 1 for a miss and 0 for a hit, or the residual; NaN where nobody asked."""
    if not signature.is_classification:
        return np.asarray(each.answers[:, 0] - truth, dtype=np.float64)
    missed = np.asarray(each.answers.argmax(axis=1) != truth, dtype=np.float64)
    return np.where(np.isnan(each.answers).any(axis=1), np.nan, missed)


def _weight(
    name: str, chosen: Sequence[str], quality: dict[str, float], errors: dict[str, NDArray[np.float64]]
) -> float:
    if not chosen:
        return quality[name]
    alike = max(0.0, *(_correlation(errors[name], errors[each]) for each in chosen))
    return _QUALITY * quality[name] + (1 - _QUALITY) * (1 - alike)


def _pair(one: str, other: str, errors: dict[str, NDArray[np.float64]], *, is_class: bool) -> Pair:
    first, second = errors[one], errors[other]
    correlation = _correlation(first, second)
    if not is_class:
        return Pair(one=one, other=other, correlation=correlation)
    known = ~(np.isnan(first) | np.isnan(second))
    miss, miss_too = first[known] > 0, second[known] > 0
    both, neither = float((miss & miss_too).mean()), float((~miss & ~miss_too).mean())
    only, only_other = float((miss & ~miss_too).mean()), float((~miss & miss_too).mean())
    even, odd = both * neither, only * only_other
    return Pair(
        one=one,
        other=other,
        correlation=correlation,
        disagreement=only + only_other,
        double_fault=both,
        q_statistic=(even - odd) / (even + odd) if even + odd else None,
    )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's correlation of two lists of errors, 1 where one of them does not vary."""
    known = ~(np.isnan(one) | np.isnan(other))
    first, second = one[known], other[known]
    if not first.std() or not second.std():
        return 1.0
    return float(np.corrcoef(first, second)[0, 1])
