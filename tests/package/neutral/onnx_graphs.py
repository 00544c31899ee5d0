"""Small ONNX graphs made by hand, read into the neutral form beside ONNX Runtime's own answers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.open import open_model
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form, Unary
from kervan.package.writing.neutral.score import score

ML = "ai.onnx.ml"


def node(kind: str, *inputs: str, given: str = "Y", ml: bool = False, **settings: Any) -> Any:
    """A node from named tensors to `given`; several names are split at commas."""
    names = given.split(",")
    return helper.make_node(kind, list(inputs), names, domain=ML if ml else "", **settings)


def graph(
    *nodes: Any,
    columns: int = 3,
    opset: int = 19,
    ml: int = 3,
    kind: int = TensorProto.FLOAT,
    **constants: Any,
) -> bytes:
    """A graph from the matrix X, and constants by name, to the floats Y."""
    made = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("X", kind, [None, columns])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(ML, ml)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def branch(*nodes: Any) -> Any:
    """A branch of an If, that gives the floats t."""
    return helper.make_graph(
        list(nodes), "branch", [], [helper.make_tensor_value_info("t", TensorProto.FLOAT, [None, None])]
    )


def graph_of_columns(*nodes: Any, **constants: Any) -> bytes:
    """A graph from a text S and a number N, each [rows, 1], to the floats Y."""
    made = helper.make_graph(
        list(nodes),
        "columns",
        [
            helper.make_tensor_value_info("S", TensorProto.STRING, [None, 1]),
            helper.make_tensor_value_info("N", TensorProto.FLOAT, [None, 1]),
        ],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid(ML, 3)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()
    return content


def numbers(columns: int) -> Signature:
    """A signature of a regression over numbers."""
    inputs = tuple(Column(name=f"x{place}", type=Type.NUMBER, nullable=True) for place in range(columns))
    return Signature(inputs=Schema(inputs), output=Column(name="y", type=Type.NUMBER))


def both(content: bytes, rows: Any, signature: Signature | None = None) -> tuple[Any, Any, float]:
    """Return ONNX Runtime's answers, those of the neutral form, and its slack."""
    signature = signature or numbers(rows.shape[1])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        read: Any = open_model(path).foreign.graph
    builder = Builder(signature)
    answer = read.reads(builder, builder.map(0, Unary.ROUND32), signature)
    form = fold(Form(signature=signature, layers=tuple(builder.layers), slack=builder.slack), answer)
    return read.predict(rows, signature), score(form, rows), form.slack
