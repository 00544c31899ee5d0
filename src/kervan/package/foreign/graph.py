"""ONNX graphs: scored through their own inputs, and rewritten over the encoded matrix."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.core.schema import Type
from kervan.package.encoding import NUMBER, UNKNOWN
from kervan.package.foreign.foreign import Foreign, label_text
from kervan.package.writing.formats.onnx import decoded, open_session
from kervan.package.writing.formats.onnx_graph import INPUT, IR_VERSION, OPSETS
from kervan.package.writing.neutral.form import Unary
from kervan.package.writing.neutral.readers.onnx.graph import read_graph
from kervan.package.writing.neutral.readers.onnx.logic import cut, differs
from kervan.package.writing.neutral.readers.onnx.tensors import Kind, Rows, Texts

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.build import Builder

_KINDS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}
_FLOATS = {"tensor(float)", "tensor(double)"}
_HELD = {"tensor(float)": Kind.FLOAT, "tensor(double)": Kind.DOUBLE, "tensor(bool)": Kind.TRUTH}
_PREFIX = "given_"
_ML = "ai.onnx.ml"
_FEWEST_ML = 2  # before it, LabelEncoder was another operator


def open_graph(path: Path) -> Foreign:
    """Read an ONNX file that takes a matrix of numbers, or one input for each column.

    Raises `Corrupted` for one that ONNX Runtime does not load, `Refused` that names what does not fit.
    """
    with extras_named():
        import onnx
        from onnx import inliner

    open_session(path)  # it loads as it is
    model = _without_maps(inliner.inline_local_functions(onnx.load_model_from_string(path.read_bytes())))
    graph = OnnxGraph(path, model)
    return Foreign(
        kind="ONNX",
        inputs=graph.width,
        classes=graph.classes,
        is_classification=True if graph.labels else None,
        names=graph.names,
        labels=graph.labels,
        graph=graph,
    )


class OnnxGraph:
    """A graph with one matrix as its input, or with one input for each column; see `foreign.Graph`."""

    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        self._path = path
        self._model = model
        self._session = _session(model)
        self._inputs = self._session.get_inputs()
        self._takes_matrix = len(self._inputs) == 1 and _side(self._inputs[0].shape) != 1
        self._check_inputs()
        answer = self._answer()
        self._output = str(answer.name)
        self.names = () if self._takes_matrix else tuple(str(entry.name) for entry in self._inputs)
        self.width = _side(self._inputs[0].shape) if self._takes_matrix else len(self._inputs)
        self._given = _side(answer.shape)
        self.labels = _labels(model)
        self.classes = len(self.labels) or self._given

    def predict(self, matrix: Matrix, signature: Signature) -> NDArray[np.float64]:
        """Score an encoded matrix through the graph's own inputs."""
        if self._takes_matrix:
            fed = {self._inputs[0].name: _as(matrix, self._inputs[0].type)}
        else:
            columns = zip(self._inputs, signature.inputs, strict=True)
            fed = {
                entry.name: self._column(matrix[:, place : place + 1], entry, column)
                for place, (entry, column) in enumerate(columns)
            }
        try:
            answers = self._session.run([self._output], fed)[0]
        except Exception as error:  # ONNX Runtime's errors share no other base
            raise ValueError(str(error)) from error
        found = np.asarray(answers, dtype=np.float64).reshape(len(matrix), -1)
        return np.hstack([1 - found, found]) if self._gives_one_of_two(signature) else found

    def reads(self, builder: Builder, value: int, signature: Signature) -> int:
        """Add the graph's layers over the encoded row. Raises `Refused` that names the first operator."""
        taken: dict[str, Rows | Texts]
        if self._takes_matrix:
            entry = self._inputs[0]
            taken = {entry.name: _numbers(builder, value, entry, (len(signature.inputs),))}
        else:
            columns = zip(self._inputs, signature.inputs, strict=True)
            taken = {
                entry.name: _column(builder, builder.take(value, [place]), entry, column)
                for place, (entry, column) in enumerate(columns)
            }
        answer = read_graph(builder, self._model, taken, self._output).value
        return builder.both(answer) if self._gives_one_of_two(signature) else answer

    def over_matrix(self, signature: Signature, order: tuple[int, ...]) -> onnx.ModelProto:
        """Return the graph with the encoded matrix as its one input, and its classes in this order."""
        import onnx
        from onnx import compose, helper, numpy_helper

        inner = compose.add_prefix(self._model, _PREFIX)
        width, outputs = len(signature.inputs), max(len(order), 1)
        is_share = self._gives_one_of_two(signature)
        answer = "probabilities" if signature.is_classification else "value"
        given = [-1, 1 if is_share else outputs]
        shape = numpy_helper.from_array(np.array(given, dtype=np.int64), "answer_shape")
        one = numpy_helper.from_array(np.ones(1, dtype=np.float32), "answer_whole")
        places = numpy_helper.from_array(np.array(order or (0,), dtype=np.int64), "answer_order")
        ending = [
            helper.make_node(
                "Cast", [f"{_PREFIX}{self._output}"], ["answer_float"], to=onnx.TensorProto.FLOAT
            ),
            helper.make_node("Reshape", ["answer_float", shape.name], ["answer_rows"]),
            helper.make_node("Gather", ["answer_rows", places.name], [answer], axis=1),
        ]
        if is_share:
            ending[2:] = [
                helper.make_node("Sub", [one.name, "answer_rows"], ["answer_rest"]),
                helper.make_node("Concat", ["answer_rest", "answer_rows"], ["answer_both"], axis=1),
                helper.make_node("Gather", ["answer_both", places.name], [answer], axis=1),
            ]
        nodes, constants = self._feeding(signature)
        graph = helper.make_graph(
            [*nodes, *inner.graph.node, *ending],
            INPUT,
            [helper.make_tensor_value_info(INPUT, onnx.TensorProto.DOUBLE, [None, width])],
            [helper.make_tensor_value_info(answer, onnx.TensorProto.FLOAT, [None, outputs])],
            [*inner.graph.initializer, *constants, shape, places, *([one] if is_share else [])],
            sparse_initializer=list(inner.graph.sparse_initializer),
        )
        model = helper.make_model(
            graph, opset_imports=self._opsets(), ir_version=max(inner.ir_version, IR_VERSION)
        )
        onnx.checker.check_model(model)
        return model

    def _gives_one_of_two(self, signature: Signature) -> bool:
        """Whether its one number is the probability of the second of two classes."""
        return self._given == 1 and len(signature.output.allowed) == 2

    def check(self, signature: Signature) -> None:
        """Raise `Refused` for a column of the signature that the graph's input cannot take."""
        if self._takes_matrix:
            return
        for entry, column in zip(self._inputs, signature.inputs, strict=True):
            takes_text = entry.type == "tensor(string)"
            if takes_text != (column.type is Type.CATEGORY):
                raise Refused(
                    f"{self._path}: its input {entry.name!r} is a {entry.type}, the column {column.type}",
                    hint="give the column as the model saw it in training",
                )

    def _check_inputs(self) -> None:
        for entry in self._inputs:
            if entry.type not in _KINDS or not 1 <= len(entry.shape) <= 2:
                raise self._refused(f"its input {entry.name!r} is a {entry.type} of {len(entry.shape)} sides")
            if isinstance(entry.shape[0], int):
                raise self._refused(f"its input {entry.name!r} takes exactly {entry.shape[0]} rows")
            if not self._takes_matrix and _side(entry.shape) > 1:
                raise self._refused(f"its input {entry.name!r} is one of several, and has several columns")
        if self._takes_matrix and self._inputs[0].type not in {*_FLOATS, "tensor(int64)"}:
            raise self._refused(f"its input {self._inputs[0].name!r} is a matrix of {self._inputs[0].type}")

    def _refused(self, what: str) -> Refused:
        return Refused(
            f"{self._path}: {what}",
            hint="export it with one float matrix (rows, columns), or one input (rows, 1) for each column, "
            "any number of rows, and probabilities as a tensor",
        )

    def _answer(self) -> Any:
        """Return the tensor with probabilities or values: the first that holds floats."""
        for entry in self._session.get_outputs():
            if entry.type in _FLOATS and 1 <= len(entry.shape) <= 2:
                return entry
        raise self._refused("it gives no numbers")

    def _column(self, values: Matrix, entry: Any, column: Column) -> NDArray[Any]:
        fed = decoded(values, column) if entry.type == "tensor(string)" else _as(values, entry.type)
        return fed[:, 0] if len(entry.shape) == 1 else fed

    def _feeding(self, signature: Signature) -> tuple[list[Any], list[Any]]:
        """Return the nodes that feed the graph from the matrix, and their constants."""
        import onnx
        from onnx import helper, numpy_helper

        if self._takes_matrix:
            return [_cast(INPUT, self._inputs[0])], []
        nodes, constants = [], []
        for place, (entry, column) in enumerate(zip(self._inputs, signature.inputs, strict=True)):
            at = numpy_helper.from_array(np.array([place] if len(entry.shape) == 2 else place), f"at_{place}")
            constants.append(at)
            nodes.append(helper.make_node("Gather", [INPUT, at.name], [f"column_{place}"], axis=1))
            if entry.type == "tensor(string)":
                codes = f"codes_{place}"
                nodes.append(
                    helper.make_node("Cast", [f"column_{place}"], [codes], to=onnx.TensorProto.FLOAT)
                )
                nodes.append(_texts(codes, entry, column))
            else:
                nodes.append(_cast(f"column_{place}", entry))
        return nodes, constants

    def _opsets(self) -> list[Any]:
        """Return the versions of operators: the graph's own, and ours of those that it does not use."""
        from onnx import helper

        own = {each.domain: each.version for each in self._model.opset_import}
        uses_old = any(node.op_type == "LabelEncoder" for node in self._model.graph.node)
        if own.get(_ML, _FEWEST_ML) < _FEWEST_ML:
            if uses_old:
                raise self._refused("it has a LabelEncoder of the first form")
            own[_ML] = OPSETS[_ML]
        return [helper.make_opsetid(domain, number) for domain, number in {**OPSETS, **own}.items()]


