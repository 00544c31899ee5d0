"""How far float32 arithmetic moves answers: at most in general, and those of a form row by row.

The latter by Monte Carlo arithmetic (D. S. Parker, Monte Carlo arithmetic: exploiting randomness in
floating-point arithmetic, 1997): every result is moved by a rounding error with a sign of its own, and the
answers spread.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from kervan.package.writing.neutral.form import Linear
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from kervan.package.writing.neutral.form import Floats, Form, Layer

FEW_ULPS = 16  # what a polynomial in the place of exp, tanh and their like costs, in roundings
_ROUNDING = 2.0**-24  # the largest relative error of one float32 operation
# Rounding errors of n operations grow as sqrt(n) with all but certainty, by a factor of about four (Higham
# and Mary, A new approach to probabilistic rounding error analysis, 2019), and are relative to the terms of
# a sum: these may be four times as large as what is left of them. The polynomials that stand for exp, tanh
# and their like in libraries are off by a few units in the last place, whatever n is.
_FACTOR = 16.0
_FEWEST_STEPS = 64
_SAMPLES = 8


def single_slack(steps: int) -> float:
    """Return how far an answer may be from float64's after so many float32 operations, one on another."""
    return _FACTOR * sqrt(max(steps, _FEWEST_STEPS)) * _ROUNDING


def single_spread(form: Form, rows: Floats) -> Floats:
    """Return how far any answer moves at most, of shape (rows, outputs); NaN where there is none."""
    exact = score(form, rows)
    random = np.random.default_rng(0)

    def moved(layer: Layer, given: Floats, *sources: Floats) -> Floats:
        size: Floats
        if isinstance(layer, Linear):  # each term is rounded, and so is what they add up to
            size = np.abs(sources[0]) @ np.abs(layer.weights.T) + np.abs(layer.bias)
        else:
            size = np.abs(given)
        signs: Floats = random.choice([-1.0, 1.0], size.shape)
        return given + _ROUNDING * size * signs

    with np.errstate(invalid="ignore"):
        farthest: Floats = np.zeros_like(exact)
        for _ in range(_SAMPLES):
            farthest = np.maximum(farthest, np.abs(score(form, rows, moved) - exact))
    return farthest
