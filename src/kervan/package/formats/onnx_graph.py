"""Writing a fitted scikit-learn pipeline as ONNX graphs."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Container

    import onnx

    from kervan.core.schema import Column, Signature

INPUT = "matrix"
OPSETS = {"": 19, "ai.onnx.ml": 3}
IR_VERSION = 9


def matrix_graph(model: Any, signature: Signature) -> onnx.ModelProto:
    """Convert a fitted pipeline to a graph from `matrix` [rows, inputs] to [rows, classes] or [rows, 1].

    Raises `Refused` for a model that skl2onnx cannot convert, or would convert to a wrong graph.
    """
    with extras_named():
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType
        from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
        from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

    _check(model, signature)
    model = _with_float32_thresholds(model)
    last = model.steps[-1][1]
    writes_itself = hasattr(last, "onnx_converter")
    options = {"zipmap": False} if signature.is_classification and not writes_itself else {}
    with warnings.catch_warnings():
        # The converter passes bools where protobuf 6 wants whole numbers; 7 refuses them, hence our bound.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            graph = convert_sklearn(
                model,
                name=INPUT,
                initial_types=[(INPUT, FloatTensorType([None, len(signature.inputs)]))],
                target_opset=OPSETS,
                options={id(last): options},
            )
        except (MissingConverter, MissingShapeCalculator) as error:
            raise Refused(
                f"ONNX cannot express this model: {error}", hint="choose another family or format"
            ) from error
    answer = graph.graph.output[-1].name
    graph = select_model_inputs_outputs(graph, answer)
    return _finished(graph, answer, signature)


def portable_graph(matrix: onnx.ModelProto, signature: Signature) -> onnx.ModelProto:
    """Put the coding of the columns in front of the graph over the matrix.

    Inputs are named like the columns, each [rows, 1]: float for numbers and booleans (NaN where missing),
    string for categories ("" where missing). The first output holds the probabilities or values; a
    classification gives the label too, in an output that is named like the predicted column.
    """
    import onnx
    from onnx import compose, helper

    taken = set(signature.inputs.names)
    prefix = _free("kervan_", taken)
    inner = compose.add_prefix(matrix, prefix)
    coding = [node for column in signature.inputs for node in _coding(column, prefix)]
    coded = [coding_output(column, prefix) for column in signature.inputs]
    joined = helper.make_node("Concat", coded, [f"{prefix}{INPUT}"], axis=1, name=f"{prefix}join")
    answer = _free("probabilities" if signature.is_classification else "value", taken)
    ending = [helper.make_node("Identity", [inner.graph.output[0].name], [answer], name=f"{prefix}answer")]
    width = inner.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    outputs = [helper.make_tensor_value_info(answer, onnx.TensorProto.FLOAT, [None, width])]
    if signature.is_classification:
        label = _free(signature.output.name, taken | {answer})
        ending += _labelling(answer, label, signature.output, prefix)
        outputs.append(helper.make_tensor_value_info(label, onnx.TensorProto.STRING, [None]))
    graph = helper.make_graph(
        [*coding, joined, *inner.graph.node, *ending],
        "model",
        [_input(column) for column in signature.inputs],
        outputs,
        list(inner.graph.initializer),
    )
    model = _model(graph)
    helper.set_model_props(model, {"signature": msgspec.json.encode(signature).decode()})
    onnx.checker.check_model(model)
    return model


def coding_output(column: Column, prefix: str) -> str:
    """Return the name under which a column enters the matrix: its own, unless it has to be coded."""
    return f"{prefix}code_{column.name}" if column.type is Type.CATEGORY else column.name


def _check(model: Any, signature: Signature) -> None:
    """Refuse what would be converted to a graph that answers differently, without an error."""
    last = model.steps[-1][1]
    if getattr(last, "is_categorical_", None) is not None:
        raise Refused(
            "ONNX would answer wrongly for boosting with native categories",
            hint="fit it on codes, without `categorical_features`",
        )
    if signature.is_classification and list(model.classes_) != list(range(len(signature.output.allowed))):
        raise Refused(
            f"the model knows the classes {list(model.classes_)}, not the places in the signature",
            hint="train on labels from `encode_labels`, with rows of every class",
        )


def _with_float32_thresholds(model: Any) -> Any:
    """Return a model that answers the same for float32 inputs, with thresholds that float32 holds.

    Boosting compares with float64 thresholds, which the converter rounds to the nearest float32. Where
    that is up, an input that lies between would take the other branch; rounded down, none can.
    """
    if not hasattr(model.steps[-1][1], "_predictors"):
        return model
    model = copy.deepcopy(model)
    for tree in (tree for round_ in model.steps[-1][1]._predictors for tree in round_):
        exact = tree.nodes["num_threshold"]
        rounded = exact.astype(np.float32)
        below = np.nextafter(rounded, np.float32(-np.inf))
        tree.nodes["num_threshold"] = np.where(rounded > exact, below, rounded)
    return model


def _finished(graph: onnx.ModelProto, answer: str, signature: Signature) -> onnx.ModelProto:
    """Name the single output, give it its width, and state each operator set once."""
    import onnx
    from onnx import helper

    name = "probabilities" if signature.is_classification else "value"
    width = len(signature.output.allowed) if signature.is_classification else 1
    output = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, width])
    nodes = list(graph.graph.node)
    if answer != name:
        nodes.append(helper.make_node("Identity", [answer], [name], name=f"{INPUT}_answer"))
    initializers = list(graph.graph.initializer)
    model = _model(helper.make_graph(nodes, INPUT, list(graph.graph.input), [output], initializers))
    onnx.checker.check_model(model)
    return model


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    from onnx import helper

    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="kervan")


def _input(column: Column) -> onnx.ValueInfoProto:
    import onnx
    from onnx import helper

    is_text = column.type is Type.CATEGORY
    kind = onnx.TensorProto.STRING if is_text else onnx.TensorProto.FLOAT
    return helper.make_tensor_value_info(column.name, kind, [None, 1])


def _coding(column: Column, prefix: str) -> list[onnx.NodeProto]:
    from onnx import helper

    if column.type is not Type.CATEGORY:
        return []
    texts = column.allowed or ("",)  # the operator wants at least one
    codes = np.arange(len(column.allowed), dtype=float).tolist() or [UNKNOWN]
    return [
        helper.make_node(
            "LabelEncoder",
            [column.name],
            [coding_output(column, prefix)],
            domain="ai.onnx.ml",
            name=f"{prefix}coding_{column.name}",
            keys_strings=texts,
            values_floats=codes,
            default_float=UNKNOWN,
        )
    ]


def _labelling(answer: str, label: str, output: Column, prefix: str) -> list[onnx.NodeProto]:
    from onnx import helper

    best = f"{prefix}best"
    return [
        helper.make_node("ArgMax", [answer], [best], axis=1, keepdims=0, name=f"{prefix}choice"),
        helper.make_node(
            "LabelEncoder",
            [best],
            [label],
            domain="ai.onnx.ml",
            name=f"{prefix}labelling",
            keys_int64s=list(range(len(output.allowed))),
            values_strings=output.allowed,
        ),
    ]


def _free(name: str, taken: Container[str]) -> str:
    """Return the name, with underscores put before it until it is nobody else's."""
    while name in taken:
        name = f"_{name}"
    return name
