"""Whether the folds of training speak against a result of acceptance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.nouns import Finding, Verdict
from kervan.model.train import CandidateScore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.model.evaluate import Acceptance

CHANCE = 0.001  # so rarely may two measurements of one model be this far apart by chance
_WIDTH = 1.959964  # half of a 95 % interval in standard errors


def contradiction(acceptance: Acceptance, folds: CandidateScore) -> Iterator[Finding]:
    """Yield a finding if acceptance and cross-validation differ by more than chance explains.

    Welch's test at one in a thousand. The variance of the folds' mean is that of Nadeau and Bengio (Inference
    for the Generalization Error, 2003), as the folds share their training rows; that of acceptance comes from
    its interval, towards the other value.
    """
    values = np.array(folds.values.get(acceptance.metric, ()))
    interval = acceptance.interval
    if acceptance.value is None or interval is None or len(values) < 2:
        return
    mean, count = float(values.mean()), len(values)
    inside = float(values.var(ddof=1)) * (1 / count + 1 / (count - 1))
    end = interval.high if mean > acceptance.value else interval.low
    outside = ((end - acceptance.value) / _WIDTH) ** 2
    if inside + outside == 0 or not np.isfinite(inside + outside):
        return
    if (
        _chance((mean - acceptance.value) ** 2 / (inside + outside), inside / (inside + outside), count)
        < CHANCE
    ):
        yield Finding(
            rule="contradiction",
            subject=acceptance.metric,
            verdict=Verdict.WARNED,
            message=f"{acceptance.metric} is {acceptance.value:.4g} here and was {mean:.4g} on average over "
            f"the {count} folds of training: more than chance explains",
            hint="look for rows of one person or thing in several parts, and for an order in time",
        )


def _chance(squared: float, share: float, folds: int) -> float:
    """Return how often chance gives so large a squared t; `share` is that of the folds in its variance."""
    from scipy.stats import t

    freedom = (folds - 1) / max(share**2, 1e-9)
    return float(2 * t.sf(np.sqrt(squared), freedom))
