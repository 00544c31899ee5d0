"""`inference.GRPCInferenceService`: the Open Inference Protocol v2, with Triton's stream and repository.

Tensors are those of `kervan.serve.protocols.inference_v2`, with typed `contents` or as bytes in
`raw_input_contents`; the answer has its tensors as the request had them. NaN is a missing value.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput
from kervan.core.ports import GRPC, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.serve.protocols.inference_v2 import listed, metadata_of, output_data, output_tensors
from kervan.serve.protocols.models import one
from kervan.serve.protocols.tensors import Tensor, pack, unpack
from kervan.serve.rpc.messages import message, parse
from kervan.serve.rpc.reader import TensorReader
from kervan.serve.rpc.tensors import request_of, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Signature

_SERVICE = "inference.GRPCInferenceService"
_STREAM = "ModelStreamInfer"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{0,128}")  # ids that need no care in JSON
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def _route(call: str, action: Action, scope: Scope, *, asks_folder: bool = False) -> Route:
    path = f"/{_SERVICE}/{call}"
    return Route(path=path, action=action, scope=scope, takes=(GRPC,), call=call, asks_folder=asks_folder)


class InferenceService:
    """The gRPC side of KServe, Triton, Seldon and others."""

    complaint = ""
    service = _SERVICE
    streamed = frozenset({_STREAM})
    routes = (
        _route("ServerLive", Action.INFORM, Scope.OPEN),
        _route("ServerReady", Action.INFORM, Scope.OPEN),
        _route("ModelReady", Action.INFORM, Scope.OPEN),
        _route("ServerMetadata", Action.INFORM, Scope.OPEN),
        _route("ModelMetadata", Action.INFORM, Scope.OPEN),
        _route("ModelInfer", Action.PREDICT, Scope.PREDICT),
        _route(_STREAM, Action.PREDICT, Scope.PREDICT),
        _route("RepositoryIndex", Action.INFORM, Scope.DOCS, asks_folder=True),
        _route("RepositoryModelLoad", Action.LOAD, Scope.CONTROL),
        _route("RepositoryModelUnload", Action.UNLOAD, Scope.CONTROL),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the tensors into rows; `id` is echoed in the answer. Load and unload have no rows."""
        if call.route.action is not Action.PREDICT:
            self._change(call, choose)
            return Request(rows=())
        infer = parse("inference.ModelInferRequest", call.body)
        signature = choose(infer.model_name, infer.model_version)
        raw = infer.raw_input_contents
        if raw and len(raw) != len(infer.inputs):
            raise InvalidInput(
                f"there are {len(infer.inputs)} inputs, and {len(raw)} of them as raw_input_contents",
                hint="send all of them so, or none",
            )
        tensors = [_tensor(tensor, raw[place] if raw else None) for place, tensor in enumerate(infer.inputs)]
        request = request_of(
            tensors, signature, ident=infer.id, outputs=tuple(wanted.name for wanted in infer.outputs)
        )
        return Request(rows=request.rows, id=request.id, outputs=request.outputs, form=bool(raw))

    def peek(self, body: bytes) -> tuple[Any, Mapping[str, str]] | None:
        """Return a message that may be answered with others, and the model that it names."""
        try:
            infer = parse("inference.ModelInferRequest", body)
        except InvalidInput:
            return None
        if not _PLAIN.fullmatch(infer.id):
            return None
        named = {"name": infer.model_name, "version": infer.model_version}
        return infer, named if infer.model_name or infer.model_version else {}

    def reader(self, signature: Signature, entity: str = "") -> TensorReader:
        """Return what reads usual messages faster, and whom rows are about from the column `entity`."""
        call = Call(route=next(route for route in self.routes if route.call == "ModelInfer"))
        return TensorReader(signature, lambda answer: self.encode(answer, signature, call).body, entity)

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the tensors; `parameters.prediction` names the record, also where the caller chose the id."""
        found = message("inference.ModelInferResponse")(
            model_name=answer.model, model_version=answer.version, id=answer.request.id or answer.id
        )
        found.parameters["prediction"].string_param = answer.id
        data = output_data(answer, signature)
        for tensor in output_tensors(signature):
            name, datatype = tensor["name"], tensor["datatype"]
            if answer.request.outputs and name not in answer.request.outputs:
                continue
            shape = [len(answer.values), *tensor["shape"][1:]]
            output = found.outputs.add(name=name, datatype=datatype, shape=shape)
            if answer.request.form:
                found.raw_output_contents.append(pack(data[name], datatype))
            else:
                _fill(output.contents, data[name], datatype)
        if call.route.call == _STREAM:
            found.parameters["triton_final_response"].bool_param = True
            found = message("inference.ModelStreamInferResponse")(infer_response=found)
        return Reply(body=found.SerializeToString(), kind=GRPC)

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Tell about the server, its models, or one of them."""
        asked = parse(f"inference.{call.route.call}Request", call.body)
        match call.route.call:
            case "ServerLive":
                members: dict[str, Any] = {"live": True}
            case "ServerReady":
                members = {"ready": all(model.is_ready for model in models)}
            case "ServerMetadata":
                members = {"name": "kervan", "version": version("kervan"), "extensions": ["model_repository"]}
            case "ModelReady":
                members = {"ready": _asked(call, asked, models).is_ready}
            case "ModelMetadata":
                members = metadata_of(_asked(call, asked, models), models)
            case "RepositoryIndex":
                members = {"models": [listed(each) for each in models if each.is_ready or not asked.ready]}
            case _:
                members = {}
        found = message(f"inference.{call.route.call}Response")(**members)
        return Reply(body=found.SerializeToString(), kind=GRPC)

    def _change(self, call: Call, choose: Choose) -> None:
        asked = parse(f"inference.{call.route.call}Request", call.body)
        for name in asked.parameters:
            if name == "config" or name.startswith("file:"):
                raise InvalidInput(
                    f"models are loaded as they are packaged: {name!r} cannot be sent",
                    hint="put a package into the server's folder",
                )
        choose(
            asked.model_name,
            asked.parameters["version"].string_param if "version" in asked.parameters else "",
        )

    def complain(self, call: Call, words: str) -> bytes:
        """Write what was wrong with one request of a stream, which goes on."""
        found = message("inference.ModelStreamInferResponse")(error_message=words)
        try:
            found.infer_response.id = parse("inference.ModelInferRequest", call.body).id
        except InvalidInput:
            found.infer_response.id = ""
        return bytes(found.SerializeToString())


def _asked(call: Call, asked: Any, models: Sequence[Served]) -> Served:
    return one(Call(route=call.route, parameters={"name": asked.name, "version": asked.version}), models)


def _tensor(tensor: Any, raw: bytes | None) -> Tensor:
    found = Tensor(name=tensor.name, shape=list(tensor.shape), datatype=tensor.datatype)
    if raw is not None:
        return msgspec.structs.replace(found, data=unpack(found, raw))
    contents = getattr(tensor.contents, _CONTENTS.get(tensor.datatype, "fp64_contents"))
    data = texts(contents, tensor.name) if tensor.datatype == "BYTES" else list(contents)
    return msgspec.structs.replace(found, data=data)


def _fill(contents: Any, values: Sequence[Any], datatype: str) -> None:
    written = [value.encode() for value in values] if datatype == "BYTES" else values
    getattr(contents, _CONTENTS[datatype]).extend(written)
