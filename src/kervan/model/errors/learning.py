"""Whether more rows would help: the chosen family fitted on ever more rows, and the curve drawn on.

The curve is a power law, loss = floor + scale · rows^-rate, as learning curves mostly are (T. Viering and
M. Loog, The shape of learning curves: a review, IEEE Transactions on Pattern Analysis and Machine
Intelligence 45, 2023). It is fitted many times to points drawn around the measured ones by their spread,
which says how far what is read off it beyond the last point may be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.model.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.model.formulas import Floats

SIZES = ((0.1, 3), (0.2, 3), (0.4, 2), (0.7, 1), (1.0, 1))  # share of the rows, and how often it is drawn
_FEWEST = 20
_DRAWS = 500
_RATES = np.linspace(0.05, 2.0, 40)
_ENDS = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The metric after learning from so many rows: its mean over the repeats, and each of them."""

    rows: int
    mean: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """The points, and the metric that twice the rows would give, read off the curve: `low` to `high` in 95 %.

    `gain` is how much better that is than what the curve says for all rows: 0 where more do not help.
    The three are None where too few points are there.
    """

    metric: str
    points: tuple[Point, ...]
    doubled: float | None
    low: float | None
    high: float | None
    gain: float | None


def learning_curve(
    rows: int, metric: str, score: Callable[[NDArray[np.int64], int], float | None], *, seed: int = 0
) -> LearningCurve:
    """Measure at five sizes what `score(places of rows to learn from, seed)` gives; None is left out."""
    random = np.random.default_rng(seed)
    points = []
    for share, repeats in SIZES:
        size = round(share * rows)
        if size < _FEWEST:
            continue
        drawn = [np.sort(random.permutation(rows)[:size]) for _ in range(repeats)]
        values = [
            value for place, each in enumerate(drawn) if (value := score(each, seed + place)) is not None
        ]
        if values:
            points.append(Point(rows=size, mean=float(np.mean(values)), values=tuple(values)))
    return _drawn_on(tuple(points), metric, random)


def _drawn_on(points: tuple[Point, ...], metric: str, random: np.random.Generator) -> LearningCurve:
    if len(points) < 4:
        return LearningCurve(metric=metric, points=points, doubled=None, low=None, high=None, gain=None)
    sign = -1.0 if higher_is_better(metric) else 1.0
    sizes = np.array([each.rows for each in points], dtype=np.float64)
    means = sign * np.array([each.mean for each in points])
    noise = _spread(points) * random.standard_normal((_DRAWS, len(points)))
    now, twice = _read_off(sizes, means[None])
    _, drawn = _read_off(sizes, means + noise)
    ends = sign * np.array([*np.quantile(drawn, _ENDS), twice[0]])
    return LearningCurve(
        metric=metric,
        points=points,
        doubled=sign * float(twice[0]),
        low=float(ends.min()),
        high=float(ends.max()),
        gain=float(now[0] - twice[0]),
    )


def _spread(points: tuple[Point, ...]) -> Floats:
    """Return the standard error of each mean, from the repeats of all sizes pooled: each alone has few."""
    squares = [np.var(each.values) * len(each.values) for each in points]
    degrees = sum(len(each.values) - 1 for each in points)
    pooled = (sum(squares) / degrees) ** 0.5 if degrees else 0.0
    return np.array([pooled / len(each.values) ** 0.5 for each in points])


def _read_off(sizes: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """Return what the best fitting power laws say at all rows and at twice as many, for each row of losses.

    For a given rate the law is a straight line in its powers, fitted by least squares; it never rises.
    """
    powers = (sizes / sizes[-1]) ** -_RATES[:, None]
    centred = powers - powers.mean(axis=1, keepdims=True)
    squares = np.square(centred).sum(axis=1)
    scales = np.maximum(0.0, losses @ centred.T / squares)
    missed = scales * (scales * squares - 2 * losses @ centred.T)  # beyond what no law explains
    best = missed.argmin(axis=1)
    scale = scales[np.arange(len(losses)), best]
    now = losses.mean(axis=1) + scale * (1.0 - powers.mean(axis=1)[best])
    return now, now - scale * (1.0 - 2.0 ** -_RATES[best])
