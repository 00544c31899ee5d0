"""What changes in a form whose numbers are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kervan.package.neutral.form import Floats

_LARGEST = np.finfo(np.float32).max


def rounded_down(threshold: Floats) -> Floats:
    """Return thresholds that float32 holds, rounded down: every float32 takes the same branch as before."""
    with np.errstate(over="ignore"):
        nearest = threshold.astype(np.float32)
    lower = np.nextafter(nearest, np.float32(-np.inf))
    found: Floats = np.clip(np.where(nearest > threshold, lower, nearest), -_LARGEST, _LARGEST)
    return found
