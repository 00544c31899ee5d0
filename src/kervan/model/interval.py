"""How far a metric may be off because other rows could have been drawn: the percentile bootstrap.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.metrics import metrics_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
_RESAMPLES = 1000
_FEWEST = 200
_DRAWS = 20_000_000  # rows drawn in all: many rows need fewer resamples for the same seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a metric lies with 95 % confidence."""

    low: float
    high: float


def intervals(
    task: str, truth: NDArray[Any], values: NDArray[np.float64], *, seed: int = 0
) -> dict[str, Interval]:
    """Return the 95 % interval of every metric of the task that the rows can tell.

    Draws 1,000 resamples (fewer, but at least 200, for more than 20,000 rows). The same seed gives the
    same intervals.
    """
    rows = len(truth)
    random = np.random.default_rng(seed)
    scorers = {entry.name: entry.prepare(truth, values) for entry in metrics_of(task)}
    drawn: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(min(_RESAMPLES, max(_FEWEST, _DRAWS // rows))):
        weights = np.bincount(random.integers(rows, size=rows), minlength=rows).astype(np.float64)
        for name, scorer in scorers.items():
            drawn[name].append(scorer(weights))
    found = {name: _ends(np.array(each)) for name, each in drawn.items()}
    return {name: ends for name, ends in found.items() if ends is not None}


def _ends(drawn: NDArray[np.float64]) -> Interval | None:
    told = drawn[~np.isnan(drawn)]
    if not told.size:
        return None
    low, high = np.quantile(told, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(low=float(low), high=float(high))
