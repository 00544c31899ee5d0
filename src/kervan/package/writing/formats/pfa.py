"""PFA 0.8.1, scored by the scorer of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About
from kervan.package.answers import may_name
from kervan.package.writing.pfa.engine import Engine
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.scalar.lower import lower
from kervan.package.writing.scalar.pfa import write_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature

FILE = "model.pfa"


class PfaFormat:
    """A model as a JSON document of types, constants and functions."""

    requires = ()
    about = About(
        title="PFA 0.8.1",
        extension=".pfa",
        licence="open standard of the Data Mining Group",
        readers="Hadrian (JVM), Titus (Python), Aurelius (R)",
        text=True,
        is_code=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the document. Raises `Refused` for a model that needs sorting or searching."""
        (folder / FILE).write_bytes(write_document(lower(fitted.form, keeps_trees=True)))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the document is for other tools."""
        raise Refused(
            f"{folder / FILE} is for tools that read PFA", hint="serve the model in the format `onnx`"
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return the scorer of our own, which knows no more of PFA than is written here."""
        return {"": DocumentPredictor(folder / FILE, signature)}


_WRONG = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)  # what a wrong document leads to


class DocumentPredictor:
    """Scores a document row by row, every column by the name of its field."""

    def __init__(self, path: Path, signature: Signature) -> None:
        try:
            self._engine = Engine(json.loads(path.read_bytes()))
            columns = [field["doc"] for field in self._engine.fields]
        except (OSError, *_WRONG) as error:
            raise Corrupted(f"{path} is no PFA document: {error}", hint="fetch the package again") from error
        if columns != list(signature.inputs.names):
            raise Corrupted(f"{path} takes other columns than its signature says", hint="package it again")
        self._signature = signature

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        names = [field["name"] for field in self._engine.fields]
        rows = [dict(zip(names, row, strict=True)) for row in decode_rows(matrix, self._signature)]
        width = len(self._signature.output.allowed) if self._signature.is_classification else 1
        try:
            found = [self._numbers(self._engine.answer(row)) for row in rows]
        except _WRONG as error:
            raise Corrupted(f"the document cannot be run: {error}", hint="fetch the package again") from error
        return np.array(found, dtype=np.float64).reshape(len(matrix), width)

    def _numbers(self, answer: Any) -> list[float]:
        if not self._signature.is_classification:
            return [answer]
        labels = self._signature.output.allowed
        chances = [answer["probabilities"][label] for label in labels]
        if answer["label"] not in labels or not self._names(labels.index(answer["label"]), chances):
            raise ValueError(f"the label {answer['label']!r} is not the one that the probabilities name")
        return chances

    def _names(self, place: int, chances: list[float]) -> bool:
        told = may_name(np.array([place]), np.array([chances]), self._signature.naming)
        return bool(told[0])