def _side(shape: list[Any]) -> int:
    """Return how many columns a tensor has; 0 where the graph does not say."""
    if len(shape) < 2:
        return len(shape)
    return shape[1] if isinstance(shape[1], int) else 0


def _session(model: onnx.ModelProto) -> Any:
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return open_session(path)


def _without_maps(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the tensor in place of each map that ZipMap makes of it."""
    import onnx
    from onnx import helper

    maps = [node for node in model.graph.node if node.op_type == "ZipMap"]
    for node in maps:
        outputs = [entry for entry in model.graph.output if entry.name != node.output[0]]
        tensor = helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, [None, None])
        del model.graph.output[:]
        model.graph.output.extend([tensor, *outputs])
        model.graph.node.remove(node)
    return model


def _column(builder: Builder, value: int, entry: Any, column: Column) -> Rows | Texts:
    """Return one column as the graph takes it."""
    sides = (1,) if len(entry.shape) == 2 else ()
    if entry.type != "tensor(string)":
        return _numbers(builder, value, entry, sides)
    other = str(decoded(np.full((1, 1), UNKNOWN), column)[0, 0])
    return Texts(codes=value, known=(column.allowed,), other=(other,), sides=sides)


def _numbers(builder: Builder, value: int, entry: Any, sides: tuple[int, ...]) -> Rows:
    """Return numbers as the graph takes them: rounded to float32, cut to whole ones, or to what is not 0."""
    kind = _HELD.get(entry.type, Kind.WHOLE)
    if kind is Kind.FLOAT:
        value = builder.map(value, Unary.ROUND32)
    elif kind is Kind.WHOLE:
        value = cut(builder, value)
    elif kind is Kind.TRUTH:
        value = differs(builder, value)
    return Rows(value=value, stepped=value, sides=sides, kind=kind)


def _as(values: Matrix, kind: str) -> NDArray[Any]:
    """Return numbers as an input takes them, or raise `ValueError` for NaN where only whole ones go in."""
    if kind not in _FLOATS and np.isnan(values).any():
        raise ValueError("whole numbers cannot be missing")
    converted: NDArray[Any] = values.astype(_KINDS[kind])
    return converted


def _cast(source: str, entry: Any) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(_KINDS[entry.type]))
    return helper.make_node("Cast", [source], [f"{_PREFIX}{entry.name}"], to=kind)


def _texts(source: str, entry: Any, column: Column) -> Any:
    """Return the node that turns codes into the texts of a category."""
    from onnx import helper

    texts = decoded(np.arange(-1, len(column.allowed), dtype=NUMBER), column)
    return helper.make_node(
        "LabelEncoder",
        [source],
        [f"{_PREFIX}{entry.name}"],
        domain=_ML,
        keys_floats=np.arange(-1, len(column.allowed), dtype=float).tolist(),
        values_strings=texts.tolist(),
        default_string=str(texts[0]),
    )


def _labels(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the labels that a classifier or map among the nodes carries, in the order of its answer."""
    for node in reversed(model.graph.node):
        for each in node.attribute:
            if each.name == "classlabels_strings" and each.strings:
                return tuple(text.decode() for text in each.strings)
            if each.name in {"classlabels_ints", "classlabels_int64s"} and each.ints:
                return tuple(map(label_text, each.ints))
    return ()
