"""Families of whole numbers from zero on, fitted by greatest likelihood."""

from __future__ import annotations

from math import lgamma, log
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.families.fit import Fit, Floats, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIALS = 12  # numbers of trials that are tried for a binomial distribution


def discrete(values: Floats) -> Iterator[Fit]:
    """Yield the fits of all families that allow these whole numbers, of which none is negative."""
    tried = [_uniform(values), _poisson(values), _inflated(values), _binomial(values), _overdispersed(values)]
    tried += [_geometric(values, start) for start in (0.0, 1.0) if values[0] >= start]
    yield from (fit for fit in tried if fit is not None)


def _factorials(values: Floats) -> Floats:
    """Return the logarithms of the factorials; values repeat, so each is computed once."""
    different, places = np.unique(values, return_inverse=True)
    return np.array([lgamma(each + 1) for each in different.tolist()])[places]


def _uniform(values: Floats) -> Fit | None:
    low, high = float(values[0]), float(values[-1])
    return fitted("uniform", values, lambda x: np.full(len(x), -log(high - low + 1)), 2, low=low, high=high)


def _poisson(values: Floats) -> Fit | None:
    rate = float(values.mean())
    return fitted("Poisson", values, lambda x: x * log(rate) - rate - _factorials(x), 1, rate=rate)


def _inflated(values: Floats) -> Fit | None:
    """Fit a Poisson distribution with more zeros than it has (D. Lambert, Technometrics 34, 1992)."""
    zeros, above = float((values == 0).mean()), values[values > 0]
    if not zeros or len(above) < 2 or above.mean() <= 1:
        return None
    wanted = float(above.mean())
    rate = wanted
    for _ in range(50):  # the mean of a Poisson distribution without its zeros
        rate = wanted * (1 - np.exp(-rate))
    extra = (zeros - np.exp(-rate)) / (1 - np.exp(-rate))
    if rate <= 0 or not 0 < extra < 1:
        return None

    def density(x: Floats) -> Floats:
        counts = log(1 - extra) + x * log(rate) - rate - _factorials(x)
        return np.where(x == 0, log(zeros), counts)

    return fitted("zero-inflated", values, density, 2, zeros=zeros, rate=float(rate))


def _geometric(values: Floats, start: float) -> Fit | None:
    mean = float(values.mean()) - start
    if mean <= 0:
        return None
    chance = 1 / (1 + mean)
    return fitted(
        "geometric",
        values,
        lambda x: log(chance) + (x - start) * log(1 - chance),
        1,
        start=start,
        chance=chance,
    )


def _binomial(values: Floats) -> Fit | None:
    mean, variance, most = float(values.mean()), float(values.var()), float(values[-1])
    if variance >= mean:
        return None
    guess = max(most, round(mean * mean / (mean - variance)))
    span = max(1, int((guess - most) // 2), int(guess // 20))
    trials = {most, *np.linspace(max(most, guess - span), guess + span, _TRIALS).round().tolist()}
    fits = [fit for each in sorted(trials) if (fit := _binomial_of(values, each, mean / each)) is not None]
    return max(fits, key=lambda fit: fit.likelihood, default=None)


def _binomial_of(values: Floats, trials: float, chance: float) -> Fit | None:
    if not 0 < chance < 1:
        return None

    def density(x: Floats) -> Floats:
        ways = lgamma(trials + 1) - _factorials(x) - _factorials(trials - x)
        return ways + x * log(chance) + (trials - x) * log(1 - chance)

    return fitted("binomial", values, density, 2, trials=trials, chance=chance)


def _overdispersed(values: Floats) -> Fit | None:
    """Fit a negative binomial distribution: the best size on a grid around that of the moments."""
    mean, variance = float(values.mean()), float(values.var())
    if variance <= mean:
        return None
    size = mean * mean / (variance - mean)
    fits = [_negative_of(values, size * factor, mean) for factor in (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0)]
    return max((fit for fit in fits if fit), key=lambda fit: fit.likelihood, default=None)


def _negative_of(values: Floats, size: float, mean: float) -> Fit | None:
    chance = size / (size + mean)

    def density(x: Floats) -> Floats:
        different, places = np.unique(x, return_inverse=True)
        ways = np.array([lgamma(each + size) for each in different.tolist()])[places] - lgamma(size)
        return ways - _factorials(x) + size * log(chance) + x * log(1 - chance)

    return fitted("negative binomial", values, density, 2, size=size, mean=mean)
