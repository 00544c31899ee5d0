"""The portable ONNX graph in the shape in which MLflow feeds it: whole columns of a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.writing.formats.onnx_graph import free_name, portable_graph

if TYPE_CHECKING:
    import onnx

    from kervan.core.schema import Signature


def output_names(signature: Signature) -> list[str]:
    """Return the columns of the answer: the label with a probability for each class, or the value."""
    taken = set(signature.inputs.names)
    names: list[str] = []
    for wanted in (signature.output.name, *(f"probability({label})" for label in signature.output.allowed)):
        names.append(free_name(wanted, taken))
        taken.add(names[-1])
    return names


def frame_graph(matrix: onnx.ModelProto, signature: Signature) -> onnx.ModelProto:
    """Turn the graph over the matrix into one with an input and an output of one dimension for each column.

    MLflow passes the columns of a data frame as they lie in it, shape [rows], and a data frame of one
    column as [rows, 1]; it makes a data frame of the outputs after flattening each of them.
    """
    import onnx
    from onnx import compose, helper, numpy_helper

    names = output_names(signature)
    number = matrix.graph.input[0].type.tensor_type.elem_type
    prefix = free_name("frame_", {*signature.inputs.names, *names})
    inner = compose.add_prefix(portable_graph(matrix, signature), prefix)
    one = f"{prefix}one"
    constants = [numpy_helper.from_array(np.array([1]), one)]
    is_alone = len(signature.inputs) == 1
    before, taken = [], []
    for column in signature.inputs:
        kind = onnx.TensorProto.STRING if column.type is Type.CATEGORY else number
        taken.append(helper.make_tensor_value_info(column.name, kind, [None, 1] if is_alone else [None]))
        step = ("Identity", [column.name]) if is_alone else ("Unsqueeze", [column.name, one])
        before.append(helper.make_node(*step, [f"{prefix}{column.name}"]))
    answer, *label = (output.name for output in inner.graph.output)
    after = [helper.make_node("Identity", [each], [names[0]]) for each in label]
    numeric = names[1:] if signature.is_classification else names
    for place, name in enumerate(numeric):
        constants.append(numpy_helper.from_array(np.array(place), f"{prefix}place{place}"))
        after.append(helper.make_node("Gather", [answer, f"{prefix}place{place}"], [name], axis=1))
    kinds = [onnx.TensorProto.STRING] * len(label) + [onnx.TensorProto.FLOAT] * len(numeric)
    given = [
        helper.make_tensor_value_info(name, kind, [None]) for name, kind in zip(names, kinds, strict=True)
    ]
    graph = helper.make_graph(
        [*before, *inner.graph.node, *after],
        "model",
        taken,
        given,
        [*inner.graph.initializer, *constants],
    )
    model = helper.make_model(
        graph, opset_imports=inner.opset_import, ir_version=inner.ir_version, producer_name="kervan"
    )
    onnx.checker.check_model(model)
    return model
