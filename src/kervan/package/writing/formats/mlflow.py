"""A directory that MLflow loads as a model, written without MLflow: the ONNX graph and what describes it."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.ports import About
from kervan.core.schema import Type
from kervan.package.encoding import NUMBER
from kervan.package.writing.formats.mlflow_graph import frame_graph, output_names
from kervan.package.writing.formats.onnx import NUMBERS, graph_of, open_session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix
    from kervan.core.schema import Signature

FILE = "MLmodel"
GRAPH_FILE = "model.onnx"
_CHUNK = 1024  # rows scored at once: bounds the memory of a large batch
_NEEDED = ("numpy", "onnx", "onnxruntime")
# What JSON may leave as it is, but YAML takes for a line's end or refuses.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class MlflowFormat:
    """A model as a directory with `MLmodel`, of the flavours `onnx` and `python_function`."""

    requires = ("numpy", "onnxruntime")
    about = About(
        title="MLflow model",
        extension="folder",
        licence="Apache-2.0",
        readers="MLflow 2 and 3, Databricks, SageMaker and Azure ML by MLflow",
        tolerance=1e-5,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the directory. Raises `Refused` for a model that ONNX cannot express faithfully."""
        graph = frame_graph(graph_of(fitted), fitted.signature)
        (folder / GRAPH_FILE).write_bytes(graph.SerializeToString(deterministic=True))
        needed = ["mlflow", *(f"{name}=={version(name)}" for name in _NEEDED), "pandas"]
        (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in needed), encoding="utf-8")
        for name, content in (
            (FILE, _description(fitted.signature)),
            ("python_env.yaml", _python_environment()),
            ("conda.yaml", _conda_environment()),
        ):
            (folder / name).write_text(_yaml(content), encoding="utf-8", newline="\n")

    def load(self, folder: Path, signature: Signature) -> FramePredictor:
        """Load the graph alone, or raise `Corrupted` if it or its description is not of this signature."""
        return FramePredictor(folder, signature)


class FramePredictor:
    """Scores columns by the names in `MLmodel`, on one thread, as MLflow does."""

    def __init__(self, folder: Path, signature: Signature) -> None:
        columns, self._outputs = _described(folder)
        self._session = open_session(folder / GRAPH_FILE)
        inputs = [entry.name for entry in self._session.get_inputs()]
        self._kinds = [NUMBERS.get(entry.type, NUMBER) for entry in self._session.get_inputs()]
        outputs = [entry.name for entry in self._session.get_outputs()]
        wanted = list(signature.inputs.names)
        if inputs != wanted or columns != wanted or not outputs == self._outputs == output_names(signature):
            raise Corrupted(
                f"{folder} takes or gives something else than its signature says",
                hint="package the model again",
            )
        self._signature = signature

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        starts = range(0, max(len(matrix), 1), _CHUNK)
        return np.concatenate([self._chunk(matrix[start : start + _CHUNK]) for start in starts])

    def _chunk(self, rows: Matrix) -> NDArray[np.float64]:
        columns = {
            column.name: _texts(rows[:, place], column.allowed)
            if column.type is Type.CATEGORY
            else np.ascontiguousarray(rows[:, place], dtype=self._kinds[place])
            for place, column in enumerate(self._signature.inputs)
        }
        if len(columns) == 1:
            columns = {name: values.reshape(-1, 1) for name, values in columns.items()}
        numeric = self._outputs[1:] if self._signature.is_classification else self._outputs
        return np.column_stack(self._session.run(numeric, columns)).astype(np.float64)


def _texts(codes: Matrix, allowed: tuple[str, ...]) -> NDArray[Any]:
    """Turn codes into texts; -1 becomes one that is no category."""
    texts = np.array([*allowed, "".join(allowed) + "?"], dtype=object)
    found: NDArray[Any] = texts[codes.astype(np.int64)]
    return found


def _described(folder: Path) -> tuple[list[str], list[str]]:
    """Read the names of the inputs and of the outputs, or raise `Corrupted`."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if found["flavors"]["python_function"]["data"] != GRAPH_FILE:
            raise ValueError("it names another file")
        given = [json.loads(found["signature"][part]) for part in ("inputs", "outputs")]
        inputs, outputs = ([column["name"] for column in columns] for columns in given)
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise Corrupted(
            f"{folder / FILE} does not describe a model of Kervan: {error}", hint="fetch the package again"
        ) from error
    return inputs, outputs


def _description(signature: Signature) -> dict[str, Any]:
    return {
        "flavors": {
            "onnx": {
                "code": None,
                "data": GRAPH_FILE,
                "onnx_version": version("onnx"),
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": GRAPH_FILE,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.onnx",
                "python_version": platform.python_version(),
            },
        },
        "metadata": {"producer": "kervan"},
        "signature": {
            "inputs": _schema_of(signature),
            "outputs": _schema_of_answer(signature),
            "params": None,
        },
    }


def _schema_of(signature: Signature) -> str:
    """Describe the inputs as MLflow does. Integers are doubles too: only those can be missing."""
    kinds: Mapping[Type, str] = {Type.CATEGORY: "string"}
    columns = [
        {"name": column.name, "type": kinds.get(column.type, "double"), "required": True}
        for column in signature.inputs
    ]
    return json.dumps(columns)


def _schema_of_answer(signature: Signature) -> str:
    label, *chances = output_names(signature)
    kinds = [
        (label, "string" if signature.is_classification else "float"),
        *((name, "float") for name in chances),
    ]
    return json.dumps([{"name": name, "type": kind, "required": True} for name, kind in kinds])


def _python_environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }


def _conda_environment() -> dict[str, Any]:
    python = [f"python={platform.python_version()}", "pip", {"pip": ["-r requirements.txt"]}]
    return {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": python}


def _yaml(content: dict[str, Any]) -> str:
    """Write JSON that is YAML as well, so that it can be read without a library for YAML."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return _NOT_YAML.sub(lambda letter: f"\\u{ord(letter.group()):04x}", text) + "\n"
