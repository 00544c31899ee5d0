"""Open Inference Protocol v2, REST: named tensors in, named tensors out, in JSON or in bytes behind it.

A request has one tensor for each column (named like it, shape [rows] or [rows, 1]), or, for a model whose
inputs are all numeric, a single tensor of shape [rows, inputs] in the model's order, under any name that
is no column. `null` in the data is a missing value. A classification answers `label` (BYTES) and
`probabilities` (FP64, [rows, classes]), a regression `value` (FP64, [rows, 1]).
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.ports import JSON, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.package.answers import chosen
from kervan.serve.body import read_json
from kervan.serve.decode import MAX_ROWS
from kervan.serve.protocols.models import check_ready, one
from kervan.serve.protocols.rows import from_columns, own_id
from kervan.serve.protocols.tensors import NATURAL, Tensor, columns_of, pack, split_body, with_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

BYTES = "application/octet-stream"
_LENGTH = "inference-header-content-length"
_EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
_MODEL = ("/v2/models/{name}/versions/{version}", "/v2/models/{name}")
_STORED = "/v2/repository/models/{name}"
_TELL: dict[str, Any] = {"action": Action.INFORM, "scope": Scope.OPEN, "method": "GET"}
_ANY: dict[str, Any] = {"takes": (JSON, "", BYTES)}  # as clients of Triton send it


class _Wanted(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class _Infer(msgspec.Struct, frozen=True):
    inputs: list[Tensor]
    id: str = ""
    outputs: list[_Wanted] = []
    parameters: dict[str, Any] = {}


class InferenceV2Protocol:
    """The protocol of KServe, Triton, Seldon and others."""

    complaint = "error"
    routes = (
        *(Route(path=f"{base}/infer", action=Action.PREDICT, scope=Scope.PREDICT, **_ANY) for base in _MODEL),
        Route(path="/v2", call="server", **_TELL),
        Route(path="/v2/health/live", call="live", **_TELL),
        Route(path="/v2/health/ready", call="all", **_TELL),
        *(Route(path=f"{base}/ready", call="ready", **_TELL) for base in _MODEL),
        *(Route(path=f"{base}/config", call="config", **_TELL) for base in _MODEL),
        *(Route(path=base, call="metadata", **_TELL) for base in _MODEL),
        *(
            Route(path=f"{base}/stats", action=Action.INFORM, scope=Scope.METRICS, method="GET", call="stats")
            for base in ("/v2/models", *_MODEL)
        ),
        Route(
            path="/v2/repository/index",
            action=Action.INFORM,
            scope=Scope.DOCS,
            call="index",
            asks_folder=True,
            **_ANY,
        ),
        Route(path=f"{_STORED}/load", action=Action.LOAD, scope=Scope.CONTROL, call="load", **_ANY),
        Route(path=f"{_STORED}/unload", action=Action.UNLOAD, scope=Scope.CONTROL, call="unload", **_ANY),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the tensors into rows; `id` is echoed in the answer. Load and unload have no rows."""
        if call.route.action is not Action.PREDICT:
            _check_change(call)
            choose(call.parameters["name"])
            return Request(rows=())
        content, binary = split_body(call.body, call.headers.get(_LENGTH, ""))
        try:
            infer = msgspec.convert(read_json(content, tokens=True), _Infer)
        except msgspec.ValidationError as error:
            raise InvalidInput(
                f"no inference request: {error}", hint="see Open Inference Protocol v2"
            ) from error
        signature = choose(call.parameters["name"], call.parameters.get("version", ""))
        return Request(
            rows=from_columns(columns_of(with_data(infer.inputs, binary), signature)),
            id=own_id(infer.id, "id"),
            outputs=tuple(wanted.name for wanted in infer.outputs),
            form=_in_bytes(infer, [tensor["name"] for tensor in output_tensors(signature)]),
        )

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the tensors; `parameters.prediction` names the record, also where the caller chose the id."""
        data = output_data(answer, signature)
        outputs, binary = [], b""
        for tensor in output_tensors(signature):
            name = tensor["name"]
            if answer.request.outputs and name not in answer.request.outputs:
                continue
            output = {**tensor, "shape": [len(answer.values), *tensor["shape"][1:]]}
            if name in (answer.request.form or ()):
                packed = pack(data[name], tensor["datatype"])
                binary += packed
                output["parameters"] = {"binary_data_size": len(packed)}
            else:
                output["data"] = data[name]
            outputs.append(output)
        content = {
            "model_name": answer.model,
            "model_version": answer.version,
            "id": answer.request.id or answer.id,
            "parameters": {"prediction": answer.id},
            "outputs": outputs,
        }
        head = msgspec.json.encode(content)
        if not answer.request.form:
            return Reply(body=head)
        return Reply(body=head + binary, kind=BYTES, headers={_LENGTH: str(len(head))})

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Tell about the server, its models, or one of them."""
        status = 200
        match call.route.call:
            case "server":
                content: Any = {"name": "kervan", "version": version("kervan"), "extensions": _EXTENSIONS}
            case "live":
                content = {"live": True}
            case "all":
                check_ready(models)
                content = {"live": True, "ready": True}
            case "index":
                only_ready = _parameters(call).get("ready") is True
                content = [listed(model) for model in models if model.is_ready or not only_ready]
            case "load" | "unload":
                content = {"name": call.parameters["name"], call.route.call: True}
            case "ready":
                model = one(call, models)
                content = {"name": model.name, "ready": model.is_ready}
                status = 200 if model.is_ready else 503
            case "stats":
                asked = [one(call, models)] if call.parameters else models
                content = {"model_stats": [_statistics(model) for model in asked]}
            case "config":
                content = _config(one(call, models))
            case _:
                content = metadata_of(one(call, models), models)
        return Reply(body=msgspec.json.encode(content), status=status)


