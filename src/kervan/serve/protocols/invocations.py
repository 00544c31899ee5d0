"""`POST /invocations`, `GET /ping`: what MLflow's scoring server and SageMaker's containers have in common.

Both ask at the same paths, so one adapter reads what either writes, and tells it by content type and form:

- JSON: one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, or rows without any of these
- `application/jsonlines`: a row on each line
- `text/csv`: with the columns' names in front, as MLflow sends it, or without, as SageMaker does

The prediction of a classification is its label, as MLflow's scikit-learn models answer, of a regression the
value. `Accept` chooses JSON, JSON lines or CSV. A container of several models also loads and unloads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput
from kervan.core.ports import JSON, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.package.answers import chosen
from kervan.serve.answer import prediction_header
from kervan.serve.body import read_json
from kervan.serve.problem import HttpProblem
from kervan.serve.protocols.lines import read_csv, read_json_lines, write_csv
from kervan.serve.protocols.models import check_ready
from kervan.serve.protocols.rows import from_columns, from_table, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Signature

    _Rows = Sequence[Mapping[str, Any]]

CSV = "text/csv"
LINES = "application/jsonlines"
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_PRINTED = re.compile(r"[\x20-\x7e]{0,1024}")
_PREDICT: dict[str, Any] = {
    "action": Action.PREDICT,
    "scope": Scope.PREDICT,
    "takes": (JSON, CSV, LINES, "application/x-jsonlines", ""),
}
_TELL: dict[str, Any] = {"action": Action.INFORM, "scope": Scope.OPEN, "method": "GET"}
_CONTROL: dict[str, Any] = {"scope": Scope.CONTROL, "takes": (JSON, "")}


class InvocationsProtocol:
    """The contracts of MLflow's scoring server and of SageMaker's containers."""

    complaint = "message"
    routes = (
        Route(path="/invocations", **_PREDICT),
        Route(path="/models/{name}/invoke", **_PREDICT),
        Route(path="/ping", call="ping", **_TELL),
        Route(path="/health", call="ping", **_TELL),
        Route(path="/version", call="version", **_TELL),
        Route(path="/models", action=Action.ADD, call="add", **_CONTROL),
        Route(path="/models/{name}", action=Action.UNLOAD, method="DELETE", call="unload", **_CONTROL),
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the rows, whatever form they have; to load or unload there are none."""
        if call.route.action is Action.ADD:
            choose(*_model_to_add(call.body))
            return Request(rows=())
        signature = choose(call.parameters.get("name", ""))
        if call.route.action is Action.UNLOAD:
            return Request(rows=())
        _attributes(call)
        form = _accepted(call.headers.get("accept", ""))
        kind, _, parameters = call.headers.get("content-type", "").partition(";")
        match kind.strip().lower():
            case "text/csv":
                rows: _Rows = read_csv(call.body, signature, _header_of(parameters))
            case "application/jsonlines" | "application/x-jsonlines":
                rows = read_json_lines(call.body, signature)
            case _:
                rows = _rows(read_json(call.body, tokens=True), signature)
        return Request(rows=rows, form=form)

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write labels or values in the form that was asked for."""
        if signature.is_classification:
            classes = signature.output.allowed
            found: list[Any] = [classes[place] for place in chosen(answer.values, signature.naming).tolist()]
        else:
            found = answer.values[:, 0].tolist()
        headers = {**prediction_header(answer), **_attributes(call)}
        match answer.request.form:
            case "text/csv":
                return Reply(body=write_csv(found), kind=f"{CSV}; charset=utf-8", headers=headers)
            case "application/jsonlines":
                body = b"".join(msgspec.json.encode(each) + b"\n" for each in found)
                return Reply(body=body, kind=LINES, headers=headers)
        return Reply(body=msgspec.json.encode({"predictions": found}), headers=headers)

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Say that predictions can be made, which version this is, or what was loaded or unloaded."""
        match call.route.call:
            case "ping":
                check_ready(models)
                return Reply(body=b"\n")
            case "version":
                return Reply(body=version("kervan").encode(), kind="text/plain; charset=utf-8")
            case "add":
                name = _model_to_add(call.body)[0]
            case _:
                name = call.parameters["name"]
        return Reply(body=msgspec.json.encode({"modelName": name}))


