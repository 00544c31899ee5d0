"""Seldon Core's first protocol: rows under `data`, as `ndarray` (lists) or `tensor` (flat, with a shape).

`data.names` says which columns these are; without it they are in the model's order. The answer comes in the
same form: of a classification the probabilities, named after the classes, of a regression the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.ports import JSON, Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.serve.body import read_json
from kervan.serve.protocols.rows import check_amount, from_table, own_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

_NDARRAY, _TENSOR = "ndarray", "tensor"


class _Tensor(msgspec.Struct, frozen=True):
    shape: list[int]
    values: list[Any]


class SeldonProtocol:
    """`SeldonMessage`, as JSON. Nothing of it tells about models."""

    complaint = ""
    routes = tuple(
        Route(path=f"/api/{number}/predictions", action=Action.PREDICT, scope=Scope.PREDICT, takes=(JSON, ""))
        for number in ("v1.0", "v0.1")
    )

    def decode(self, call: Call, choose: Choose) -> Request:
        """Read the rows; `meta.puid` is the caller's own id."""
        content = read_json(call.body, tokens=True)
        data = content.get("data") if isinstance(content, dict) else None
        if not isinstance(data, dict):
            raise InvalidInput("the body has no 'data'", hint='send {"data": {"ndarray": [[...]]}}')
        forms = [form for form in (_NDARRAY, _TENSOR) if form in data]
        if len(forms) != 1:
            raise InvalidInput("'data' needs either 'ndarray' or 'tensor'", hint="send one of them")
        names = data.get("names") or []
        if not isinstance(names, list):
            raise InvalidInput("'data.names' is no list", hint="send the columns' names")
        meta = content.get("meta") or {}
        if not isinstance(meta, dict):
            raise InvalidInput("'meta' is no object", hint="leave it out")
        values = data[forms[0]]
        rows = values if forms[0] == _NDARRAY else _rows(values)
        return Request(
            rows=from_table(names, rows, choose()),
            id=own_id(meta.get("puid", ""), "meta.puid"),
            form=forms[0],
        )

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        """Write the figures in the form of the request; `meta.tags.prediction` names the record."""
        names = signature.output.allowed if signature.is_classification else ("value",)
        if answer.request.form == _TENSOR:
            figures: Any = {"shape": list(answer.values.shape), "values": answer.values.ravel().tolist()}
        else:
            figures = answer.values.tolist()
        content = {
            "data": {"names": names, answer.request.form or _NDARRAY: figures},
            "meta": {
                "puid": answer.request.id or answer.id,
                "tags": {"prediction": answer.id},
                "requestPath": {answer.model: f"{answer.model}@{answer.version}"},
            },
        }
        return Reply(body=msgspec.json.encode(content))

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        """Nothing is told here."""
        raise NotImplementedError


def _rows(tensor: Any) -> list[list[Any]]:
    """Return the rows of a flat tensor, or raise `InvalidInput` where shape and values do not agree."""
    try:
        found = msgspec.convert(tensor, _Tensor)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"no tensor: {error}", hint="send its 'shape' and its 'values'") from error
    if len(found.shape) != 2 or min(found.shape) < 0:
        raise InvalidInput(f"'tensor.shape' is {found.shape[:8]}", hint="send [rows, columns]")
    rows, width = found.shape
    check_amount(rows)
    if len(found.values) != rows * width:
        raise RefusedRow(
            f"the tensor holds {len(found.values)} values, its shape is {found.shape}",
            row=len(found.values) // width if width else 0,
            hint="shape and values must agree",
        )
    return [found.values[place * width : (place + 1) * width] for place in range(rows)]
