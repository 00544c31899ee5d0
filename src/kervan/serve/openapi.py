"""What a server answers, as an OpenAPI 3.1 document made from its routes and the models' signatures."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from kervan.core.keeping import LONGEST_ENTITY
from kervan.core.ports import JSON, Action, Scope
from kervan.core.schema import Column, Signature, Type, Unseen
from kervan.package.encoding import LARGEST
from kervan.serve.feedback import LAST, LONGEST_LABEL
from kervan.serve.problem import CONTENT_TYPE as PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kervan.core.ports import Served
    from kervan.core.written import Written
    from kervan.serve.routing import Mounted

_TYPED = ("/models/{name}/predict", "/models/{name}/versions/")
_PARAMETER = re.compile(r"\{(\w+)\}")
_KINDS: dict[Type, dict[str, Any]] = {
    Type.INTEGER: {"type": "integer"},
    Type.NUMBER: {"type": "number"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.CATEGORY: {"type": "string"},
    Type.TEXT: {"type": "string"},
    Type.DATE: {"type": "string", "format": "date"},
    Type.DATETIME: {"type": "string", "format": "date-time"},
}
_ID = {"type": "string", "maxLength": 128}
_PROBLEMS = {
    400: "The request is malformed.",
    401: "A key is missing or not known.",
    403: "The key, or the site that asks, does not open this.",
    404: "There is no such model or version.",
    406: "No form that is accepted is written there.",
    408: "The body did not arrive in time.",
    409: "What is asked for contradicts what is there.",
    413: "The body is too large.",
    415: "The body is of a type that is not read here.",
    421: "The server does not answer for that host.",
    422: "A row breaks the model's signature; the problem names row and field.",
    429: "The key asks too often.",
    503: "No prediction can be made or recorded now.",
}
_WITHOUT_BODY = (400, 401, 403, 404, 421, 429, 503)
_OPEN = (400, 404, 421, 503)


def document(mounted: Iterable[Mounted], models: Sequence[Served], *, needs_keys: bool) -> dict[str, Any]:
    """Return the document: every route, and those of our own protocol typed for each model.

    `models` are those of which the caller may hear.
    """
    paths: dict[str, dict[str, Any]] = {}
    for each in mounted:
        if each.route.path.startswith(_TYPED):  # told below for each model
            continue
        paths.setdefault(each.route.path, {})[each.route.method.lower()] = _operation(each)
    for model in models:
        if model.is_default:
            paths[f"/models/{model.name}/predict"] = {"post": _typed(model, f"Ask {model.name}")}
        path = f"/models/{model.name}/versions/{model.version}/predict"
        paths[path] = {"post": _typed(model, f"Ask {model.name}@{model.version}")}
    first = next((model for model in models if model.is_default), None)
    if first is not None and "/predict" in paths:
        paths["/predict"]["post"] = _typed(first, "Ask the model that answers by default")
    security = {"bearer": {"type": "http", "scheme": "bearer"}}
    security["header"] = {"type": "apiKey", "in": "header", "name": "x-api-key"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kervan",
            "version": version("kervan"),
            "summary": f"Predictions of {', '.join(f'{each.name}@{each.version}' for each in models)}",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM_SCHEMA, **{_row_name(each): _row(each) for each in models}},
            **({"securitySchemes": security} if needs_keys else {}),
        },
        **({"security": [{"bearer": []}, {"header": []}]} if needs_keys else {}),
    }


_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "request"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong"},
        "hint": {"type": "string", "description": "what to do"},
        "row": {"type": "integer", "description": "which row is to blame, from 0"},
        "field": {"type": "string", "description": "which column of it, or empty for the whole row"},
        "request": {"type": "string", "description": "the id of the request"},
    },
}


_NUMBER = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_MOMENT = (
    r"^(19[89]|20[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
_FEEDBACK = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": r"^[0-9A-HJKMNP-TV-Z]{26}(\.[0-9]{1,6})?$"},
        "entity": {
            "anyOf": [{"type": "string", "maxLength": LONGEST_ENTITY}, {"type": "boolean"}, _NUMBER],
            "description": "the newest prediction about it that was made by then is meant",
        },
        "time": {
            "anyOf": [{"type": "string", "pattern": _MOMENT}, {**_NUMBER, "minimum": 0, "maximum": LAST}]
        },
        "label": {
            "anyOf": [{"type": "string", "maxLength": LONGEST_LABEL}, {"type": "boolean"}, _NUMBER],
            "description": "what was true",
        },
        "reward": {**_NUMBER, "description": "how good the answer turned out to be"},
    },
    "anyOf": [{"required": ["label"]}, {"required": ["reward"]}],
    "oneOf": [
        {"required": ["id"], "properties": {"entity": False, "time": False}},
        {"required": ["entity", "time"], "properties": {"id": False}},
    ],
}


def _operation(mounted: Mounted) -> dict[str, Any]:
    """Describe a route whose body only its protocol knows."""
    route = mounted.route
    names = _PARAMETER.findall(route.path)
    operation: dict[str, Any] = {
        "tags": [mounted.protocol],
        "summary": _summary(mounted),
        "responses": _responses(route.scope, has_body=route.method != "GET"),
    }
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if route.method != "GET" and route.action is Action.PREDICT:
        kinds = [kind for kind in route.takes if kind]
        operation["requestBody"] = {"required": True, "content": {kind: {} for kind in kinds or [JSON]}}
    if route.action is Action.FEEDBACK:
        body = {
            "anyOf": [_FEEDBACK, {"type": "array", "items": _FEEDBACK, "minItems": 1, "maxItems": 100_000}]
        }
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
        operation["responses"]["202"] = operation["responses"].pop("200")
    if route.scope is Scope.OPEN:
        operation["security"] = []
    return operation


def _summary(mounted: Mounted) -> str:
    said = {
        Action.PREDICT: "Ask for predictions",
        Action.LOAD: "Load a model",
        Action.ADD: "Load a model that is not there",
        Action.UNLOAD: "Unload a model",
        Action.FEEDBACK: "Tell what was true of predictions",
    }
    told = said.get(mounted.route.action, "Tell what is there")
    return f"{told} ({mounted.protocol})"


def _responses(scope: Scope, *, has_body: bool, content: dict[str, Any] | None = None) -> dict[str, Any]:
    statuses = tuple(_PROBLEMS) if has_body else _OPEN if scope is Scope.OPEN else _WITHOUT_BODY
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[str, Any] = {"200": {"description": "The answer."}}
    if content is not None:
        found["200"]["content"] = content
    return found | {
        str(status): {"description": _PROBLEMS[status], "content": problem} for status in statuses
    }


def _typed(model: Served, summary: str) -> dict[str, Any]:
    """Describe our own protocol for one model."""
    row = {"$ref": f"#/components/schemas/{_row_name(model)}"}
    values = {
        "type": "array",
        "description": "the values of a row in the model's order",
        "prefixItems": _values(model.signature),
        "minItems": len(model.signature.inputs),
        "maxItems": len(model.signature.inputs),
    }
    many = [{"type": "array", "items": each, "minItems": 1, "maxItems": 100_000} for each in (row, values)]
    envelope = {
        "type": "object",
        "required": ["features"],
        "additionalProperties": False,
        "properties": {
            "features": {"anyOf": [row, values, *many]},
            "id": {**_ID, "description": "the caller's own"},
            "model_version": {"const": model.version, "description": "another one has other columns"},
        },
    }
    examples = {
        f"row {place}": {"value": {"features": dict(sample)}}
        for place, sample in enumerate(model.samples[:3])
    }
    body: dict[str, Any] = {"schema": envelope}
    if examples:
        body["examples"] = examples
    answer = {"application/json": {"schema": _answer(model)}}
    return {
        "tags": ["predict"],
        "summary": summary,
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": _responses(Scope.PREDICT, has_body=True, content=answer),
    }


def _row_name(model: Served) -> str:
    """Return a name that references can hold, for models with any letters."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in model.name)
    return f"{plain}-{model.version}"


