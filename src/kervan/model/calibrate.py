"""Calibration: what a classifier calls 0.8 is made to be right in 80 of 100 rows that are new to it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.errors.calibration import Reliability, reliability_of
from kervan.model.folds import folds_of
from kervan.model.metrics import METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.model.folds import Folding

MEASURES = ("brier", "calibration_error", "log_loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """By which method a model was calibrated, and how well before and after, on the validation part.

    The curves are None where an earlier Kervan calibrated it.
    """

    method: str
    before: dict[str, float]
    after: dict[str, float]
    curve_before: Reliability | None = None
    curve_after: Reliability | None = None

    @property
    def told(self) -> str:
        """What calibration changed, in a sentence."""
        figures = (
            f"{name} {self.before[name]:.4g} before and {self.after[name]:.4g} after"
            for name in MEASURES
            if name in self.before and name in self.after
        )
        return f"calibrated by {self.method}: {', '.join(figures)}"


def calibrate(model: Any, method: str, matrix: Matrix, truth: NDArray[Any], folding: Folding) -> Any:
    """Return a model like this one whose probabilities were corrected by what it answered to held-out rows.

    The correction is learned from answers over the folds, by a sigmoid (J. Platt, 1999) or an isotonic
    function (B. Zadrozny and C. Elkan, KDD 2002). Where every row is held out once, one model of all rows is
    corrected; of folds that follow time, one for each fold is, and their mean answers.
    """
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV

    known = matrix.copy()
    known[:, np.isnan(known).all(axis=0)] = 0.0  # as for the model itself
    splits = list(folds_of(matrix, truth, folding))
    asked = np.concatenate([ask for _, ask in splits])
    is_whole = len(asked) == len(truth) and len(np.unique(asked)) == len(truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cross-validation has reported them already
        return CalibratedClassifierCV(clone(model), method=method, cv=splits, ensemble=not is_whole).fit(
            known, truth
        )


def compared(
    method: str,
    truth: NDArray[Any],
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
    signature: Signature,
) -> Calibrated:
    """Say how well probabilities were calibrated before and after, on rows that nobody learned from."""
    before, after = values
    return Calibrated(
        method=method,
        before=calibration(truth, before),
        after=calibration(truth, after),
        curve_before=reliability_of(truth, before, signature),
        curve_after=reliability_of(truth, after, signature),
    )


def calibration(truth: NDArray[Any], values: NDArray[np.float64]) -> dict[str, float]:
    """Return how well probabilities are calibrated: Brier score, expected calibration error, log loss."""
    return {name: METRICS[name].formula(truth, values) for name in MEASURES}
