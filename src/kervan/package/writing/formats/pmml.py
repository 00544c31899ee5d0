"""PMML 4.4, scored by PMML4S on a Java virtual machine."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, MissingTool, Refused
from kervan.core.naming import LIKELIEST
from kervan.core.plugins import extras_named
from kervan.core.ports import About
from kervan.package.answers import may_name
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.scalar.lower import lower
from kervan.package.writing.scalar.pmml import named_field, write_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature

FILE = "model.pmml"


class PmmlFormat:
    """A model as an XML document that data mining tools read."""

    requires = ("pypmml",)
    about = About(
        title="PMML 4.4",
        extension=".pmml",
        licence="open standard of the Data Mining Group",
        readers="JPMML, PMML4S, KNIME, SAS, SPSS, Oracle, Teradata",
        text=True,
        is_code=True,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the document. Raises `Refused` for a model that needs sorting or searching."""
        (folder / FILE).write_bytes(write_document(lower(fitted.form, keeps_trees=True), "Kervan"))

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: the document is for other tools."""
        raise Refused(
            f"{folder / FILE} is for tools that read PMML", hint="serve the model in the format `onnx`"
        )

    def check_ready(self) -> None:
        """Raise `MissingTool` without Java."""
        if shutil.which("java") is None:
            raise MissingTool("PMML is scored by a Java virtual machine", hint="install Java 8 or later")

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return PMML4S, or raise `MissingTool` without Java."""
        self.check_ready()
        return {"": DocumentPredictor(folder / FILE, signature)}


class DocumentPredictor:
    """Scores a document by PMML4S, every column by its name."""

    def __init__(self, path: Path, signature: Signature) -> None:
        with extras_named():
            from pypmml import Model, PMMLError

        try:
            self._model: Any = Model.fromString(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, PMMLError) as error:
            raise Corrupted(f"{path} is no PMML document: {error}", hint="fetch the package again") from error
        self._signature = signature

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        names = self._signature.inputs.names
        rows = [
            dict(zip(names, map(_counted, row), strict=True)) for row in decode_rows(matrix, self._signature)
        ]
        output = self._signature.output
        wanted = [f"probability({label})" for label in output.allowed]
        if not self._signature.is_classification:
            wanted = [f"predicted_{output.name}"]
        answers = json.loads(self._model.predict(json.dumps(rows))) if rows else []
        found = [[_number(answer.get(name)) for name in wanted] for answer in answers]
        values = np.array(found, dtype=np.float64).reshape(len(matrix), len(wanted))
        if self._signature.naming != LIKELIEST:
            labels = [answer.get(named_field(self._signature)) for answer in answers]
            places = np.array(
                [output.allowed.index(label) if label in output.allowed else -1 for label in labels],
                dtype=np.int64,
            )
            is_named = may_name(np.maximum(places, 0), values, self._signature.naming) & (places >= 0)
            values[~is_named] = np.nan
        return values


def _counted(value: Any) -> Any:
    """Return 0 or 1 for a boolean: in the document they are numbers."""
    return float(value) if isinstance(value, bool) else value


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
