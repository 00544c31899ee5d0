"""Continuous families, fitted by greatest likelihood to values in rising order."""

from __future__ import annotations

from math import lgamma, log, pi
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.families.fit import Fit, Floats, digamma, fitted, trigamma

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAILS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)  # degrees of freedom that are tried
_NARROW = 0.06  # log-normal and gamma distributions so narrow for their mean are normal to the eye
_LARGEST_BETA = 20.0  # beyond it a beta distribution is a gamma or normal one to the eye
_SOME = 500  # values by which centre and scale of heavy tails are found


def continuous(values: Floats) -> Iterator[Fit]:
    """Yield the fits of all families that allow these values, which differ."""
    tried = [_normal(values), _uniform(values), _heavy(values), *_exponentials(values)]
    if values[0] > 0:
        logs = np.log(values)
        tried += [_lognormal(values, logs), _gamma(values, logs), _pareto(values, logs)]
        if values[-1] < 1:
            tried.append(_beta(values, logs))
    yield from (fit for fit in tried if fit is not None)


def normal_log(values: Floats, mean: float, deviation: float) -> Floats:
    """Return the logarithm of the normal density."""
    return -0.5 * ((values - mean) / deviation) ** 2 - log(deviation) - 0.5 * log(2 * pi)


def _normal(values: Floats) -> Fit | None:
    mean, deviation = float(values.mean()), float(values.std())
    return fitted(
        "normal", values, lambda x: normal_log(x, mean, deviation), 2, mean=mean, deviation=deviation
    )


def _uniform(values: Floats) -> Fit | None:
    low, high = float(values[0]), float(values[-1])
    return fitted("uniform", values, lambda x: np.full(len(x), -log(high - low)), 2, low=low, high=high)


def _exponentials(values: Floats) -> Iterator[Fit | None]:
    """Yield fits that begin at zero, and at the least value."""
    for start, free in ((0.0, 1), (float(values[0]), 2)):
        scale = float(values.mean()) - start
        if values[0] < start or scale <= 0:
            continue

        def density(x: Floats, start: float = start, scale: float = scale) -> Floats:
            return -(x - start) / scale - log(scale)

        yield fitted("exponential", values, density, free, start=start, mean=scale)


def _lognormal(values: Floats, logs: Floats) -> Fit | None:
    mean, deviation = float(logs.mean()), float(logs.std())
    if deviation < _NARROW:
        return None

    def density(x: Floats) -> Floats:
        logs = np.log(x)
        return np.asarray(normal_log(logs, mean, deviation) - logs)

    return fitted("log-normal", values, density, 2, log_mean=mean, log_deviation=deviation)


def _gamma(values: Floats, logs: Floats) -> Fit | None:
    """Fit by Newton's steps from Minka's start (T. Minka, "Estimating a Gamma distribution", 2002)."""
    mean = float(values.mean())
    apart = log(mean) - float(logs.mean())
    if apart <= 0:
        return None
    shape = (3 - apart + ((apart - 3) ** 2 + 24 * apart) ** 0.5) / (12 * apart)
    for _ in range(5):
        slope = 1 / shape - trigamma(shape)
        shape = max(1e-6, shape - (log(shape) - digamma(shape) - apart) / slope)
    if shape**-0.5 < _NARROW:
        return None
    scale, total = mean / shape, lgamma(shape)

    def density(x: Floats) -> Floats:
        return np.asarray((shape - 1) * np.log(x) - x / scale - total - shape * log(scale))

    return fitted("gamma", values, density, 2, shape=shape, scale=scale)


def _pareto(values: Floats, logs: Floats) -> Fit | None:
    least = float(values[0])
    over = float((logs - log(least)).mean())
    tail = 1 / over

    def density(x: Floats) -> Floats:
        return log(tail) + tail * log(least) - (tail + 1) * np.log(x)

    return fitted("heavy-tailed", values, density, 2, least=least, tail=tail)


def _beta(values: Floats, logs: Floats) -> Fit | None:
    """Fit by Newton's steps from the moments (N. L. Johnson, S. Kotz, Continuous Univariate II, 25.4)."""
    mean, variance = float(values.mean()), float(values.var())
    size = mean * (1 - mean) / variance - 1
    if size <= 0:
        return None
    a, b = mean * size, (1 - mean) * size
    wanted_a, wanted_b = float(logs.mean()), float(np.log1p(-values).mean())
    for _ in range(8):
        both = digamma(a + b)
        off = np.array([digamma(a) - both - wanted_a, digamma(b) - both - wanted_b])
        shared = trigamma(a + b)
        slope = np.array([[trigamma(a) - shared, -shared], [-shared, trigamma(b) - shared]])
        step = np.linalg.solve(slope, off)
        a, b = max(a / 10, a - float(step[0])), max(b / 10, b - float(step[1]))
    if max(a, b) > _LARGEST_BETA:
        return None
    total = lgamma(a) + lgamma(b) - lgamma(a + b)

    def density(x: Floats) -> Floats:
        return (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - total

    return fitted("beta", values, density, 2, a=a, b=b)


def _heavy(values: Floats) -> Fit | None:
    """Fit Student's t of the best degrees of freedom, centre and scale by expectation and maximisation.

    After K. Lange, R. Little, J. Taylor, "Robust statistical modeling using the t distribution", 1989.
    """
    some = values[np.linspace(0, len(values) - 1, min(_SOME, len(values))).astype(int)]
    quarter = len(some) // 4
    spread = float(some[3 * quarter] - some[quarter]) / 1.35
    if spread <= 0:
        return None
    best: tuple[float, float, float, float] | None = None
    for tail in _TAILS:
        centre, square = float(some[len(some) // 2]), spread * spread
        for _ in range(10):
            weights = (tail + 1) / (tail + (some - centre) ** 2 / square)
            centre = float((weights * some).sum() / weights.sum())
            square = float((weights * (some - centre) ** 2).mean())
        reached = float(_student_log(some, tail, centre, square).sum())
        if best is None or reached > best[0]:
            best = (reached, tail, centre, square)
    assert best is not None  # noqa: S101 - there are tails to try
    _, tail, centre, square = best
    return fitted(
        "heavy-tailed",
        values,
        lambda x: _student_log(x, tail, centre, square),
        3,
        tail=tail,
        centre=centre,
        scale=square**0.5,
    )


def _student_log(values: Floats, tail: float, centre: float, square: float) -> Floats:
    front = lgamma((tail + 1) / 2) - lgamma(tail / 2) - 0.5 * log(tail * pi * square)
    return front - (tail + 1) / 2 * np.log1p((values - centre) ** 2 / (tail * square))
