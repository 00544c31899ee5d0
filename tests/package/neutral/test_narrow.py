"""Thresholds of float32: every float32, infinite ones too, takes the branch that it took."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from kervan.package.writing.neutral.narrow import rounded_down

LARGEST = float(np.finfo(np.float32).max)
EDGES = np.array([-np.inf, -LARGEST, -1.0, -1e-45, -0.0, 0.0, 1e-45, 1.0, LARGEST, np.inf, np.nan])


def around(threshold: float) -> np.ndarray:
    """Return the float32 numbers next to a threshold."""
    with np.errstate(over="ignore"):
        nearest = np.float32(threshold)
        return np.array([np.nextafter(nearest, -np.inf), nearest, np.nextafter(nearest, np.inf)], np.float32)


@given(st.floats(allow_nan=False))
@example(np.inf)
@example(-np.inf)
@example(1e300)
@example(-1e300)
@example(-LARGEST)
@example(LARGEST * (1 + 1e-9))
@example(0.1)
@example(-1e-50)
def test_every_number_takes_the_same_branch(threshold: float) -> None:
    [held] = rounded_down(np.array([threshold]))
    assert held == np.float32(held)
    numbers = np.concatenate([EDGES.astype(np.float32), around(threshold)]).astype(np.float64)
    np.testing.assert_array_equal(numbers <= held, numbers <= threshold)
