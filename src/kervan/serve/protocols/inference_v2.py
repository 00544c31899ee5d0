"""Open Inference Protocol v2, REST: named tensors in, named tensors out.

A request has one tensor for each column (named like it, shape [rows] or [rows, 1]), or, for a model whose
inputs are all numeric, a single tensor of shape [rows, inputs] in the model's order, under any name that
is no column. `null` in the data is a missing value. A classification answers `label` (BYTES) and
`probabilities` (FP64, [rows, classes]), a regression `value` (FP64, [rows, 1]).
"""

from __future__ import annotations

from importlib.metadata import version
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, NotFound, RefusedRow, StorageFailed, TooManyRows, did_you_mean
from kervan.core.ports import Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.core.reading import composed
from kervan.core.schema import Column, Signature, Type
from kervan.serve.body import read_json
from kervan.serve.decode import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WHOLE = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
_NUMBERS = frozenset({"FP16", "FP32", "FP64"}) | _WHOLE
_DATATYPES = _NUMBERS | {"BOOL", "BYTES"}
_FITTING = {
    Type.INTEGER: _NUMBERS,
    Type.NUMBER: _NUMBERS,
    Type.BOOLEAN: _NUMBERS | {"BOOL"},
    Type.CATEGORY: frozenset({"BYTES"}),
}
_NATURAL = {Type.INTEGER: "INT64", Type.NUMBER: "FP64", Type.BOOLEAN: "BOOL", Type.CATEGORY: "BYTES"}


_MODEL = ("/v2/models/{name}/versions/{version}", "/v2/models/{name}")
_TELL: dict[str, Any] = {"action": Action.INFORM, "scope": Scope.OPEN, "method": "GET"}


class Tensor(msgspec.Struct, frozen=True):
    """One input; in JSON other members, such as `parameters`, are allowed and unused."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class _Wanted(msgspec.Struct, frozen=True):
    name: str


class _Infer(msgspec.Struct, frozen=True):
    inputs: list[Tensor]
    id: str = ""
    outputs: list[_Wanted] = []


class InferenceV2Protocol:
    """The protocol of KServe, Triton, Seldon and others."""

    complaint = "error"
    routes = (
        *(Route(path=f"{base}/infer", action=Action.PREDICT, scope=Scope.PREDICT) for base in _MODEL),
        Route(path="/v2", action=Action.INFORM, scope=Scope.OPEN, method="GET", call="server"),
        Route(path="/v2/health/live", action=Action.INFORM, scope=Scope.OPEN, method="GET", call="live"),
        Route(path="/v2/health/ready", action=Action.INFORM, scope=Scope.OPEN, method="GET", call="all"),
        *(Route(path=f"{base}/ready", call="ready", **_TELL) for base in _MODEL),
        *(Route(path=base, call="metadata", **_TELL) for base in _MODEL),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the tensors into rows; `id` is echoed in the answer."""
        try:
            infer = msgspec.convert(read_json(call.body), _Infer)
        except msgspec.ValidationError as error:
            raise InvalidInput(
                f"no inference request: {error}", hint="see Open Inference Protocol v2"
            ) from error
        signature = choose(call.parameters["name"], call.parameters.get("version", ""))
        return request_of(
            infer.inputs, signature, ident=infer.id, outputs=tuple(wanted.name for wanted in infer.outputs)
        )

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the tensors; `parameters.prediction` names the record, also where the caller chose the id."""
        data = output_data(answer, signature)
        outputs = [
            {**tensor, "shape": [len(answer.values), *tensor["shape"][1:]], "data": data[tensor["name"]]}
            for tensor in output_tensors(signature)
            if not answer.request.outputs or tensor["name"] in answer.request.outputs
        ]
        content = {
            "model_name": answer.model,
            "model_version": answer.version,
            "id": answer.request.id or answer.id,
            "parameters": {"prediction": answer.id},
            "outputs": outputs,
        }
        return Reply(body=msgspec.json.encode(content))

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Tell about the server, or about one model."""
        match call.route.call:
            case "server":
                return _json({"name": "kervan", "version": version("kervan"), "extensions": []})
            case "live":
                return _json({"live": True})
            case "all":
                return _json({"live": True, "ready": _check_ready(models)})
        model = served_model(call.parameters["name"], call.parameters.get("version", ""), models)
        if call.route.call == "ready":
            return _json({"name": model.name, "ready": model.is_ready}, 200 if model.is_ready else 503)
        return _json(metadata_of(model, models))


