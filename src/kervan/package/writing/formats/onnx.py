"""ONNX, scored by ONNX Runtime: `matrix.onnx` for our engine and `model.onnx` for any application."""

from __future__ import annotations

from importlib.util import find_spec
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from kervan.core.errors import Corrupted, ServerFailed
from kervan.core.ports import About
from kervan.core.schema import Type
from kervan.package.quick.scorer import ASK
from kervan.package.writing.formats.onnx_graph import INPUT, matrix_graph, portable_graph

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix
    from kervan.core.schema import Column, Signature

MATRIX_FILE = "matrix.onnx"
PORTABLE_FILE = "model.onnx"

_CHUNK = 1024  # rows scored at once: bounds the memory of a large batch, and stays in the processor's cache
_MOST_MEMORY = 3 << 30  # bytes
NUMBERS = {"tensor(double)": np.float64, "tensor(float)": np.float32}  # the latter in older packages
_NOWHERE = "/dev/null"  # where weights kept outside the model file would be looked for

_bound = Event()  # for all of this process: ONNX Runtime keeps one allocator in it


@runtime_checkable
class Graphed(Protocol):
    """A fitted model that is an ONNX graph already."""

    def graph(self) -> onnx.ModelProto:
        """Return the graph from `matrix`, as `matrix_graph` writes it."""


def graph_of(fitted: Fitted) -> onnx.ModelProto:
    """Return the graph of a fitted model over the encoded matrix: its own, or one written from its form."""
    return fitted.graph() if isinstance(fitted, Graphed) else matrix_graph(fitted.form)


class OnnxFormat:
    """A model as an ONNX graph over the encoded matrix, and the same graph with one input per column."""

    requires = ("numpy", "onnxruntime")
    about = About(
        title="ONNX",
        extension=".onnx",
        licence="Apache-2.0",
        readers="ONNX Runtime (C, C++, C#, Java, JavaScript, Python), Triton, DirectML, browsers",
        tolerance=1e-5,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write both files. Raises `Refused` for a model that ONNX cannot express faithfully."""
        signature = fitted.signature
        graph = graph_of(fitted)
        (folder / MATRIX_FILE).write_bytes(graph.SerializeToString(deterministic=True))
        portable = portable_graph(graph, signature)
        (folder / PORTABLE_FILE).write_bytes(portable.SerializeToString(deterministic=True))

    def load(self, folder: Path, signature: Signature) -> MatrixPredictor:
        """Load `matrix.onnx`, or raise `Corrupted` if it is no ONNX model of this signature."""
        return MatrixPredictor(folder / MATRIX_FILE, signature)

    def scorers(
        self, folder: Path, signature: Signature
    ) -> Mapping[str, MatrixPredictor | PortablePredictor]:
        """Load every written file, by name, so that each can be proved."""
        return {
            MATRIX_FILE: self.load(folder, signature),
            PORTABLE_FILE: PortablePredictor(folder / PORTABLE_FILE, signature),
        }


class MatrixPredictor:
    """Scores the encoded matrix as it is, on one thread: the engine runs one process per core."""

    def __init__(self, path: Path, signature: Signature) -> None:
        self._session = open_session(path)
        width = _width(signature)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        fits = (
            [entry.name for entry in inputs] == [INPUT]
            and inputs[0].type in NUMBERS
            and len(inputs[0].shape) == 2
            and inputs[0].shape[1] == len(signature.inputs)
            and len(outputs) == 1
            and outputs[0].type == "tensor(float)"
            and outputs[0].shape[1:] == [width]
        )
        if not fits:
            raise Corrupted(
                f"{path} takes or gives something else than its signature says",
                hint="package the model again",
            )
        self._output = [outputs[0].name]
        self._kind = NUMBERS[inputs[0].type]

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix of shape (rows, inputs)."""
        rows = matrix.astype(self._kind, copy=False)
        parts = [
            _run(self._session, self._output, {INPUT: rows[start : start + _CHUNK]})
            for start in range(0, max(len(matrix), 1), _CHUNK)
        ]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return values.astype(np.float64)


class PortablePredictor:
    """Scores through `model.onnx`, as another application would: every column by its name."""

    def __init__(self, path: Path, signature: Signature) -> None:
        self._session = open_session(path)
        self._signature = signature
        self._output = [self._session.get_outputs()[0].name]

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        parts = []
        for start in range(0, max(len(matrix), 1), _CHUNK):
            rows = matrix[start : start + _CHUNK]
            named = {
                column.name: decoded(rows[:, place : place + 1], column)
                for place, column in enumerate(self._signature.inputs)
            }
            parts.append(_run(self._session, self._output, named))
        return np.concatenate(parts).astype(np.float64)


def _width(signature: Signature) -> int:
    return len(signature.output.allowed) if signature.is_classification else 1


def decoded(values: Matrix, column: Column) -> NDArray[Any]:
    """Turn the codes of a category into texts; -1 becomes a text that is no category."""
    if column.type is not Type.CATEGORY:
        return values
    unknown = ""
    while unknown in column.allowed:
        unknown += "?"
    texts = np.array([*column.allowed, unknown], dtype=object)
    return texts[values.astype(np.int64)]


def _run(session: Any, output: list[str], values: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Run a graph, or raise `ServerFailed` with what ONNX Runtime says of it."""
    try:
        found: NDArray[Any] = session.run(output, values)[0]
    except Exception as error:  # ONNX Runtime's errors share no other base
        wants_more = "BFCArena" in str(error) or "bad allocation" in str(error)
        more = f"it asks for more than {_MOST_MEMORY >> 30} GiB of memory"
        reason = more if wants_more else " ".join(str(error).split())[:300]
        raise ServerFailed(f"the ONNX graph fails when it runs: {reason}", hint=ASK) from error
    return found


def bound_memory() -> None:
    """Let no graph that this process opens from now on take more than 3 GiB for its results together.

    For processes that score files of others. A graph that asks for more fails by an error of its own.
    """
    if _bound.is_set() or find_spec("onnxruntime") is None:
        return
    import onnxruntime as ort

    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(place, ort.OrtArenaCfg(_MOST_MEMORY, -1, -1, -1))
    _bound.set()


def open_session(path: Path) -> Any:
    """Open a model on one thread. Only the file itself is read: weights kept elsewhere are refused.

    Raises `Corrupted` for a file that is no model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if _bound.is_set():
        options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except FileNotFoundError as error:
        raise Corrupted(f"{path} is missing", hint="fetch the package again") from error
    except Exception as error:  # ONNX Runtime's errors share no other base
        raise Corrupted(f"{path} is no usable ONNX model: {error}", hint="fetch the package again") from error
