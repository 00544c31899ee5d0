"""PMML documents: read as what they say, and scored by PMML4S where it is installed."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.foreign import Foreign
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form
from kervan.package.writing.neutral.score import score
from kervan.package.writing.pmml.document import read_document
from kervan.package.writing.pmml.models import read_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.package.writing.pmml.document import Document, Input

_LIBRARY = "PMML"


def open_pmml(path: Path) -> Foreign:
    """Read a document with one model of a kind that is known here.

    Where PMML4S and Java are installed, its answers are what the model is proved against; where not, `kind`
    says so. Raises `Refused` that names what is not known, `Corrupted`.
    """
    document = read_document(path)
    reading = _Reading(document)
    is_compared = find_spec("pypmml") is not None and shutil.which("java") is not None
    return Foreign(
        kind=_LIBRARY if is_compared else f"{_LIBRARY}, not compared with another reader",
        inputs=len(document.inputs),
        classes=len(document.labels),
        is_classification=bool(document.labels),
        names=tuple(taken.name for taken in document.inputs),
        labels=document.labels,
        categories={place: taken.known for place, taken in enumerate(document.inputs) if taken.is_text},
        scores=_Original(path, document) if is_compared else reading.score,
        reads=lambda builder, value: read_model(builder, document, value),
    )


def _signature(document: Document) -> Signature:
    inputs = tuple(map(_column, document.inputs))
    kind = Type.CATEGORY if document.labels else Type.NUMBER
    output = Column(name=document.target or "y", type=kind, allowed=document.labels)
    return Signature(inputs=Schema(inputs), output=output)


def _column(taken: Input) -> Column:
    if taken.is_text:
        return Column(name=taken.name, type=Type.CATEGORY, allowed=taken.known)
    kind = Type.BOOLEAN if taken.kind == "boolean" else Type.NUMBER
    return Column(name=taken.name, type=kind, nullable=True)


class _Reading:
    """A document as it was read, scored by the neutral form."""

    def __init__(self, document: Document) -> None:
        self.signature = _signature(document)
        builder = Builder(self.signature)
        try:
            answer = read_model(builder, document, 0)
        except (KeyError, ValueError, TypeError, IndexError, RecursionError) as error:
            raise Corrupted(
                f"the document does not fit together: {type(error).__name__} {error}", hint="fetch it again"
            ) from error
        self._form = fold(Form(signature=self.signature, layers=tuple(builder.layers)), answer)

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows where there is nobody else to do so."""
        return score(self._form, rows)


class _Original:
    """A document as PMML4S scores it, every field by its name."""

    def __init__(self, path: Path, document: Document) -> None:
        from pypmml import Model, PMMLError

        try:
            self._model: Any = Model.fromString(path.read_text(encoding="utf-8"))
        except (PMMLError, UnicodeDecodeError) as error:
            raise Corrupted(f"PMML4S does not read {path}: {error}", hint="export it again") from error
        self._inputs = document.inputs
        self._labels = document.labels
        self._names = [_told(document, label) for label in document.labels]
        self._target = document.target

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows: probabilities of the labels (1 for the chosen one if there are none), or a value.

        Raises `ValueError` where its exponentials overflow.
        """
        columns = [
            [_plain(value, taken) for value in rows[:, place].tolist()]
            for place, taken in enumerate(self._inputs)
        ]
        names = [taken.name for taken in self._inputs]
        asked = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        answers = json.loads(self._model.predict(json.dumps(asked))) if asked else []
        width = max(len(self._labels), 1)
        return np.array([self._answer(answer) for answer in answers], dtype=np.float64).reshape(-1, width)

    def _answer(self, answer: dict[str, Any]) -> list[float]:
        if not self._labels:
            value = answer.get(f"predicted_{self._target}", next(iter(answer.values()), None))
            return [_number(value)]
        found = [_number(answer.get(name)) for name in self._names]
        if np.isfinite(found).all():
            return found
        if np.isfinite(found).any():
            raise ValueError(f"PMML4S overflows: {found}")
        told = answer.get(f"predicted_{self._target}", answer.get(self._target))
        chosen = str(told).lower() if isinstance(told, bool) else str(told)
        return [float(label == chosen) for label in self._labels] if chosen in self._labels else found


def _told(document: Document, label: str) -> str:
    """Return under which name the probability of a label is told, by the model or by the last of a chain."""
    for field in document.model.iter("OutputField"):
        if field.get("feature") == "probability" and field.get("value") == label:
            return field.get("name", "")
    return f"probability_{label}"


def _plain(value: float, taken: Input) -> Any:
    """Return a value as the document names it. Of a text that is not known here, only that it is missing."""
    if np.isnan(value) or (taken.is_text and value < 0):
        return None
    if taken.is_text:
        return taken.known[int(value)]
    if taken.kind == "boolean":
        return bool(value)
    return int(value) if taken.kind == "integer" and value.is_integer() else value


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except ValueError:
        return float("nan")