def _parameters(call: Call) -> dict[str, Any]:
    """Return what a request about models says, which may be nothing at all."""
    content = read_json(call.body) if call.body.strip() else {}
    if not isinstance(content, dict):
        raise InvalidInput("the body is no object", hint="send {}, or nothing")
    return content


def _check_change(call: Call) -> None:
    """Refuse what a request to load asks for and would not get: another configuration, or files it brings."""
    parameters = _parameters(call).get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidInput("'parameters' is no object", hint="leave it out")
    for name in parameters:
        if name == "config" or str(name).startswith("file:"):
            raise InvalidInput(
                f"models are loaded as they are packaged: {name!r} cannot be sent",
                hint="put a package into the server's folder",
            )


def _in_bytes(infer: _Infer, known: list[str]) -> frozenset[str]:
    """Return the outputs that are wanted in bytes, or raise `InvalidInput` for one that there is not."""
    by_default = infer.parameters.get("binary_data_output") is True
    if not infer.outputs:
        return frozenset(known if by_default else ())
    for wanted in infer.outputs:
        if wanted.name not in known:
            raise InvalidInput(
                f"the model has no output {wanted.name!r}", hint=did_you_mean(wanted.name, known)
            )
        if wanted.parameters.get("classification"):
            raise InvalidInput(
                "'classification' of an output is not spoken here", hint="ask for 'probabilities'"
            )
    return frozenset(
        wanted.name for wanted in infer.outputs if wanted.parameters.get("binary_data", by_default) is True
    )


def listed(model: Served) -> dict[str, Any]:
    """Describe a model as the index of the repository does."""
    state = "READY" if model.is_ready else "UNAVAILABLE"
    return {"name": model.name, "version": model.version, "state": state, "reason": model.reason}


def metadata_of(model: Served, models: Sequence[Served]) -> dict[str, Any]:
    """Describe the model's tensors as the protocol's metadata endpoint does."""
    return {
        "name": model.name,
        "versions": [each.version for each in models if each.name == model.name],
        "platform": "onnx_onnxv1",
        "inputs": list(_input_tensors(model.signature)),
        "outputs": list(output_tensors(model.signature)),
    }


def _config(model: Served) -> dict[str, Any]:
    """Describe the model as Triton's configurations do, where rows are no dimension."""

    def described(tensor: dict[str, Any]) -> dict[str, Any]:
        kind = "STRING" if tensor["datatype"] == "BYTES" else tensor["datatype"]
        return {"name": tensor["name"], "data_type": f"TYPE_{kind}", "dims": tensor["shape"][1:]}

    return {
        "name": model.name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": MAX_ROWS,
        "input": [described(tensor) for tensor in _input_tensors(model.signature)],
        "output": [described(tensor) for tensor in output_tensors(model.signature)],
    }


def _statistics(model: Served) -> dict[str, Any]:
    """Tell what was answered as Triton's statistics do, in nanoseconds; encoding is not timed by itself."""
    counts = model.counts

    def spent(seconds: float, requests: int) -> dict[str, int]:
        return {"count": requests, "ns": round(seconds * 1e9)}

    answered = counts.answered
    return {
        "name": model.name,
        "version": model.version,
        "last_inference": round(counts.last * 1e3),
        "inference_count": counts.rows,
        "execution_count": counts.runs,
        "inference_stats": {
            "success": spent(counts.decode + counts.wait + counts.score, answered),
            "fail": spent(0.0, counts.refused),
            "queue": spent(counts.wait, answered),
            "compute_input": spent(counts.decode, answered),
            "compute_infer": spent(counts.score, answered),
            "compute_output": spent(0.0, answered),
        },
        "batch_stats": [],
    }


def _input_tensors(signature: Signature) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"name": column.name, "datatype": NATURAL.get(column.type, "BYTES"), "shape": [-1, 1]}
        for column in signature.inputs
    )


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
    labels = [classes[place] for place in chosen(answer.values, signature.naming).tolist()]
    return {"label": labels, "probabilities": flat}
