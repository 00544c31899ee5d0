"""Writing a model in the neutral form as ONNX graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kervan.core.plugins import extras_named
from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.formats.onnx_layers import Graph, write

if TYPE_CHECKING:
    from collections.abc import Container

    import onnx

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.form import Form

INPUT = "matrix"
OPSETS = {"": 19, "ai.onnx.ml": 3}
IR_VERSION = 9


def matrix_graph(form: Form, *, exact: bool = True) -> onnx.ModelProto:
    """Write a form as a graph from `matrix` [rows, inputs] to [rows, classes] or [rows, 1].

    Numbers are float64 if the graph is to be `exact`, else float32; answers are float32. Raises `Refused`
    for a form that ONNX cannot express faithfully.
    """
    with extras_named():
        import onnx
        from onnx import helper

    graph = Graph(exact=exact)
    names = [INPUT]
    for layer in form.layers:
        names.append(write(layer, graph, *(names[source] for source in layer.sources)))
    answer = "probabilities" if form.signature.is_classification else "value"
    ending = helper.make_node("Cast", [names[-1]], [answer], name="given", to=onnx.TensorProto.FLOAT)
    kind = onnx.TensorProto.DOUBLE if exact else onnx.TensorProto.FLOAT
    taken = helper.make_tensor_value_info(INPUT, kind, [None, form.widths[0]])
    given = helper.make_tensor_value_info(answer, onnx.TensorProto.FLOAT, [None, form.widths[-1]])
    model = _model(helper.make_graph([*graph.nodes, ending], INPUT, [taken], [given], graph.constants))
    onnx.checker.check_model(model)
    return model


def portable_graph(matrix: onnx.ModelProto, signature: Signature) -> onnx.ModelProto:
    """Put the coding of the columns in front of the graph over the matrix.

    Inputs are named like the columns, each [rows, 1]: numbers and booleans (NaN where missing) as the matrix
    holds them, which is double in an exact graph; string for categories ("" where missing). The first output
    holds the probabilities or values; a classification gives the label too, in an output that is named like
    the predicted column.
    """
    import onnx
    from onnx import compose, helper

    taken = set(signature.inputs.names)
    prefix = free_name("kervan_", taken)
    inner = compose.add_prefix(matrix, prefix)
    kind = matrix.graph.input[0].type.tensor_type.elem_type
    coding = [node for column in signature.inputs for node in _coding(column, prefix, kind)]
    coded = [coding_output(column, prefix) for column in signature.inputs]
    joined = helper.make_node("Concat", coded, [f"{prefix}{INPUT}"], axis=1, name=f"{prefix}join")
    answer = free_name("probabilities" if signature.is_classification else "value", taken)
    ending = [helper.make_node("Identity", [inner.graph.output[0].name], [answer], name=f"{prefix}answer")]
    width = inner.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    outputs = [helper.make_tensor_value_info(answer, onnx.TensorProto.FLOAT, [None, width])]
    if signature.is_classification:
        label = free_name(signature.output.name, taken | {answer})
        ending += _labelling(answer, label, signature, prefix)
        outputs.append(helper.make_tensor_value_info(label, onnx.TensorProto.STRING, [None]))
    graph = helper.make_graph(
        [*coding, joined, *inner.graph.node, *ending],
        "model",
        [_input(column, kind) for column in signature.inputs],
        outputs,
        list(inner.graph.initializer),
    )
    model = _model(graph, like=matrix)
    helper.set_model_props(model, {"signature": msgspec.json.encode(signature).decode()})
    onnx.checker.check_model(model)
    return model


def coding_output(column: Column, prefix: str) -> str:
    """Return the name under which a column enters the matrix: its own, unless it has to be coded."""
    return f"{prefix}code_{column.name}" if column.type is Type.CATEGORY else column.name


def _model(graph: onnx.GraphProto, like: onnx.ModelProto | None = None) -> onnx.ModelProto:
    """Make a model of a graph, with our versions of the operators or those of another model."""
    from onnx import helper

    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(
        graph,
        opset_imports=opsets if like is None else list(like.opset_import),
        ir_version=IR_VERSION if like is None else like.ir_version,
        producer_name="kervan",
    )


def _input(column: Column, number: int) -> onnx.ValueInfoProto:
    import onnx
    from onnx import helper

    is_text = column.type is Type.CATEGORY
    kind = onnx.TensorProto.STRING if is_text else number
    return helper.make_tensor_value_info(column.name, kind, [None, 1])


def _coding(column: Column, prefix: str, number: int) -> list[onnx.NodeProto]:
    from onnx import helper

    if column.type is not Type.CATEGORY:
        return []
    texts = column.allowed or ("",)  # the operator wants at least one
    codes = np.arange(len(column.allowed), dtype=float).tolist() or [UNKNOWN]
    code = f"{prefix}place_{column.name}"
    return [
        helper.make_node(
            "LabelEncoder",
            [column.name],
            [code],
            domain="ai.onnx.ml",
            name=f"{prefix}coding_{column.name}",
            keys_strings=texts,
            values_floats=codes,
            default_float=UNKNOWN,
        ),
        helper.make_node("Cast", [code], [coding_output(column, prefix)], name=f"{code}_number", to=number),
    ]


def _labelling(answer: str, label: str, signature: Signature, prefix: str) -> list[onnx.NodeProto]:
    from onnx import helper

    allowed, best = signature.output.allowed, f"{prefix}best"
    return [
        *_choice(answer, best, signature, prefix),
        helper.make_node(
            "LabelEncoder",
            [best],
            [label],
            domain="ai.onnx.ml",
            name=f"{prefix}labelling",
            keys_int64s=list(range(len(allowed))),
            values_strings=allowed,
        ),
    ]


def _choice(answer: str, best: str, signature: Signature, prefix: str) -> list[onnx.NodeProto]:
    """Return the place of the class that is named; thresholds and costs are compared in double."""
    from onnx import TensorProto, helper, numpy_helper

    if signature.costs:
        table, wide, expected = (f"{prefix}{each}" for each in ("costs", "wide", "expected"))
        costs = numpy_helper.from_array(np.array(signature.costs, dtype=np.float64))
        return [
            helper.make_node("Constant", [], [table], value=costs),
            helper.make_node("Cast", [answer], [wide], to=TensorProto.DOUBLE, name=f"{prefix}widened"),
            helper.make_node("MatMul", [wide, table], [expected], name=f"{prefix}expected_costs"),
            helper.make_node("ArgMin", [expected], [best], axis=1, keepdims=0, name=f"{prefix}choice"),
        ]
    if signature.threshold is None:
        return [helper.make_node("ArgMax", [answer], [best], axis=1, keepdims=0, name=f"{prefix}choice")]
    least, last, wide, given, reached = (
        f"{prefix}{each}" for each in ("threshold", "last", "wide", "given", "reached")
    )
    return [
        helper.make_node(
            "Constant", [], [least], value=numpy_helper.from_array(np.array(signature.threshold))
        ),
        helper.make_node("Constant", [], [last], value_int=1),
        helper.make_node("Gather", [answer, last], [given], axis=1, name=f"{prefix}last_class"),
        helper.make_node("Cast", [given], [wide], to=TensorProto.DOUBLE, name=f"{prefix}widened"),
        helper.make_node("GreaterOrEqual", [wide, least], [reached], name=f"{prefix}choice"),
        helper.make_node("Cast", [reached], [best], to=TensorProto.INT64, name=f"{prefix}chosen"),
    ]


def free_name(name: str, taken: Container[str]) -> str:
    """Return the name, with underscores put before it until it is nobody else's."""
    while name in taken:
        name = f"_{name}"
    return name