def request_of(
    tensors: Sequence[Tensor], signature: Signature, *, ident: str = "", outputs: tuple[str, ...] = ()
) -> Request:
    """Turn tensors into rows, and check which `outputs` are wanted.

    Raises `InvalidInput`, or `RefusedRow` that names row and field.
    """
    if len(ident) > 128:
        raise InvalidInput("'id' must be a text of at most 128 letters")
    known = tuple(tensor["name"] for tensor in output_tensors(signature))
    for wanted in outputs:
        if wanted not in known:
            raise InvalidInput(f"the model has no output {wanted!r}", hint=did_you_mean(wanted, known))
    columns = _columns(tensors, signature)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Request(rows=rows, id=ident, outputs=outputs)


def _json(content: Any, status: int = 200) -> Reply:
    return Reply(body=msgspec.json.encode(content), status=status)


def _check_ready(models: Sequence[Served]) -> bool:
    for model in models:
        if not model.is_ready:
            raise StorageFailed(model.reason)
    return True


def served_model(name: str, wanted: str, models: Sequence[Served]) -> Served:
    """Return a version of a model, the default one where none is wanted, or raise `NotFound`."""
    for model in models:
        if model.name == name and (model.version == wanted or (not wanted and model.is_default)):
            return model
    there = ", ".join(f"{model.name}@{model.version}" for model in models)
    raise NotFound(f"there is no model {name}{'@' * bool(wanted)}{wanted} here", hint=f"there is {there}")


def metadata_of(model: Served, models: Sequence[Served]) -> dict[str, Any]:
    """Describe the model's tensors as the protocol's metadata endpoint does."""
    return {
        "name": model.name,
        "versions": [each.version for each in models if each.name == model.name],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": column.name, "datatype": _NATURAL.get(column.type, "BYTES"), "shape": [-1, 1]}
            for column in model.signature.inputs
        ],
        "outputs": list(output_tensors(model.signature)),
    }


def output_tensors(signature: Signature) -> tuple[dict[str, Any], ...]:
    """Return name, datatype and shape of what a model answers; -1 stands for the rows."""
    if not signature.is_classification:
        return ({"name": "value", "datatype": "FP64", "shape": [-1, 1]},)
    return (
        {"name": "label", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(signature.output.allowed)]},
    )


def output_data(answer: Answer, signature: Signature) -> dict[str, list[Any]]:
    """Return the flat values of each output."""
    flat = answer.values.ravel().tolist()
    if not signature.is_classification:
        return {"value": flat}
    classes = signature.output.allowed
    labels = [classes[place] for place in answer.values.argmax(axis=1).tolist()]
    return {"label": labels, "probabilities": flat}


def _columns(tensors: Sequence[Tensor], signature: Signature) -> dict[str, list[Any]]:
    """Return the values of each column that was sent, all of the same length."""
    inputs = {column.name: column for column in signature.inputs}
    if len(tensors) == 1 and _known(tensors[0], inputs).name not in inputs:
        return _matrix_columns(tensors[0], signature)
    columns: dict[str, list[Any]] = {}
    for tensor in (_known(tensor, inputs) for tensor in tensors):
        if tensor.name in columns:
            raise InvalidInput(f"the tensor {tensor.name!r} appears twice", hint="send each tensor once")
        rows, width = _shape(tensor)
        if width != 1:
            raise InvalidInput(
                f"the tensor {tensor.name!r} has shape {tensor.shape}", hint=f"send [{rows}] or [{rows}, 1]"
            )
        values = _flat(tensor)
        columns[tensor.name] = (
            _typed(values, tensor, inputs[tensor.name]) if tensor.name in inputs else values
        )
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"the tensors have different numbers of rows: {_few(lengths)}")
    return columns


