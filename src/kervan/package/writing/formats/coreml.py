"""A Core ML specification, proved by an interpreter of the specification and on no device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About, Precision
from kervan.core.schema import Type
from kervan.package.writing.coreml.engine import run
from kervan.package.writing.coreml.protos import new_model
from kervan.package.writing.rows import decode_column
from kervan.package.writing.scalar.coreml import write_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature

FILE = "model.mlmodel"


class CoremlFormat:
    """A model as a pipeline that iOS and macOS run."""

    requires = ("coremltools",)
    about = About(
        title="Core ML",
        extension=".mlmodel",
        vendor="Apple",
        licence="BSD-3-Clause (coremltools)",
        readers="iOS 11, macOS 10.13; proved by the specification, not on a device",
        is_code=True,
        precision=Precision.SINGLE,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the specification. Raises `Refused` for what is neither linear nor an ensemble of trees."""
        (folder / FILE).write_bytes(write_model(fitted.form).SerializeToString(deterministic=True))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: devices of Apple run it."""
        raise Refused(f"{folder / FILE} is for devices of Apple", hint="serve the model in the format `onnx`")

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return the interpreter of our own."""
        return {"": SpecificationPredictor(folder / FILE, signature)}


class SpecificationPredictor:
    """Scores a specification, every column by its name."""

    def __init__(self, path: Path, signature: Signature) -> None:
        self._model = new_model()
        from google.protobuf.message import DecodeError

        try:
            self._model.ParseFromString(path.read_bytes())
        except (OSError, DecodeError) as error:
            raise Corrupted(f"{path} is no Core ML model: {error}", hint="fetch the package again") from error
        columns = [entry.name for entry in self._model.description.input]
        if columns != list(signature.inputs.names):
            raise Corrupted(f"{path} takes other columns than its signature says", hint="package it again")
        self._signature = signature

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        width = len(self._signature.output.allowed) if self._signature.is_classification else 1
        if not len(matrix):
            return np.empty((0, width))
        features = {
            column.name: ["" if text is None else text for text in decode_column(matrix[:, place], column)]
            if column.type is Type.CATEGORY
            else matrix[:, place : place + 1].astype(np.float64)
            for place, column in enumerate(self._signature.inputs)
        }
        try:
            found = run(self._model, features)
        except (LookupError, ValueError) as error:
            raise Corrupted(
                f"the specification cannot be run: {error}", hint="fetch the package again"
            ) from error
        if found.shape != (len(matrix), width):
            raise Corrupted(
                f"the specification gives {found.shape[1]} numbers", hint="fetch the package again"
            )
        return found
