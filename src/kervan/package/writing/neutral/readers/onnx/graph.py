"""A graph in the neutral form: its nodes in order, as far as the answer needs them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.neutral.readers.onnx.tensors import OPERATORS, Kind, Node, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.readers.onnx.tensors import Tensor

_FILES = ("algebra", "elementwise", "learners", "logic", "shapes", "trees")
_DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml"}


def read_graph(builder: Builder, model: onnx.ModelProto, taken: Mapping[str, Tensor], output: str) -> Rows:
    """Add the layers of a graph over the tensors that it takes, and return the one named `output`.

    The slack of the form is what the graph's own float32 arithmetic leaves open. Raises `Refused` that names
    the first operator that the form cannot express.
    """
    tensors: dict[str, Tensor] = {**_constants(model.graph), **taken}
    versions = {_DOMAINS.get(entry.domain, entry.domain): entry.version for entry in model.opset_import}
    _walk(builder, model.graph, [output], tensors, versions)
    answer = tensors.get(output)
    if not isinstance(answer, Rows):
        raise Refused(f"the graph's output {output!r} does not hang on its input", hint="export it again")
    if answer.kind is not Kind.DOUBLE:
        builder.in_single(answer.steps)
    return answer


def _constants(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Return the constants of a graph by name. Raises `Corrupted` for one that is not of its size."""
    from onnx import numpy_helper

    try:
        return {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    except (ValueError, TypeError) as error:
        raise Corrupted(f"the graph has a broken constant: {error}", hint="export it again") from error


def _walk(
    builder: Builder,
    graph: onnx.GraphProto,
    outputs: list[str],
    tensors: dict[str, Tensor],
    versions: Mapping[str, int],
) -> None:
    """Read the nodes that some outputs need, and add what they give to the tensors."""
    for proto in _needed(graph, outputs):
        branch = _branch(proto, tensors)
        if branch is None:
            given = _read(builder, proto, tensors, versions)
        else:
            given = _inside(builder, branch, tensors, versions)
        tensors.update(zip(proto.output, given, strict=False))


def _needed(graph: onnx.GraphProto, outputs: list[str]) -> list[onnx.NodeProto]:
    """Return the nodes that outputs need, in their order: one that comes earlier never reads a later."""
    wanted, found = set(outputs), []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(_names_read(node))
            found.append(node)
    return found[::-1]


def _names_read(node: onnx.NodeProto) -> list[str]:
    """Return the names that a node reads, those inside of its branches too."""
    inner = [entry.g for entry in node.attribute if entry.HasField("g")]
    names = [name for graph in inner for each in graph.node for name in _names_read(each)]
    return [*node.input, *names, *(output.name for graph in inner for output in graph.output)]


def _branch(proto: onnx.NodeProto, tensors: Mapping[str, Tensor]) -> onnx.GraphProto | None:
    """Return the branch that an If takes for every row, where the rows do not decide it."""
    condition = tensors.get(proto.input[0]) if proto.op_type == "If" and proto.input else None
    if not isinstance(condition, np.ndarray) or condition.size != 1:
        return None
    taken = "then_branch" if condition.item() else "else_branch"
    return next((entry.g for entry in proto.attribute if entry.name == taken), None)


def _inside(
    builder: Builder, branch: onnx.GraphProto, tensors: Mapping[str, Tensor], versions: Mapping[str, int]
) -> tuple[Tensor, ...]:
    """Read a branch, which sees the tensors around it."""
    seen = {**tensors, **_constants(branch)}
    outputs = [entry.name for entry in branch.output]
    _walk(builder, branch, outputs, seen, versions)
    return tuple(_known(seen, name) for name in outputs)


def _known(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise Corrupted(f"the graph reads {name!r}, which nothing in it gives", hint="export it again")
    return tensors[name]


def _read(
    builder: Builder, proto: onnx.NodeProto, tensors: Mapping[str, Tensor], versions: Mapping[str, int]
) -> tuple[Tensor, ...]:
    domain = _DOMAINS.get(proto.domain, proto.domain)
    inputs = [_known(tensors, name) if name else None for name in proto.input]
    node = Node(builder, proto.op_type, inputs, _settings(proto), versions.get(domain, 1))
    read = _operators().get((domain, proto.op_type))
    if read is None:
        raise node.refused("it is not known here")
    try:
        given: Any = read(node)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise node.refused(f"its settings do not fit together ({error})") from error
    parts = given if isinstance(given, tuple) else (given,)
    return tuple(np.asarray(part) if isinstance(part, np.generic) else part for part in parts)


def _settings(proto: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of a node: numbers, texts, arrays."""
    from onnx import AttributeProto, helper, numpy_helper

    found: dict[str, Any] = {}
    for entry in proto.attribute:
        value = helper.get_attribute_value(entry)
        if entry.type == AttributeProto.TENSOR:
            value = numpy_helper.to_array(value)
        elif entry.type == AttributeProto.STRING:
            value = value.decode("utf-8")
        elif entry.type == AttributeProto.STRINGS:
            value = [text.decode("utf-8") for text in value]
        found[entry.name] = value
    return found


@cache
def _operators() -> dict[tuple[str, str], Any]:
    for name in _FILES:
        import_module(f"kervan.package.writing.neutral.readers.onnx.{name}")
    return OPERATORS
