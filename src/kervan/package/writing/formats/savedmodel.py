"""A TensorFlow SavedModel: what TensorFlow Serving answers from, and programs in C, Go or Java load."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.ports import About
from kervan.core.schema import Type
from kervan.package.writing.rows import decode_column
from kervan.package.writing.tensor.coding import CodedPredictor, read_beside, write_beside
from kervan.package.writing.tensor.tensorflow import BY_MATRIX, BY_NAME, imported, meta_graph, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Fitted, Matrix, Predictor
    from kervan.core.schema import Signature

FOLDER = "1"  # TensorFlow Serving looks for a model's versions, whole numbers, in the folder that it is given

_TAGS = ("serve",)
_EXTRA = "assets.extra"  # TensorFlow keeps it for what only others read
_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu")


class SavedModelFormat:
    """A model as a TensorFlow graph."""

    about = About(
        title="TensorFlow SavedModel",
        extension="folder",
        vendor="Google",
        licence="Apache-2.0",
        readers="TensorFlow Serving, TensorFlow (Python, C, C++, Go, Java), Vertex AI, Triton",
        is_code=True,
    )

    @property
    def requires(self) -> tuple[str, ...]:
        """The distribution that TensorFlow came in."""
        return (next((name for name in _DISTRIBUTIONS if _is_installed(name)), _DISTRIBUTIONS[0]),)

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the graph as version 1, and beside it our signature. Raises `Refused` as its form does."""
        form = fitted.form
        tf = imported()
        with quiet():
            graph, signatures, ready = meta_graph(form, tf)
            builder = tf.compat.v1.saved_model.Builder(str(folder / FOLDER))
            with _session(graph, tf) as session:
                builder.add_meta_graph_and_variables(
                    session, _TAGS, signature_def_map=signatures, main_op=ready, strip_default_attrs=True
                )
            builder.save()
        extra = folder / FOLDER / _EXTRA
        extra.mkdir()
        write_beside(form.signature, extra)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a graph may read and write files."""
        raise Refused(
            f"{folder} holds a graph, which may read and write files",
            hint="serve the model in the format `onnx`",
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return what answers through each signature of the graph."""
        place = folder / FOLDER
        own = read_beside(place / _EXTRA)
        graph = LoadedGraph(place)
        return {
            BY_NAME: CodedPredictor(
                signature, signature, lambda rows: graph.by_name(rows, signature), where=str(place)
            ),
            BY_MATRIX: CodedPredictor(own, signature, graph.by_matrix, where=str(place)),
        }


class LoadedGraph:
    """A SavedModel as its servers load it: a graph in a session, and what its signatures feed and fetch.

    Raises `Corrupted` if it is none that TensorFlow can run.
    """

    def __init__(self, folder: Path) -> None:
        tf = imported()
        graph = tf.Graph()
        self._folder = folder
        self._session = _session(graph, tf)
        try:
            with graph.as_default(), quiet():
                loaded = tf.compat.v1.saved_model.load(self._session, _TAGS, str(folder))
        except Exception as error:  # TensorFlow's errors share no other base
            raise _broken(folder, error) from error
        self._signatures = loaded.signature_def
        self._double = tf.float64.as_datatype_enum

    def by_name(self, rows: Matrix, signature: Signature) -> NDArray[np.float64]:
        """Score encoded rows, every column by its name and every category as a text."""
        columns = {
            column.name: [(text or "").encode() for text in decode_column(rows[:, place], column)]
            if column.type is Type.CATEGORY
            else rows[:, place]
            for place, column in enumerate(signature.inputs)
        }
        return self._answers(BY_NAME, columns)

    def by_matrix(self, rows: Matrix) -> NDArray[np.float64]:
        """Score rows as the graph codes them."""
        return self._answers(BY_MATRIX, {BY_MATRIX: rows})

    def _answers(self, signature: str, given: Mapping[str, Any]) -> NDArray[np.float64]:
        try:
            inputs, outputs = self._signatures[signature].inputs, self._signatures[signature].outputs
            answer = next(entry.name for entry in outputs.values() if entry.dtype == self._double)
            feeds = {inputs[name].name: values for name, values in given.items()}
            found: NDArray[np.float64] = self._session.run(answer, feeds)
        except Exception as error:  # TensorFlow's errors share no other base
            raise _broken(self._folder, error) from error
        return found


def _session(graph: Any, tf: Any) -> Any:
    """Open a session on one thread of the processor."""
    config = tf.compat.v1.ConfigProto(
        device_count={"GPU": 0}, inter_op_parallelism_threads=1, intra_op_parallelism_threads=1
    )
    return tf.compat.v1.Session(graph=graph, config=config)


def _broken(folder: Path, error: Exception) -> Corrupted:
    return Corrupted(f"{folder} is no usable SavedModel: {error}", hint="fetch the package again")


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
