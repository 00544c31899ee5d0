"""What changes in a form whose numbers are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kervan.package.writing.neutral.form import Floats


def rounded_down(threshold: Floats) -> Floats:
    """Return thresholds that float32 holds, rounded down: every float32 takes the same branch as before.

    Infinite ones stay: no number but the infinite one itself is beyond them.
    """
    with np.errstate(over="ignore"):
        nearest = threshold.astype(np.float32)
        lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > threshold, lower, nearest).astype(np.float64)
