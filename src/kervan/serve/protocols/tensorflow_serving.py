"""TensorFlow Serving, REST: rows under `instances`, columns under `inputs`, `examples` to be classified.

A classification has the outputs `label` and `probabilities`, so `predict` answers an object for each row,
or one of columns; a regression has one output, whose values come alone. `classify` gives every class with
its probability. Versions are Kervan's, and of them only the beginning needs to be said (`versions/1`); a
label is the name of an environment.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput
from kervan.core.ports import JSON, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.core.schema import Column, Signature, Type
from kervan.package.answers import chosen
from kervan.serve.answer import prediction_header
from kervan.serve.body import read_json
from kervan.serve.protocols.models import one
from kervan.serve.protocols.rows import from_columns, rows_of, single

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASES = ("", "/versions/{version}", "/labels/{version}")
_DEFAULT = "serving_default"
_METHODS = {verb: f"tensorflow/serving/{verb}" for verb in ("predict", "classify", "regress")}
_SIGNATURES = {"", _DEFAULT, *_METHODS.values()}
_TYPES = {Type.INTEGER: "DT_INT64", Type.NUMBER: "DT_DOUBLE", Type.BOOLEAN: "DT_BOOL"}


class TensorFlowServingProtocol:
    """The REST protocol of TensorFlow's ModelServer."""

    complaint = "error"
    routes = (
        *(
            Route(
                path=f"/v1/models/{{name}}{base}:{verb}",
                action=Action.PREDICT,
                scope=Scope.PREDICT,
                takes=(JSON, ""),
                call=verb,
            )
            for verb in _METHODS
            for base in _BASES
        ),
        *(
            Route(
                path=f"/v1/models/{{name}}{base}{page}",
                action=Action.INFORM,
                scope=Scope.OPEN,
                method="GET",
                call=page or "status",
            )
            for page in ("", "/metadata")
            for base in _BASES
        ),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the rows; the answer has the form in which they came."""
        content = read_json(call.body, tokens=True)
        if not isinstance(content, dict):
            raise InvalidInput("the body is no object", hint='send {"instances": [...]}')
        wanted = content.get("signature_name")
        if wanted is not None and not (isinstance(wanted, str) and wanted in _SIGNATURES):
            raise InvalidInput(
                f"the model has no signature {str(wanted)[:80]!r}", hint=f"leave it out, or say {_DEFAULT!r}"
            )
        signature = choose(call.parameters["name"], call.parameters.get("version", ""))
        verb = call.route.call
        if verb == "predict":
            return _predicting(content, signature)
        if signature.is_classification != (verb == "classify"):
            other = "classify" if signature.is_classification else "regress"
            raise InvalidInput(f"the model does not {verb}", hint=f"ask it to {other}, or to predict")
        return Request(rows=_examples(content, signature))

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the answer as the verb wants it."""
        values = answer.values.tolist()
        if call.route.call == "classify":
            classes = signature.output.allowed
            content: Any = {
                "results": [[list(pair) for pair in zip(classes, row, strict=True)] for row in values]
            }
        elif call.route.call == "regress":
            content = {"results": [value for (value,) in values]}
        else:
            content = _predicted(answer, signature)
        return Reply(body=msgspec.json.encode(content), headers=prediction_header(answer))

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Tell which versions there are, or what one takes and gives."""
        model = one(call, models)
        if call.route.call == "status":
            told = [model] if "version" in call.parameters else [m for m in models if m.name == model.name]
            content: Any = {
                "model_version_status": [_status(each) for each in reversed(told)],
                "name": model.name,  # for clients of KServe's first protocol
                "ready": model.is_ready,
            }
        else:
            content = _metadata(model)
        return Reply(body=msgspec.json.encode(content))


def _predicting(content: dict[str, Any], signature: Signature) -> Request:
    found = [key for key in ("instances", "inputs") if key in content]
    if len(found) != 1:
        raise InvalidInput("the body needs either 'instances' or 'inputs'", hint="send one of them")
    values = content[found[0]]
    if isinstance(values, dict) and found == ["inputs"]:
        columns = {
            name: values_of if isinstance(values_of, list) else [values_of]
            for name, values_of in values.items()
        }
        rows = from_columns(columns)
    else:
        rows = rows_of(values, signature)
    return Request(rows=_plain(rows), form=found[0])


def _examples(content: dict[str, Any], signature: Signature) -> list[dict[str, Any]]:
    """Return the examples, each with what all of them share."""
    shared = content.get("context") or {}
    if not isinstance(shared, dict):
        raise InvalidInput("'context' is no object", hint="leave it out where nothing is shared")
    rows = rows_of(content.get("examples"), signature)
    for place, row in enumerate(rows):
        twice = shared.keys() & row.keys()
        if twice:
            raise InvalidInput(f"row {place} has {min(twice)!r}, which is in 'context' too")
    return _plain([{**shared, **row} for row in rows])


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of single values: a tensor of one is its value, and texts may be in base 64."""
    return [{name: _text(single(value)) for name, value in row.items()} for row in rows]


def _text(value: Any) -> Any:
    if not (isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)):
        return value
    try:
        return b64decode(value["b64"], validate=True).decode()
    except ValueError:
        return value  # an object is refused with its row and field


def _predicted(answer: Answer, signature: Signature) -> dict[str, Any]:
    by_rows = answer.request.form != "inputs"
    key = "predictions" if by_rows else "outputs"
    values = answer.values.tolist()
    if not signature.is_classification:
        return {key: [value for (value,) in values]}
    classes = signature.output.allowed
    labels = [classes[place] for place in chosen(answer.values, signature.naming).tolist()]
    if not by_rows:
        return {key: {"label": labels, "probabilities": values}}
    return {key: [{"label": label, "probabilities": row} for label, row in zip(labels, values, strict=True)]}


def _status(model: Served) -> dict[str, Any]:
    told = ("OK", "") if model.is_ready else ("UNAVAILABLE", model.reason)
    return {
        "version": model.version,
        "state": "AVAILABLE" if model.is_ready else "LOADING",
        "status": {"error_code": told[0], "error_message": told[1]},
    }


def _metadata(model: Served) -> dict[str, Any]:
    signature = model.signature
    if signature.is_classification:
        outputs = {
            "label": _tensor("label", "DT_STRING"),
            "probabilities": _tensor("probabilities", "DT_DOUBLE", len(signature.output.allowed)),
        }
    else:
        outputs = {"value": _tensor("value", "DT_DOUBLE")}
    described = {
        "inputs": {column.name: _input(column) for column in signature.inputs},
        "outputs": outputs,
        "method_name": _METHODS["predict"],
    }
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": model.version},
        "metadata": {"signature_def": {"signature_def": {_DEFAULT: described}}},
    }


def _input(column: Column) -> dict[str, Any]:
    return _tensor(column.name, _TYPES.get(column.type, "DT_STRING"))


def _tensor(name: str, kind: str, *sizes: int) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in (-1, *sizes)]
    return {"dtype": kind, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": name}
