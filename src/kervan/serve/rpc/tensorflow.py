"""`tensorflow.serving.PredictionService`, without TensorFlow.

`Predict` takes the same tensors as the Open Inference Protocol: one for each column, or one matrix for a
model of numbers. `Classify` and `Regress` take examples, whose features are the columns. A version is a
number ("1": the newest 1.x.y) or a label ("1.2.0", or an environment).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidInput, NotFound, RefusedRow
from kervan.core.ports import GRPC, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.core.schema import Type
from kervan.serve.protocols.inference_v2 import metadata_of, output_data, output_tensors
from kervan.serve.protocols.models import one
from kervan.serve.protocols.tensors import Tensor, unpack
from kervan.serve.rpc.messages import message, parse
from kervan.serve.rpc.tensors import request_of, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

_SERVICE = "tensorflow.serving.PredictionService"
_MOST = 1 << 20  # values of a tensor that is not written in full
_PREDICT = "tensorflow/serving/predict"
_SIGNATURES = frozenset({"", "serving_default"})
# Number of the type, its name in the Open Inference Protocol, and the member with its values.
_KINDS = (
    (1, "FP32", "float_val"),
    (2, "FP64", "double_val"),
    (3, "INT32", "int_val"),
    (4, "UINT8", "int_val"),
    (5, "INT16", "int_val"),
    (6, "INT8", "int_val"),
    (7, "BYTES", "string_val"),
    (9, "INT64", "int64_val"),
    (10, "BOOL", "bool_val"),
    (17, "UINT16", "int_val"),
    (19, "FP16", "half_val"),
    (22, "UINT32", "uint32_val"),
    (23, "UINT64", "uint64_val"),
)
_READ = {number: (datatype, member) for number, datatype, member in _KINDS}
_NUMBERS = {datatype: number for number, datatype, _ in _KINDS}
_REQUESTS = {"Predict": "PredictRequest", "Classify": "ClassificationRequest", "Regress": "RegressionRequest"}


def _route(call: str, action: Action, scope: Scope) -> Route:
    return Route(path=f"/{_SERVICE}/{call}", action=action, scope=scope, takes=(GRPC,), call=call)


class TensorflowService:
    """What clients of TensorFlow Serving ask."""

    complaint = ""
    service = _SERVICE
    streamed: frozenset[str] = frozenset()
    routes = (
        _route("Predict", Action.PREDICT, Scope.PREDICT),
        _route("Classify", Action.PREDICT, Scope.PREDICT),
        _route("Regress", Action.PREDICT, Scope.PREDICT),
        _route("GetModelMetadata", Action.INFORM, Scope.OPEN),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read tensors or examples into rows."""
        asked = parse(f"tensorflow.serving.{_REQUESTS[call.route.call]}", call.body)
        _check_signature(asked.model_spec.signature_name)
        signature = choose(asked.model_spec.name, _version(asked.model_spec))
        if call.route.call == "Predict":
            tensors = [_tensor(name, asked.inputs[name]) for name in asked.inputs]
            return request_of(tensors, signature, outputs=tuple(asked.output_filter))
        if signature.is_classification != (call.route.call == "Classify"):
            right = "Classify" if signature.is_classification else "Regress"
            raise InvalidInput(f"the model is not for {call.route.call}", hint=f"call {right} or Predict")
        return Request(rows=_rows(asked.input, signature))

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write tensors, classes or values, in the order of the rows."""
        spec = {"name": answer.model, "version_label": answer.version}
        data = output_data(answer, signature)
        match call.route.call:
            case "Classify":
                found = message("tensorflow.serving.ClassificationResponse")(model_spec=spec)
                for row in answer.values.tolist():
                    found.result.classifications.add(
                        classes=[
                            {"label": label, "score": score}
                            for label, score in zip(signature.output.allowed, row, strict=True)
                        ]
                    )
            case "Regress":
                found = message("tensorflow.serving.RegressionResponse")(model_spec=spec)
                for value in data["value"]:
                    found.result.regressions.add(value=value)
            case _:
                found = message("tensorflow.serving.PredictResponse")(model_spec=spec)
                for tensor in output_tensors(signature):
                    if not answer.request.outputs or tensor["name"] in answer.request.outputs:
                        shape = [len(answer.values), *tensor["shape"][1:]]
                        _fill(found.outputs[tensor["name"]], data[tensor["name"]], shape)
        return Reply(body=found.SerializeToString(), kind=GRPC)

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Tell which tensors a model takes and gives."""
        asked = parse("tensorflow.serving.GetModelMetadataRequest", call.body)
        if list(asked.metadata_field) != ["signature_def"]:
            raise InvalidInput("only the metadata_field 'signature_def' is there", hint="ask for it alone")
        named = {"name": asked.model_spec.name, "version": _version(asked.model_spec)}
        model = one(Call(route=call.route, parameters=named), models)
        told = metadata_of(model, models)
        signatures = message("tensorflow.serving.SignatureDefMap")()
        defined = signatures.signature_def["serving_default"]
        defined.method_name = _PREDICT
        for side, tensors in ((defined.inputs, told["inputs"]), (defined.outputs, told["outputs"])):
            for tensor in tensors:
                info = side[tensor["name"]]
                info.name = f"{tensor['name']}:0"
                info.dtype = _NUMBERS[tensor["datatype"]]
                _shape(info, tensor["shape"])
        found = message("tensorflow.serving.GetModelMetadataResponse")(
            model_spec={"name": model.name, "version_label": model.version}
        )
        found.metadata["signature_def"].Pack(signatures)
        return Reply(body=found.SerializeToString(), kind=GRPC)

    def complain(self, call: Call, words: str) -> bytes:
        """Nothing is streamed here."""
        raise NotImplementedError


