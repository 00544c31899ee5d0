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

from kervan.core.goals import Costs
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.class_metrics import CLASS_METRICS
from kervan.model.costs import cost_metrics
from kervan.model.metrics import METRICS, Yardstick, intervals, scores
from kervan.model.number_metrics import NUMBER_METRICS

ROWS = (30, 60, 200, 1000)
SAMPLES = 80  # of each cell, times the runs
DRAWN = 20  # where finding the interval itself draws samples
TRUE_ROWS = 1_000_000

_LOW, _HIGH = 93.0, 98.0  # where surely fewer or more samples hold it, a line ends in "!"
_SURE = 2.0  # standard errors of a count

Draw = Callable[[np.random.Generator, int], tuple[NDArray[Any], NDArray[np.float64]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A world in which a metric has one true value."""

    metric: str
    world: str
    draw: Draw

    @property
    def task(self) -> str:
        return METRICS[self.metric].task if self.metric in METRICS else "classification"

    @property
    def by(self) -> Yardstick:
        """What is measured, with the metric among it."""
        return Yardstick(metrics=(METRICS[self.metric],) if self.metric in METRICS else COST)

    @property
    def draws(self) -> bool:
        """Whether finding the interval draws samples of the rows, which takes long."""
        rows = self.draw(np.random.default_rng(0), ROWS[-1])
        first, second = (intervals(self.task, *rows, self.by, seed=seed, only=self.metric) for seed in (0, 1))
        return first != second


_TWO = Signature(inputs=Schema(), output=Column(name="y", type=Type.CATEGORY, allowed=("no", "yes")))
COST = cost_metrics(Costs(false_positive=5.0, false_negative=100.0), _TWO)


def main(runs: int) -> None:
    print("\n== intervals: of 100 samples, in how many the true value lies inside the 95 % interval")
    print(
        f"   {runs * SAMPLES} samples a cell, {runs * DRAWN} with '~'; '-': fewer than half tell an interval"
    )
    print(f"{'metric':24} {'world':42} {'true':>8}" + "".join(f"{rows:>7}" for rows in ROWS))
    for cell in cells():
        random = np.random.default_rng(0)
        true = scores(cell.task, *cell.draw(random, TRUE_ROWS), cell.by)[cell.metric]
        samples = runs * (DRAWN if cell.draws else SAMPLES)
        covered = [_covered(cell, true, rows, samples) for rows in ROWS]
        shown = "".join(f"{each:>7}" for each in covered)
        holds = all(each == "-" or _holds(float(each), samples) for each in covered)
        name = f"{cell.metric} ~" if cell.draws else cell.metric
        print(f"{name:24} {cell.world:42} {true:8.3f}{shown}{'' if holds else '  !'}", flush=True)


def _holds(covered: float, samples: int) -> bool:
    low, high = (_SURE * (100 * bound - bound**2) ** 0.5 / samples**0.5 for bound in (_LOW, _HIGH))
    return _LOW - low <= covered <= _HIGH + high


def _covered(cell: Cell, true: float, rows: int, samples: int) -> str:
    inside = told = 0
    for seed in range(samples):
        truth, values = cell.draw(np.random.default_rng([rows, seed]), rows)
        found = intervals(cell.task, truth, values, cell.by, only=cell.metric).get(cell.metric)
        if found is not None:
            told += 1
            inside += found.low <= true <= found.high
    return f"{100 * inside / told:.1f}" if told > samples / 2 else "-"


def cells() -> Iterator[Cell]:
    """Yield every world in which the intervals are tried."""
    yield from _of_classes()
    for name in MORE_OF_NUMBERS:
        yield Cell(metric=name, world="gamma truths, log-normal factors", draw=_factors)
    for world, errors in ERRORS.items():
        for name in ("rmse", "mae", "median_absolute_error", "r2", "bias", "explained_variance"):
            yield Cell(metric=name, world=world, draw=_numbers(errors))


def _of_classes() -> Iterator[Cell]:
    for right in (0.8, 0.9, 0.99):
        yield Cell(metric="accuracy", world=f"right with a chance of {right}", draw=_answers(right))
    for area in (0.7, 0.9, 0.99):
        for share in (0.5, 0.1):
            world = f"normal values, AUC {area}, {share:.0%} positive"
            for name in ("roc_auc", "average_precision", "f1", "log_loss"):
                yield Cell(metric=name, world=world, draw=_ranked(area, share))
    for name in ("roc_auc", "average_precision", "accuracy", *OF_MORE_CLASSES):
        yield Cell(metric=name, world="three classes, one of them 10 %", draw=_three)
    for name in ("top_3_accuracy", "top_5_accuracy", *OF_MORE_CLASSES):
        yield Cell(metric=name, world="ten classes, the rarest 1 %", draw=_ten)
    for share in (0.5, 0.1):
        world = f"normal values, AUC 0.9, {share:.0%} positive"
        for name in MORE_OF_CLASSES:
            yield Cell(metric=name, world=world, draw=_ranked(0.9, share))


OF_MORE_CLASSES = ("f1", "precision", "f2", "balanced_accuracy", "matthews_corrcoef", "top_2_accuracy")
MORE_OF_CLASSES = (
    *(entry.name for entry in CLASS_METRICS if not entry.name.startswith(("top_", "calibration_error"))),
    "cost",
)
MORE_OF_NUMBERS = tuple(entry.name for entry in NUMBER_METRICS if entry.name not in {"max_error", "bias"})


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


def _factors(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    truth = random.gamma(3.0, size=rows) + 0.1
    return truth, (truth * random.lognormal(sigma=0.3, size=rows))[:, None]


def _three(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    truth = random.choice(3, size=rows, p=[0.5, 0.4, 0.1])
    values = np.exp(random.normal(size=(rows, 3)) + 2.5 * np.eye(3)[truth])
    return truth, values / values.sum(axis=1, keepdims=True)


def _ten(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    truth = random.choice(10, size=rows, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01])
    values = np.exp(random.normal(size=(rows, 10)) + 2.5 * np.eye(10)[truth])
    return truth, values / values.sum(axis=1, keepdims=True)


def _numbers(errors: Callable[[np.random.Generator, int], NDArray[np.float64]]) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        answers = random.normal(size=rows) * 2
        return answers + errors(random, rows), answers[:, None]

    return draw
