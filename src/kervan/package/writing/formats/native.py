"""The model as it was trained, stored without pickle: for Python programs with the same scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.ports import About
from kervan.package.encoding import NUMBER
from kervan.package.writing.fitted import Fitted as Model
from kervan.package.writing.native.read import read_model
from kervan.package.writing.native.write import DISTRIBUTIONS, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix
    from kervan.core.schema import Signature


class NativeFormat:
    """Any model of scikit-learn's own estimators, answering bit for bit as it did."""

    requires = DISTRIBUTIONS
    about = About(
        title="Kervan native",
        extension=".json, .bin",
        licence="Apache-2.0",
        readers="Kervan, with the version of scikit-learn that trained the model",
        text=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write `model.json` and `arrays.bin`. Raises `Refused` for objects of the user's own."""
        write_model(fitted.model, folder)

    def load(self, folder: Path, signature: Signature) -> ModelPredictor:
        """Put the model together from what the allow-list knows, or raise `Corrupted` or `Refused`."""
        return ModelPredictor(read_model(folder), signature, folder)


class ModelPredictor:
    """Scores with scikit-learn itself. It has answered once, for a row of zeros, before it is handed out."""

    def __init__(self, model: Any, signature: Signature, folder: Path) -> None:
        self._fitted = Model(model, signature)
        self._folder = folder
        self._width = len(signature.output.allowed) if signature.is_classification else 1
        if not hasattr(model, "predict"):
            raise self._corrupted("it cannot predict")
        self.predict(np.zeros((1, len(signature.inputs)), dtype=NUMBER))

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        if not len(matrix):
            return np.empty((0, self._width))
        try:
            values = self._fitted.predict(matrix)
        except Exception as error:  # a model that was put together wrongly fails in any way
            raise self._corrupted(str(error)) from error
        if values.shape != (len(matrix), self._width):
            raise self._corrupted(f"it answers with the shape {values.shape}")
        return values

    def _corrupted(self, why: str) -> Corrupted:
        return Corrupted(
            f"{self._folder} holds no usable model of its signature: {why}", hint="package the model again"
        )
