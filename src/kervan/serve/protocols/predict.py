"""`POST /predict`: rows as people write them, predictions with their labels.

A request is one row or a list of rows, bare or under `features`; a row is an object, or a list of values
in the model's order. So all of these ask the same:

    {"features": {"age": 39, "city": "İzmir"}}      {"age": 39, "city": "İzmir"}
    {"features": [{"age": 39, "city": "İzmir"}]}    [{"age": 39, "city": "İzmir"}]
    {"features": [39, "İzmir"]}                     [[39, "İzmir"]]

A column may itself be called `features`: a column holds no object and no list, so `features` with one of
these is never a row. The answer always has a list of predictions, one for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, RefusedRow, did_you_mean
from kervan.core.ports import Answer, Request
from kervan.serve.answer import name_values
from kervan.serve.body import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

_ENVELOPE = ("features", "id")


class PredictProtocol:
    """Kervan's own protocol."""

    def decode(self, body: bytes, signature: Signature) -> Request:
        """Read the rows; `id` beside `features` is the caller's own."""
        content = read_json(body)
        if isinstance(content, dict) and isinstance(content.get("features"), dict | list):
            return Request(rows=_rows(content["features"], signature), id=_envelope_id(content))
        return Request(rows=_rows(content, signature))

    def encode(self, answer: Answer, signature: Signature) -> bytes:
        """Write the predictions in the order of the rows."""
        content = {
            "id": answer.id,
            "model": f"{answer.model}@{answer.version}",
            "predictions": name_values(answer.values, signature),
        }
        return msgspec.json.encode(content)


def _envelope_id(content: dict[str, Any]) -> str:
    for key in content:
        if key not in _ENVELOPE:
            raise InvalidInput(f"{key!r} has no meaning beside 'features'", hint=did_you_mean(key, _ENVELOPE))
    ident = content.get("id", "")
    if not isinstance(ident, str) or len(ident) > 128:
        raise InvalidInput("'id' must be a text of at most 128 letters")
    return ident


def _rows(content: Any, signature: Signature) -> Sequence[dict[str, Any]]:
    if isinstance(content, dict):
        return [content]
    if not isinstance(content, list):
        raise InvalidInput("the body is neither a row nor a list of rows", hint='send {"features": {...}}')
    if content and not isinstance(content[0], dict | list):
        content = [content]
    names = signature.inputs.names
    return [
        dict(zip(names, _whole(row, place, names), strict=True)) if isinstance(row, list) else row
        for place, row in enumerate(content)
    ]


def _whole(row: list[Any], place: int, names: tuple[str, ...]) -> list[Any]:
    if len(row) != len(names):
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise RefusedRow(
            f"row {place} has {len(row)} values, the model takes {len(names)}",
            row=place,
            hint=f"send them in this order, null where one is missing: {shown}",
        )
    return row
