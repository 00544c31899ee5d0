"""Whether a chance of 70 % comes true seven times out of ten.

The expected calibration error is the mean distance of the bins from the diagonal, weighted by their rows
(M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian
binning, AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.shares import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows whose chance lay in one tenth: what was said on average, and how often it came true (95 %)."""

    rows: int
    said: float
    true: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """The bins that hold rows, the expected calibration error and the Brier score.

    For two classes chances are those of the positive one, `about`; for more those of the answered class.
    """

    about: str
    bins: tuple[Bin, ...]
    error: float
    brier: float


def reliability(answered: HeldOut) -> Reliability:
    """Compare chances with what came true, in ten bins of equal width."""
    return reliability_of(answered.truth, answered.values, answered.signature)


def reliability_of(truth: NDArray[Any], values: Floats, signature: Signature) -> Reliability:
    """Compare answers of shape (rows, classes) with the truth, in ten bins of equal width."""
    is_binary = values.shape[1] == 2
    said = values[:, 1] if is_binary else values.max(axis=1)
    true = truth == (1 if is_binary else values.argmax(axis=1))
    places = np.clip((said * BINS).astype(int), 0, BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        rows, share = int(inside.sum()), float(true[inside].mean())
        reach = wilson(share, rows)
        bins.append(
            Bin(rows=rows, said=float(said[inside].mean()), true=share, low=reach.low, high=reach.high)
        )
    return Reliability(
        about=signature.output.allowed[1] if is_binary else "",
        bins=tuple(bins),
        error=sum(each.rows * abs(each.said - each.true) for each in bins) / len(said),
        brier=float(np.square(said - true).mean()),
    )
