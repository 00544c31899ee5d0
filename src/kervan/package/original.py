"""The model as it was trained, in the clothes of a predictor: what every written format is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature


class Original:
    """A fitted scikit-learn estimator that answers like a `Predictor`."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._answer = model.predict_proba if signature.is_classification else model.predict

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score a matrix: (rows, classes) probabilities or (rows, 1) values."""
        values = np.asarray(self._answer(matrix), dtype=np.float64)
        return values.reshape(len(matrix), -1)
