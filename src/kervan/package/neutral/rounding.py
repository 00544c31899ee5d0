"""How far float32 arithmetic moves the answers of a form, row by row.

Monte Carlo arithmetic (D. S. Parker, Monte Carlo arithmetic: exploiting randomness in floating-point
arithmetic, 1997): every result is moved by a rounding error with a sign of its own, and the answers spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.neutral.build import SINGLE_ROUNDING
from kervan.package.neutral.form import Linear
from kervan.package.neutral.score import score

if TYPE_CHECKING:
    from kervan.package.neutral.form import Floats, Form, Layer

_SAMPLES = 8


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
        return given + SINGLE_ROUNDING * size * signs

    with np.errstate(invalid="ignore"):
        farthest: Floats = np.zeros_like(exact)
        for _ in range(_SAMPLES):
            farthest = np.maximum(farthest, np.abs(score(form, rows, moved) - exact))
    return farthest