def _check_signature(name: str) -> None:
    if name not in _SIGNATURES:
        raise NotFound(f"the model has no signature {name!r}", hint="ask for 'serving_default'")


def _version(spec: Any) -> str:
    return str(spec.version.value) if spec.HasField("version") else str(spec.version_label)


def _tensor(name: str, tensor: Any) -> Tensor:
    datatype, member = _READ.get(tensor.dtype, ("", ""))
    if not member:
        raise InvalidInput(
            f"the tensor {name!r} is of a type that is not taken here",
            hint="send numbers, booleans or strings",
        )
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        data = unpack(Tensor(name=name, shape=shape, datatype=datatype), tensor.tensor_content)
    else:
        data = _values(getattr(tensor, member), datatype, name)
        if data and len(data) < prod(shape) <= _MOST:  # by TensorFlow's rule the last value fills it up
            data += data[-1:] * (prod(shape) - len(data))
    return Tensor(name=name, shape=shape, datatype=datatype, data=data)


def _values(values: Any, datatype: str, name: str) -> list[Any]:
    if datatype == "BYTES":
        return texts(values, name)
    if datatype == "FP16":
        halves: list[Any] = np.array(values, np.int32).astype(np.uint16).view(np.float16).tolist()
        return halves
    return list(values)


def _fill(tensor: Any, values: Sequence[Any], shape: Sequence[int]) -> None:
    _shape(tensor, shape)
    if values and isinstance(values[0], str):
        tensor.dtype = _NUMBERS["BYTES"]
        tensor.string_val.extend([value.encode() for value in values])
    else:
        tensor.dtype = _NUMBERS["FP64"]
        tensor.double_val.extend(values)


def _shape(tensor: Any, shape: Sequence[int]) -> None:
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)


def _rows(given: Any, signature: Signature) -> list[dict[str, Any]]:
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context
        examples = given.example_list_with_context.examples
        return [_row(example, context, row, signature) for row, example in enumerate(examples)]
    return [_row(example, None, row, signature) for row, example in enumerate(given.example_list.examples)]


def _row(example: Any, context: Any, row: int, signature: Signature) -> dict[str, Any]:
    features = dict(context.features.feature) if context is not None else {}
    features |= dict(example.features.feature)
    return {name: _value(feature, name, row, signature) for name, feature in features.items()}


def _value(feature: Any, name: str, row: int, signature: Signature) -> Any:
    """Return the one value of a feature, None for an empty one."""
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else ()
    if len(values) > 1:
        many = f"row {row}, {name!r}: has {len(values)} values"
        raise RefusedRow(many, row=row, field=name, hint="send one value for each column")
    if not values:
        return None
    if kind != "bytes_list":
        return _as_typed(values[0], name, signature)
    try:
        return values[0].decode()
    except UnicodeDecodeError as error:
        words = f"row {row}, {name!r}: the text is not in UTF-8"
        raise RefusedRow(words, row=row, field=name, hint="send UTF-8") from error


def _as_typed(value: Any, name: str, signature: Signature) -> Any:
    """Examples have no booleans: 0 and 1 stand for them."""
    is_boolean = name in signature.inputs and signature.inputs[name].type is Type.BOOLEAN
    return bool(value) if is_boolean and value in {0, 1} else value
