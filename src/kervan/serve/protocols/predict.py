"""`POST /predict`: rows as people write them, predictions with their labels.

A request is one row or a list of rows, bare or under `features`; a row is an object, or a list of values
in the model's order. Beside `features`, `model_version` chooses another version than the one that answers
by default, and `id` is the caller's own. So all of these ask the same:

    {"features": {"age": 39, "city": "İzmir"}}      {"age": 39, "city": "İzmir"}
    {"features": [{"age": 39, "city": "İzmir"}]}    [{"age": 39, "city": "İzmir"}]
    {"features": [39, "İzmir"]}                     [[39, "İzmir"]]

A column may itself be called `features`: a column holds no object and no list, so `features` with one of
these is never a row. The answer always has a list of predictions, one for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, NotFound, did_you_mean
from kervan.core.ports import Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.core.reading import composed
from kervan.serve.answer import name_values
from kervan.serve.body import read_json
from kervan.serve.protocols.rows import in_order, own_id
from kervan.serve.typed import TypedReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

_ENVELOPE = ("features", "id", "model_version")
_PREDICT: dict[str, Any] = {"action": Action.PREDICT, "scope": Scope.PREDICT}
_INFORM: dict[str, Any] = {"action": Action.INFORM, "scope": Scope.DOCS, "method": "GET"}


class PredictProtocol:
    """Kervan's own protocol."""

    complaint = ""
    routes = (
        Route(path="/predict", **_PREDICT),
        Route(path="/models/{name}/predict", **_PREDICT),
        Route(path="/models/{name}/versions/{version}/predict", **_PREDICT),
        Route(path="/models", **_INFORM),
        Route(path="/models/{name}", **_INFORM),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the rows; `id` beside `features` is the caller's own."""
        content = read_json(call.body)
        rows, ident, version = content, "", call.parameters.get("version", "")
        if isinstance(content, dict) and isinstance(content.get("features"), dict | list):
            _check_envelope(content)
            rows, ident = content["features"], own_id(content.get("id", ""), "id")
            version = _same_version(version, own_id(content.get("model_version", ""), "model_version"))
        signature = choose(call.parameters.get("name", ""), version)
        if rows is content and isinstance(content, dict):
            _check_is_row(content, signature.inputs.names)
        return Request(rows=_rows(rows, signature), id=ident)

    def reader(self, signature: Signature, entity: str = "") -> TypedReader:
        """Return what reads usual bodies faster, and whom rows are about from the column `entity`."""
        return TypedReader(signature, entity)

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the predictions in the order of the rows."""
        content = {
            "id": answer.id,
            "model": f"{answer.model}@{answer.version}",
            "predictions": name_values(answer.values, signature),
        }
        return Reply(body=msgspec.json.encode(content))

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """List the models that are there, or those of one name, for callers of ours and of SageMaker's."""
        name = call.parameters.get("name")
        wanted = [model for model in models if name in {None, model.name}]
        if name is not None and not wanted:
            raise NotFound(f"there is no model {name!r} here", hint=did_you_mean(name, _names(models)))
        content: dict[str, Any] = {"models": [_told(model) for model in wanted]}
        if name is not None:
            content |= _named(next(model for model in wanted if model.is_default))
        return Reply(body=msgspec.json.encode(content))


def _names(models: Sequence[Served]) -> set[str]:
    return {model.name for model in models}


def _named(model: Served) -> dict[str, str]:
    """Name a model as SageMaker does; instead of a path on this machine stands what a package is known by."""
    return {"modelName": model.name, "modelUrl": f"{model.name}@{model.version}"}


def _told(model: Served) -> dict[str, Any]:
    return {
        **_named(model),
        "name": model.name,
        "version": model.version,
        "default": model.is_default,
        "ready": model.is_ready,
        **({"reason": model.reason} if model.reason else {}),
        "inputs": [
            {"name": column.name, "type": column.type, "nullable": column.nullable}
            for column in model.signature.inputs
        ],
        "output": {"name": model.signature.output.name, "type": model.signature.output.type},
    }


def _check_is_row(content: dict[str, Any], names: tuple[str, ...]) -> None:
    """Refuse an object without any column in which rows lie under another name than "features"."""
    under = [key for key, value in content.items() if isinstance(value, dict | list)]
    if under and not any(composed(key) in names for key in content):
        raise InvalidInput(
            f"{under[0]!r} is no column of the model, and rows lie under 'features' alone",
            hint=did_you_mean(under[0], ("features", *names)),
        )


def _check_envelope(content: dict[str, Any]) -> None:
    for key in content:
        if key not in _ENVELOPE:
            raise InvalidInput(f"{key!r} has no meaning beside 'features'", hint=did_you_mean(key, _ENVELOPE))


def _same_version(in_path: str, in_body: str) -> str:
    if in_path and in_body and in_path != in_body:
        raise InvalidInput(
            f"the path asks for version {in_path}, 'model_version' for {in_body}",
            hint="leave one of them out",
        )
    return in_path or in_body


def _rows(content: Any, signature: Signature) -> Sequence[dict[str, Any]]:
    if isinstance(content, dict):
        return [content]
    if not isinstance(content, list):
        raise InvalidInput("the body is neither a row nor a list of rows", hint='send {"features": {...}}')
    if content and not isinstance(content[0], dict | list):
        content = [content]
    names = signature.inputs.names
    return [
        in_order(row, place, names) if isinstance(row, list) else row for place, row in enumerate(content)
    ]
