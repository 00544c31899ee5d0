"""The file of a LiteRT model: tensors, operators, constants, as TensorFlow's `schema.fbs` describes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_IDENTIFIER = b"TFL3"
_SCHEMA = 3
_ALIGNMENT = 16  # of constants, as the schema wants
_LAST_OLD_OPERATOR = 127  # the field for older runtimes has one byte
_VERSIONS = {"GATHER": 5}  # of operators that are used as no older runtime knows them; else 1
_NUMPY = {"FLOAT32": "<f4", "INT32": "<i4"}
_OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "DIV": "DivOptions",
    "ARG_MAX": "ArgMaxOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CUMSUM": "CumsumOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "REDUCE_MAX": "ReducerOptions",
    "SUM": "ReducerOptions",
}


def metadata(content: bytes, name: str) -> bytes:
    """Return what a model holds under a name, b"" if it holds nothing there.

    Raises `Corrupted` for content whose places lead out of it.
    """
    with extras_named():
        from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.Model.GetRootAs(content)
        for place in range(model.MetadataLength()):
            entry = model.Metadata(place)
            if entry.Name() == name.encode():
                return bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
    except (struct.error, AttributeError, IndexError, TypeError, ValueError) as error:
        raise Corrupted(f"it is no model of LiteRT: {error}", hint="fetch the package again") from error
    return b""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor by its place in the graph: of any number of rows with so many columns, or a constant."""

    place: int
    kind: str
    width: int
    is_constant: bool = False


class Graph:
    """Operators and constants so far."""

    def __init__(self) -> None:
        with extras_named():
            from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._tensors: list[Any] = []
        self._contents: list[bytes] = [b""]  # the first one stands for no content
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}

    def variable(self, kind: str, width: int) -> Tensor:
        """Add a tensor that is computed or given, [rows, width]."""
        return Tensor(self._add(kind, [1, width], any_rows=True), kind, width)

    def constant(self, kind: str, values: NDArray[Any]) -> Tensor:
        """Return a constant: the same one for the same values."""
        content = values.astype(_NUMPY[kind]).tobytes()
        key = (kind, values.shape, content)
        if key not in self._constants:
            place = self._add(kind, list(values.shape), content=content)
            width = values.shape[-1] if values.ndim else 1
            self._constants[key] = Tensor(place, kind, width, is_constant=True)
        return self._constants[key]

    @property
    def integer(self) -> int:
        """The number of the type of whole numbers."""
        found: int = self._schema.TensorType.INT32
        return found

    def _add(self, kind: str, shape: list[int], *, any_rows: bool = False, content: bytes = b"") -> int:
        tensor = self._schema.TensorT()
        tensor.name = f"t{len(self._tensors)}"
        tensor.type = getattr(self._schema.TensorType, kind)
        tensor.shape = shape
        tensor.shapeSignature = [-1, *shape[1:]] if any_rows else None
        tensor.hasRank = True
        tensor.buffer = self._held(content) if content else 0
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _held(self, content: bytes) -> int:
        self._contents.append(content)
        return len(self._contents) - 1

    def operator(
        self, name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], **options: Any
    ) -> None:
        """Add an operator with the options that belong to it."""
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(name, len(self._codes))
        operator.inputs = [tensor.place for tensor in inputs]
        operator.outputs = [tensor.place for tensor in outputs]
        if name in _OPTIONS:
            operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, _OPTIONS[name])
            operator.builtinOptions = getattr(self._schema, f"{_OPTIONS[name]}T")()
            for option, value in options.items():
                setattr(operator.builtinOptions, option, value)
        self._operators.append(operator)

    def packed(
        self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> bytes:
        """Return the file."""
        import flatbuffers

        schema = self._schema
        for name, tensor in [*inputs.items(), *outputs.items()]:
            self._tensors[tensor.place].name = name
        subgraph = schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors = self._tensors
        subgraph.inputs = [tensor.place for tensor in inputs.values()]
        subgraph.outputs = [tensor.place for tensor in outputs.values()]
        subgraph.operators = self._operators
        model = schema.ModelT()
        model.version = _SCHEMA
        model.description = "kervan"
        model.operatorCodes = [self._code(name) for name in self._codes]
        model.subgraphs = [subgraph]
        model.signatureDefs = [self._signature(inputs, outputs)]
        model.metadata = [self._metadata(name, text) for name, text in metadata.items()]
        model.buffers = [_Buffer(content, schema) for content in self._contents]
        builder = flatbuffers.Builder(sum(map(len, self._contents)) + (1 << 16))
        builder.Finish(model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())

    def _code(self, name: str) -> Any:
        code = self._schema.OperatorCodeT()
        code.builtinCode = getattr(self._schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, _LAST_OLD_OPERATOR)
        code.version = _VERSIONS.get(name, 1)
        return code

    def _signature(self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Any:
        found = self._schema.SignatureDefT()
        found.signatureKey = "serving_default"
        found.subgraphIndex = 0
        found.inputs, found.outputs = (
            [self._named(name, tensor) for name, tensor in side.items()] for side in (inputs, outputs)
        )
        return found

    def _named(self, name: str, tensor: Tensor) -> Any:
        entry = self._schema.TensorMapT()
        entry.name, entry.tensorIndex = name, tensor.place
        return entry

    def _metadata(self, name: str, text: str) -> Any:
        entry = self._schema.MetadataT()
        entry.name, entry.buffer = name, self._held(text.encode())
        return entry


class _Buffer:
    """A constant's bytes, which begin where the schema wants them: the generated class does not see to it."""

    def __init__(self, content: bytes, schema: Any) -> None:
        self._content = content
        self._schema = schema

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name that the generated classes call
        """Write the buffer and return where it is."""
        schema = self._schema
        if self._content:
            builder.Prep(_ALIGNMENT, len(self._content))
            content = builder.CreateByteVector(self._content)
        schema.BufferStart(builder)
        if self._content:
            schema.BufferAddData(builder, content)
        place: int = schema.BufferEnd(builder)
        return place
