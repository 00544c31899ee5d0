"""One family fitted to values, and how well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted family: its parameters by name, and the logarithm of its density (or probability).

    `free` parameters were fitted, which the Bayesian information criterion charges for.
    """

    name: str
    parameters: dict[str, float]
    log_density: Callable[[Floats], Floats]
    free: int
    likelihood: float

    def criterion(self, size: int) -> float:
        """Return half the BIC (G. Schwarz, Annals of Statistics 6, 1978): less is better."""
        return self.free * log(size) / 2 - self.likelihood


def fitted(
    name: str, values: Floats, log_density: Callable[[Floats], Floats], free: int, **parameters: float
) -> Fit | None:
    """Return a fit with its likelihood, None where the values are impossible to it."""
    with np.errstate(all="ignore"):
        likelihood = float(log_density(values).sum())
    if not np.isfinite(likelihood):
        return None
    return Fit(name=name, parameters=parameters, log_density=log_density, free=free, likelihood=likelihood)


def digamma(x: float) -> float:
    """Return the derivative of the logarithm of the gamma function (Abramowitz and Stegun 6.3.5, 6.3.18).

    >>> round(digamma(1.0), 6)
    -0.577216
    """
    shift = 0.0
    while x < 12:
        shift -= 1 / x
        x += 1
    square = 1 / (x * x)
    return shift + log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252))


def trigamma(x: float) -> float:
    """Return the derivative of `digamma` (Abramowitz and Stegun 6.4.6, 6.4.12).

    >>> round(trigamma(1.0), 6)
    1.644934
    """
    shift = 0.0
    while x < 12:
        shift += 1 / (x * x)
        x += 1
    square = 1 / (x * x)
    return shift + 1 / x + square / 2 + square / x * (1 / 6 - square * (1 / 30 - square / 42))
