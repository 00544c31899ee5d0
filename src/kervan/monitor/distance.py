"""The Kolmogorov-Smirnov distance between production's numbers and training's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.data.profile import NumberProfile


def distance(reference: NumberProfile, ordered: NDArray[np.float64]) -> float:
    """Return the largest difference of the two distribution functions, 0 to 1, at the reference's quantiles.

    There the reference's function is known exactly on both sides of a tie, so that a column full of equal
    values shows no difference that is not there. Between them it is unknown by at most 1 %, and the true
    distance is greater by that at most.
    """
    below = np.searchsorted(ordered, reference.quantiles, "left") / len(ordered)
    upto = np.searchsorted(ordered, reference.quantiles, "right") / len(ordered)
    apart = [np.abs(below - reference.below).max(), np.abs(upto - reference.upto).max()]
    return float(max(apart))


def p_value(found: float, values: int, reference_values: int) -> float:
    """Return the chance of such a distance, or a larger one, between two samples without any drift.

    It is two-sided, with n·m/(n+m) as the size of the sample (as in `scipy.stats.ks_2samp`); where there
    are ties the true chance is smaller.
    """
    with extras_named():
        from scipy.stats import kstwo
    size = values * reference_values / (values + reference_values)
    return float(np.clip(kstwo.sf(found, max(1, round(size))), 0, 1))