def _model_to_add(body: bytes) -> tuple[str, str]:
    """Return name and version of the model that is to be loaded, `income` or `income@1.2.0`.

    Its `url` is not looked at: a server loads packages of its own folder, where SageMaker puts them too.
    """
    content = read_json(body)
    name = content.get("model_name") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name:
        raise InvalidInput("the body has no 'model_name'", hint='send {"model_name": "income"}')
    model, _, number = name.partition("@")
    return model, number


def _header_of(parameters: str) -> str:
    """Return what a content type says of the first line of its CSV."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "header":
            return value.strip().strip('"').lower()
    return ""


def _attributes(call: Call) -> dict[str, str]:
    """Return the header that SageMaker wants back, as it came."""
    text = call.headers.get(_ATTRIBUTES)
    if text is None:
        return {}
    if not _PRINTED.fullmatch(text):
        raise InvalidInput(f"{_ATTRIBUTES} is too long, or not in ASCII", hint="send at most 1024 letters")
    return {_ATTRIBUTES: text}


def _accepted(accept: str) -> str:
    """Return the form of the answer: of those that are acceptable the one that is preferred most."""
    best, most = "", 0.0
    for part in (accept or "*/*").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters)
        form = _FORMS_OF_ANSWERS.get(kind, "")
        if form and weight > most:
            best, most = form, weight
    if not best:
        raise HttpProblem(
            406, f"none of {accept[:80]!r} is written here", hint=f"accept {JSON}, {LINES} or {CSV}"
        )
    return best


_FORMS_OF_ANSWERS = {
    "*/*": JSON,
    "application/*": JSON,
    JSON: JSON,
    LINES: LINES,
    "application/x-jsonlines": LINES,
    CSV: CSV,
    "text/*": CSV,
}


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            return float(parameter[2:]) if re.fullmatch(r"q=[01](\.\d{0,3})?", parameter, re.ASCII) else 0.0
    return 1.0


def _rows(content: Any, signature: Signature) -> _Rows:
    if isinstance(content, list):
        return rows_of(content, signature)
    if not isinstance(content, dict):
        raise InvalidInput("the body is neither an object nor a list", hint='send {"instances": [...]}')
    # A column may have any of these names, but no column holds an object or a list.
    found = [key for key in FORMS if isinstance(content.get(key), dict | list)]
    if len(found) > 1:
        raise InvalidInput(f"the body has {' and '.join(found)}", hint="send exactly one of them")
    if not found:
        return rows_of([content], signature)
    if not isinstance(content.get("params", {}), dict | None):
        raise InvalidInput("'params' is no object", hint="leave it out: models take no parameters")
    return FORMS[found[0]](content[found[0]], signature)


def _split(content: Any, signature: Signature) -> _Rows:
    if not isinstance(content, dict):
        raise InvalidInput("'dataframe_split' is no object", hint="send its 'columns' and 'data'")
    names = content.get("columns") or []
    if not isinstance(names, list):
        raise InvalidInput("'columns' is no list", hint="send the columns' names")
    return from_table(names, content.get("data"), signature)


def _inputs(content: Any, signature: Signature) -> _Rows:
    """Read columns, or one row whose columns are single values, or rows."""
    if not isinstance(content, dict):
        return rows_of(content, signature)
    if any(isinstance(values, list) for values in content.values()):
        return from_columns(content)
    return [content]


FORMS: dict[str, Callable[[Any, Signature], _Rows]] = {
    "dataframe_split": _split,
    "dataframe_records": rows_of,
    "instances": rows_of,
    "inputs": _inputs,
}