def _row(model: Served) -> dict[str, Any]:
    columns = tuple(model.signature.inputs)
    return {
        "type": "object",
        "title": f"A row for {model.name}@{model.version}",
        "required": [column.name for column in columns if not column.nullable],
        "properties": dict(zip(model.signature.inputs.names, _values(model.signature), strict=True)),
    }


def _values(signature: Signature) -> list[dict[str, Any]]:
    return [_value(column, signature.reading.written.get(column.name)) for column in signature.inputs]


def _value(column: Column, written: Written | None) -> dict[str, Any]:
    schema = dict(_KINDS[column.type])
    if column.type in {Type.INTEGER, Type.NUMBER}:
        schema["minimum"] = -LARGEST if column.minimum is None else column.minimum
        schema["maximum"] = LARGEST if column.maximum is None else column.maximum
    if column.type is Type.CATEGORY:
        schema |= _categories(column)
    told = [f"in {column.unit}"] if column.unit else []
    if written is not None:
        told.append(f"may be a text too, written like {written.example!r}")
    if told:
        schema["description"] = "; ".join(told)
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _categories(column: Column) -> dict[str, Any]:
    if column.unseen is Unseen.REFUSE:
        return {"enum": list(column.allowed)}
    some = list(column.allowed[:20])
    return (
        {"examples": some, "description": "one that training did not see counts as missing"} if some else {}
    )


def _answer(model: Served) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "model", "predictions"],
        "properties": {
            "id": {"type": "string", "description": "what `kervan trace` takes"},
            "model": {"const": f"{model.name}@{model.version}"},
            "predictions": {"type": "array", "items": _prediction(model.signature)},
        },
    }


def _prediction(signature: Signature) -> dict[str, Any]:
    if not signature.is_classification:
        return {"type": "object", "required": ["value"], "properties": {"value": {"type": "number"}}}
    classes = list(signature.output.allowed)
    return {
        "type": "object",
        "required": ["label", "probabilities"],
        "properties": {
            "label": {"enum": classes},
            "probabilities": {
                "type": "object",
                "required": classes,
                "properties": {name: {"type": "number"} for name in classes},
            },
        },
    }


def operations(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of every operation of a document."""
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation
