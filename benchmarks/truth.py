"""Are the figures true? How often intervals hold the true value, and how often drift is seen, and only drift.

Nothing is timed here: each table is simulated from a distribution whose true figures are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kervan.model.metrics import intervals, scores

ROWS = (30, 60, 200, 1000)
SAMPLES = 400  # of each cell, times the runs
TRUE_ROWS = 1_000_000

Draw = Callable[[np.random.Generator, int], tuple[NDArray[Any], NDArray[np.float64]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A world in which a metric has one true value."""

    metric: str
    world: str
    draw: Draw

    @property
    def task(self) -> str:
        return (
            "regression"
            if self.metric in {"rmse", "mae", "r2", "median_absolute_error"}
            else "classification"
        )


def main(runs: int) -> None:
    print("\n== intervals: of 100 samples, in how many the true value lies inside the 95 % interval")
    print(f"   {runs * SAMPLES} samples a cell; '-' where fewer than half tell an interval")
    print(f"{'metric':22} {'world':42} {'true':>8}" + "".join(f"{rows:>7}" for rows in ROWS))
    for cell in cells():
        random = np.random.default_rng(0)
        true = scores(cell.task, *cell.draw(random, TRUE_ROWS))[cell.metric]
        shown = "".join(f"{_covered(cell, true, rows, runs * SAMPLES):>7}" for rows in ROWS)
        print(f"{cell.metric:22} {cell.world:42} {true:8.3f}{shown}", flush=True)


def _covered(cell: Cell, true: float, rows: int, samples: int) -> str:
    inside = told = 0
    for seed in range(samples):
        truth, values = cell.draw(np.random.default_rng([rows, seed]), rows)
        found = intervals(cell.task, truth, values, only=cell.metric).get(cell.metric)
        if found is not None:
            told += 1
            inside += found.low <= true <= found.high
    return f"{100 * inside / told:.1f}" if told > samples / 2 else "-"


def cells() -> Iterator[Cell]:
    """Yield every world in which the intervals are tried."""
    for right in (0.8, 0.9, 0.99):
        yield Cell(metric="accuracy", world=f"right with a chance of {right}", draw=_answers(right))
    for area in (0.7, 0.9, 0.99):
        for share in (0.5, 0.1):
            world = f"normal values, AUC {area}, {share:.0%} positive"
            for name in ("roc_auc", "average_precision", "f1", "log_loss"):
                yield Cell(metric=name, world=world, draw=_ranked(area, share))
    for name in ("roc_auc", "average_precision", "f1", "accuracy"):
        yield Cell(metric=name, world="three classes, one of them 10 %", draw=_three)
    for world, errors in ERRORS.items():
        for name in ("rmse", "mae", "median_absolute_error", "r2"):
            yield Cell(metric=name, world=world, draw=_numbers(errors))


ERRORS: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal errors": lambda random, rows: random.normal(size=rows),
    "errors of Student's t, 5 degrees": lambda random, rows: random.standard_t(5, size=rows),
    "log-normal errors": lambda random, rows: random.lognormal(size=rows),
    "log-normal errors around their mean": lambda random, rows: random.lognormal(size=rows) - np.exp(0.5),
}


def _answers(right: float) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        truth = random.integers(2, size=rows)
        chosen = np.where(random.random(rows) < right, truth, 1 - truth)
        return truth, np.eye(2)[chosen] * 0.8 + 0.1

    return draw


def _ranked(area: float, share: float) -> Draw:
    """Normal values of two classes, whose probabilities are calibrated."""
    apart = 2**0.5 * NormalDist().inv_cdf(area)

    def draw(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        truth = (random.random(rows) < share).astype(np.int64)
        values = random.normal(size=rows) + apart * truth
        odds = share / (1 - share) * np.exp(apart * values - apart**2 / 2)
        positive = odds / (1 + odds)
        return truth, np.column_stack([1 - positive, positive])

    return draw


def _three(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    truth = random.choice(3, size=rows, p=[0.5, 0.4, 0.1])
    values = np.exp(random.normal(size=(rows, 3)) + 2.5 * np.eye(3)[truth])
    return truth, values / values.sum(axis=1, keepdims=True)


def _numbers(errors: Callable[[np.random.Generator, int], NDArray[np.float64]]) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        answers = random.normal(size=rows) * 2
        return answers + errors(random, rows), answers[:, None]

    return draw
