"""The model as it was trained, stored without pickle: for Python programs with the same scikit-learn."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.called import admit, file_of, texts_of
from kervan.core.errors import Corrupted, Refused, RefusedRow
from kervan.core.features import called
from kervan.core.identity import sha256_file
from kervan.core.ports import About
from kervan.package.encoding import NUMBER
from kervan.package.writing.fitted import Fitted as Model
from kervan.package.writing.native.read import read_model
from kervan.package.writing.native.write import DISTRIBUTIONS, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.features import Feature
    from kervan.core.ports import Fitted, Matrix
    from kervan.core.schema import Signature


NATIVE = "native"
FUNCTIONS = "functions"


class NativeFormat:
    """Any model of scikit-learn's own estimators, answering bit for bit as it did."""

    requires = DISTRIBUTIONS
    about = About(
        title="Kervan native",
        extension=".json, .bin",
        licence="Apache-2.0",
        readers="Kervan, with the version of scikit-learn that trained the model",
        text=True,
        holds_functions=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write `model.json`, `arrays.bin`, and the files of functions that are features.

        Raises `Refused` for objects of the user's own.
        """
        write_model(fitted.model, folder)
        features = called(fitted.signature.features)
        texts = texts_of(features)
        for feature in features:
            path = folder / file_in(feature)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(texts[feature.code].encode())

    def load(self, folder: Path, signature: Signature) -> ModelPredictor:
        """Put the model together from what the allow-list knows, or raise `Corrupted` or `Refused`.

        Functions of its features may run from now on: whether they may is asked where a package is opened.
        """
        admit_functions(folder, signature)
        return ModelPredictor(read_model(folder), signature, folder)


def admit_functions(folder: Path, signature: Signature) -> None:
    """Let the functions run that a folder holds for a signature, or raise `Corrupted` for other files."""
    for feature in called(signature.features):
        path = folder / file_in(feature)
        if not path.is_file() or sha256_file(path) != feature.code:
            raise Corrupted(f"{path} is not the file of {feature.name!r}", hint="package the model again")
        admit(path.read_bytes().decode())


def file_in(feature: Feature) -> PurePosixPath:
    """Return where in a folder the file of a function lies.

    >>> from kervan.core.features import Feature
    >>> str(file_in(Feature("far", call="places.geo:distance", code="0123456789")))
    'functions/places.geo-01234567.py'
    """
    name = file_of(feature.call).removesuffix(".py").replace("/", ".")
    return PurePosixPath(FUNCTIONS, f"{name}-{feature.code[:8]}.py")


class ModelPredictor:
    """Scores with scikit-learn itself. It has answered once, for a row of zeros, before it is handed out."""

    def __init__(self, model: Any, signature: Signature, folder: Path) -> None:
        self._fitted = Model(model, signature)
        self._folder = folder
        self._width = len(signature.output.allowed) if signature.is_classification else 1
        if not hasattr(model, "predict"):
            raise self._corrupted("it cannot predict")
        with suppress(RefusedRow):  # such a row need not be one that its functions take
            self.predict(np.zeros((1, len(signature.inputs)), dtype=NUMBER))

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        if not len(matrix):
            return np.empty((0, self._width))
        try:
            values = self._fitted.predict(matrix)
        except (Refused, RefusedRow):  # its functions may not run, or do not take a row
            raise
        except Exception as error:  # a model that was put together wrongly fails in any way
            raise self._corrupted(str(error)) from error
        if values.shape != (len(matrix), self._width):
            raise self._corrupted(f"it answers with the shape {values.shape}")
        return values

    def _corrupted(self, why: str) -> Corrupted:
        return Corrupted(
            f"{self._folder} holds no usable model of its signature: {why}", hint="package the model again"
        )
