"""Tensors read without dictionaries, where there is nothing to decide; see `kervan.serve.typed`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import InvalidInput
from kervan.core.ports import Answer, Request
from kervan.core.schema import Column, Signature, Type
from kervan.serve.protocols.tensors import Tensor, unpack
from kervan.serve.typed import Scored, TypedReader, codes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

_WHOLE = {"INT64": "int64_contents", "INT32": "int_contents"}
_MEMBERS: dict[Type, dict[str, str]] = {
    Type.INTEGER: _WHOLE,
    Type.NUMBER: {"FP64": "fp64_contents", "FP32": "fp32_contents", **_WHOLE},
    Type.BOOLEAN: {"BOOL": "bool_contents"},
    Type.CATEGORY: {"BYTES": "bytes_contents"},
}
_encode = msgspec.json.Encoder().encode


class TensorReader:
    """Reads messages that have one tensor for each column, with usual values, and writes their answers.

    `encode` writes an answer as the protocol does. Whom rows are about is known where `entity` is an input.
    """

    def __init__(self, signature: Signature, encode: Callable[[Answer], bytes], entity: str = "") -> None:
        columns = tuple(signature.inputs)
        self._typed = TypedReader(signature)
        self._encode = encode
        self._names = signature.inputs.names
        self._places = {column.name: place for place, column in enumerate(columns)}
        self._entity = self._places.get(entity)
        self._members = [_MEMBERS.get(column.type, {}) for column in columns]
        self._codes = [_texts_of(column) if column.type is Type.CATEGORY else None for column in columns]

    def read(self, message: Any) -> tuple[list[list[Any]], bytes, bytes] | None:
        """Return the rows, with codes for categories, their JSON, and that of whom they are about.

        None where one is not usual.
        """
        inputs = message.inputs
        raw = message.raw_input_contents
        if len(inputs) != len(self._names) or (raw and len(raw) != len(inputs)) or message.outputs:
            return None
        columns: list[Any] = [None] * len(inputs)
        said: list[Any] = [None] * len(inputs)
        for number, tensor in enumerate(inputs):
            place = self._places.get(tensor.name)
            values = None if place is None else self._values(tensor, place, raw[number] if raw else None)
            if place is None or values is None or columns[place] is not None:
                return None
            said[place] = columns[place] = values
            codes = self._codes[place]
            if codes is not None:
                columns[place] = [codes.get(value) for value in values]
                if None in columns[place]:
                    return None
        rows = len(columns[0])
        if not rows or any(len(values) != rows for values in columns):
            return None
        sent = [dict(zip(self._names, row, strict=True)) for row in zip(*said, strict=True)]
        return [list(row) for row in zip(*columns, strict=True)], _encode(sent), self._about(said, rows)

    def _about(self, said: Sequence[Any], rows: int) -> bytes:
        if self._entity is None:
            return b""
        values = list(said[self._entity])
        return _encode(values[0] if rows == 1 else values)

    def usual(self, matrix: Matrix) -> NDArray[np.bool_]:
        """Say of each row whether its numbers are there, lie within their limits and mean what they say."""
        found: NDArray[np.bool_] = self._typed.usual(matrix) & ~np.isnan(matrix).any(axis=1)
        return found

    def write(self, scored: Scored) -> list[bytes]:
        """Write the answers."""
        found, place = [], 0
        name, version = scored.model
        for ident, message, count in zip(scored.ids, scored.bodies, scored.counts, strict=True):
            request = Request(rows=(), id=message.id, form=bool(message.raw_input_contents))
            values = scored.values[place : place + count]
            place += count
            answer = Answer(id=ident, request=request, model=name, version=version, values=values)
            found.append(self._encode(answer))
        return found

    def _values(self, tensor: Any, place: int, raw: bytes | None) -> Sequence[Any] | None:
        member = self._members[place].get(tensor.datatype)
        shape = tensor.shape
        if member is None or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
            return None
        if raw is None:
            values = getattr(tensor.contents, member)
            if member == "bytes_contents":
                try:
                    values = [value.decode() for value in values]
                except UnicodeDecodeError:
                    return None
        else:
            try:
                sent = Tensor(name=tensor.name, shape=list(shape), datatype=tensor.datatype)
                values = unpack(sent, raw)
            except InvalidInput:
                return None
        return values if len(values) == shape[0] else None


def _texts_of(column: Column) -> dict[str, float]:
    return {text: code for text, code in codes_of(column).items() if text is not None}