def _known(tensor: Tensor, inputs: Mapping[str, Column]) -> Tensor:
    """Return the tensor under the name by which the model knows it, however its letters are composed."""
    if tensor.name in inputs or (name := composed(tensor.name)) not in inputs:
        return tensor
    return msgspec.structs.replace(tensor, name=name)


def _few(lengths: dict[str, int]) -> str:
    shown = [f"{name!r} {length}" for name, length in list(lengths.items())[:5]]
    return ", ".join(shown) + (", …" if len(lengths) > 5 else "")


def _matrix_columns(tensor: Tensor, signature: Signature) -> dict[str, list[Any]]:
    names = signature.inputs.names
    rows, width = _shape(tensor)
    others = [column.name for column in signature.inputs if not column.type.is_numeric]
    if others:
        raise InvalidInput(
            f"the tensor {tensor.name!r} is no column, and {others[0]!r} does not fit into a numeric matrix",
            hint="send one tensor for each column, named like it",
        )
    if width != len(names):
        raise InvalidInput(
            f"the tensor {tensor.name!r} has {width} columns, the model takes {len(names)}",
            hint=f"send the shape [{rows}, {len(names)}]",
        )
    flat = _flat(tensor)
    return {
        column.name: _typed(flat[place::width], tensor, column)
        for place, column in enumerate(signature.inputs)
    }


def _shape(tensor: Tensor) -> tuple[int, int]:
    """Check datatype and shape before the data are touched; return rows and columns."""
    if tensor.datatype not in _DATATYPES:
        raise InvalidInput(
            f"the tensor {tensor.name!r} has the unknown datatype {tensor.datatype!r}",
            hint=did_you_mean(tensor.datatype, _DATATYPES),
        )
    if len(tensor.shape) not in {1, 2} or min(tensor.shape) < 0:
        raise InvalidInput(
            f"the tensor {tensor.name!r} has shape {tensor.shape[:8]}", hint="send [rows] or [rows, columns]"
        )
    if tensor.shape[0] > MAX_ROWS:
        many = f"{tensor.shape[0]:,} rows are too many for one request"
        raise TooManyRows(many, row=MAX_ROWS, hint=f"send at most {MAX_ROWS:,}")
    return tensor.shape[0], prod(tensor.shape[1:])


def _flat(tensor: Tensor) -> list[Any]:
    """Return the data in row-major order, nested or flat, after checking it against the shape."""
    data = tensor.data
    if data and isinstance(data[0], list):
        width = prod(tensor.shape[1:])
        if any(not isinstance(row, list) or len(row) != width for row in data):
            raise InvalidInput(f"the data of {tensor.name!r} are ragged", hint=f"its shape is {tensor.shape}")
        data = [value for row in data for value in row]
    if len(data) != prod(tensor.shape):
        raise InvalidInput(
            f"the tensor {tensor.name!r} holds {len(data)} values, its shape is {tensor.shape}",
            hint="shape and data must agree",
        )
    return data


def _typed(values: list[Any], tensor: Tensor, column: Column) -> list[Any]:
    """Check that the tensor's datatype fits the column, and give booleans sent as 0 and 1 their type."""
    fitting = _FITTING.get(column.type, frozenset({"BYTES"}))
    if tensor.datatype not in fitting:
        raise RefusedRow(
            f"the tensor {tensor.name!r} is {tensor.datatype}, {column.name!r} is of type {column.type}",
            field=column.name,
            hint=f"send {_NATURAL.get(column.type, 'BYTES')}",
        )
    if tensor.datatype in _WHOLE:
        _check_whole(values, column)
    if column.type is Type.BOOLEAN and tensor.datatype != "BOOL":
        return [bool(value) if value in (0, 1) else value for value in values]
    return values


def _check_whole(values: list[Any], column: Column) -> None:
    for place, value in enumerate(values):
        if isinstance(value, float) and not value.is_integer():
            raise RefusedRow(
                f"row {place}, {column.name!r}: {value} in a tensor of whole numbers",
                row=place,
                field=column.name,
                hint="send FP64",
            )
