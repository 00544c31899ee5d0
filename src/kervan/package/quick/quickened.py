"""A predictor that lets the quicker of two scorers answer, by how many rows are asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from kervan.package.quick.scorer import quick_scorer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix, Predictor

_LARGEST = 4 << 20  # bytes of a graph: a larger one would take longer to read than a server may to start
_SIZES = (1, 4, 16, 64, 256, 1024)
_TRIES = 5
_SEED = 1


class Quickened:
    """Answers with a package's own predictor, and from `least` rows on with the quick scorer.

    Until both were compared, by `settle`, its own predictor answers everything.
    """

    def __init__(self, own: Predictor, quick: Predictor) -> None:
        self._own = own
        self._quick = quick
        self.least: float = np.inf

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        return (self._quick if len(matrix) >= self.least else self._own).predict(matrix)

    def settle(self, rows: Matrix) -> None:
        """Let the quick scorer answer from as many rows on as it is quicker, if it answers the very same.

        `rows` are some that the model is asked: as they are, moved about, and with missing values.
        """
        tried = _around(rows, _SIZES[-1])
        if not np.array_equal(self._own.predict(tried), self._quick.predict(tried)):
            return
        for size in reversed(_SIZES):
            part = tried[:size]
            if _seconds(self._quick, part) >= _seconds(self._own, part):
                break
            self.least = size


def quickened(own: Predictor, file: Path) -> Predictor:
    """Return a predictor with a quick scorer for a graph beside its own, or `own` where there is none."""
    if file.stat().st_size > _LARGEST:
        return own
    quick = quick_scorer(file)
    return own if quick is None else Quickened(own, quick)


def _around(rows: Matrix, count: int) -> Matrix:
    """Return rows, and others near them, some with a missing value."""
    random = np.random.default_rng(_SEED)
    found = np.repeat(rows, -(-count // len(rows)), axis=0)[:count]
    moved = found[len(rows) :]
    moved += (
        random.normal(size=moved.shape) * (np.abs(moved) + 1) * random.choice([0.01, 0.5, 3], moved.shape)
    )
    moved[random.random(moved.shape) < 0.02] = np.nan
    return found


def _seconds(predictor: Predictor, rows: Matrix) -> float:
    """Return the least time of a few that scoring rows takes."""
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        predictor.predict(rows)
        times.append(time.perf_counter() - started)
    return min(times)
