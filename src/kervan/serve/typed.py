"""Rows read without dictionaries: decoders made once from a signature take the usual body in one pass.

They read what needs no decision: every column is there once, of its type, and a category is one that the
model knows. Anything else is left to `RowDecoder`, which decides by the rules and says what is wrong; both
give the same numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from kervan.core.keeping import LONGEST_ENTITY
from kervan.core.schema import Column, Signature, Type
from kervan.package.encoding import LARGEST, NUMBER, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

# One row or rows, as objects or as lists; bare, or alone under "features".
_START = re.compile(rb'[ \t\r\n]*(\{[ \t\r\n]*"features"[ \t\r\n]*:[ \t\r\n]*)?(\[[ \t\r\n]*)?(.)', re.DOTALL)
_ESCAPED = re.compile(r'["\\\x00-\x1f]')  # what JSON writes otherwise, in no name of a decoder's field
_KINDS: dict[Type, Any] = {Type.INTEGER: int, Type.NUMBER: float, Type.BOOLEAN: bool, Type.CATEGORY: str}
_encode = msgspec.json.Encoder().encode
_Rows = list[list[Any]]
_ENTITY = ("entity", Annotated[str, msgspec.Meta(max_length=LONGEST_ENTITY)] | int | None | msgspec.UnsetType)


@dataclass(frozen=True, slots=True)
class Scored:
    """What one version, `model`, has scored together: of each request its id, JSON and number of rows."""

    model: tuple[str, str]
    bodies: Sequence[Any]
    ids: Sequence[str]
    outputs: Sequence[bytes]
    counts: Sequence[int]
    values: NDArray[np.float64]


class TypedReader:
    """Reads bodies of `POST /predict` for one signature, and whom rows are about from a column `entity`.

    >>> from kervan.core.schema import Schema
    >>> columns = (Column(name="age", type=Type.INTEGER), Column(name="0", type=Type.NUMBER))
    >>> reader = TypedReader(Signature(inputs=Schema(columns), output=Column(name="y", type=Type.NUMBER)))
    >>> reader.read(b'{"features": {"0": 1.5, "age": 39}}')
    ([[39, 1.5]], b'[{"0": 1.5, "age": 39}]', b'')
    >>> reader.read(b'{"age": 39}') is None
    True
    """

    def __init__(self, signature: Signature, entity: str = "") -> None:
        columns = tuple(signature.inputs)
        self._usable = bool(columns) and all(column.type in _KINDS for column in columns)
        self._usable &= not any(map(_ESCAPED.search, (entity, *signature.inputs.names)))
        if not self._usable:
            return
        self._width = len(columns)
        kinds = [_KINDS[column.type] | None if column.nullable else _KINDS[column.type] for column in columns]
        names = {f"c{place}": column.name for place, column in enumerate(columns)}
        fields: list[Any] = list(zip(names, kinds, strict=True))
        self._entity = ""  # the field that says whom a row is about
        self._is_beside = bool(entity) and entity not in signature.inputs
        if self._is_beside:
            fields.append((*_ENTITY, msgspec.UNSET))
            names[_ENTITY[0]] = entity
        if entity:
            self._entity = next(field for field, name in names.items() if name == entity)
        row = msgspec.defstruct("Row", fields, rename=names, gc=False)
        self._row = row
        values = GenericAlias(tuple, tuple(kinds))
        self._decoders = {
            (is_under, many, is_object): _decoder(kind, many=many, is_under=is_under)
            for is_under in (False, True)
            for many in (False, True)
            for is_object, kind in ((True, row), (False, values))
        }
        self._codes = [
            (place, codes_of(column)) for place, column in enumerate(columns) if column.type is Type.CATEGORY
        ]
        self._least = np.array([_limit(column, column.minimum, -LARGEST) for column in columns], dtype=NUMBER)
        self._most = np.array([_limit(column, column.maximum, LARGEST) for column in columns], dtype=NUMBER)
        self._absent = tuple(signature.reading.numbers)
        self._numeric = [place for place, column in enumerate(columns) if column.type in _NUMERIC]

    def read(self, body: bytes) -> tuple[_Rows, bytes, bytes] | None:
        """Return the rows, with codes for categories, their JSON (a list of objects), whom they are about.

        That is JSON too: one value, or a list where there are many rows; empty where nobody said it. None
        for a body that is not usual. Whether the numbers may be, `usual` tells.
        """
        start = _START.match(body) if self._usable else None
        if start is None:
            return None
        is_under, many, first = start[1] is not None, start[2] is not None, start[3]
        is_object = first == b"{"
        if many and not is_object and first != b"[":
            many = False  # one row as a list
        elif not many and not is_object:
            return None
        try:
            found = self._decoders[is_under, many, is_object](body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None
        rows = found if many else [found]
        # As many colons as keys that have to be there: no key came twice, and there is no other.
        keys = (self._width * len(rows) if is_object else 0) + is_under
        about, beside = self._about(rows, is_object=is_object) if self._entity else (None, 0)
        keys += beside
        if body.count(b":") != keys or not rows:
            return None
        encoded = self._encoded(rows, is_object=is_object)
        if encoded is None:
            return None
        sent = _encode(rows) if beside else self._sent(body, start, rows)
        return encoded, sent, b"" if about is None else _encode(about)

    def _about(self, rows: Sequence[Any], *, is_object: bool) -> tuple[Any, int]:
        """Return whom rows are about, and how many of them say it beside what the model takes.

        It is taken away from them there.
        """
        if not is_object:
            if self._is_beside:
                return None, 0
            place = int(self._entity.removeprefix("c"))
            found = [row[place] for row in rows]
        else:
            found = [getattr(row, self._entity) for row in rows]
        said = len(found)
        if self._is_beside:
            said -= found.count(msgspec.UNSET)
            for row in rows:
                row.entity = msgspec.UNSET
            found = [None if value is msgspec.UNSET else value for value in found]
        about = None if found.count(None) == len(found) else found[0] if len(found) == 1 else found
        return about, said if self._is_beside else 0

    def usual(self, matrix: Matrix) -> NDArray[np.bool_]:
        """Say of each row whether its numbers lie within their limits and mean what they say."""
        fits: Any = (matrix >= self._least) & (matrix <= self._most) | np.isnan(matrix)
        for number in self._absent:
            fits[:, self._numeric] &= matrix[:, self._numeric] != number
        found: NDArray[np.bool_] = fits.all(axis=1)
        return found

    def write(self, scored: Scored) -> list[bytes]:
        """Write the answers."""
        model = _encode("@".join(scored.model))
        return [
            b'{"id":"%b","model":%b,"predictions":%b}' % (ident.encode(), model, outputs)
            for ident, outputs in zip(scored.ids, scored.outputs, strict=True)
        ]

    def _encoded(self, rows: Sequence[Any], *, is_object: bool) -> _Rows | None:
        encoded = [list(msgspec.structs.astuple(row) if is_object else row) for row in rows]
        if self._is_beside and is_object:
            for row in encoded:
                del row[self._width :]
        for place, codes in self._codes:
            for row in encoded:
                code = codes.get(row[place])
                if code is None:
                    return None
                row[place] = code
        return encoded

    def _sent(self, body: bytes, start: re.Match[bytes], rows: Sequence[Any]) -> bytes:
        """Return the rows as they were sent, if they were sent as objects, on one line."""
        if start[3] != b"{" or b"\n" in body or b"\r" in body:
            return _encode([row if start[3] == b"{" else self._row(*row) for row in rows])
        sent = body[start.end(1) : body.rindex(b"}")] if start[1] else body
        return sent if start[2] else b"[%b]" % sent


_NUMERIC = (Type.INTEGER, Type.NUMBER)


def _decoder(kind: Any, *, many: bool, is_under: bool) -> Callable[[bytes], Any]:
    """Return a function that reads one or many of a kind, bare or alone under "features"."""
    kind = list[kind] if many else kind
    if not is_under:
        return msgspec.json.Decoder(kind).decode
    envelope = msgspec.defstruct("Envelope", [("features", kind)], forbid_unknown_fields=True, gc=False)
    decode = msgspec.json.Decoder(envelope).decode
    return lambda body: decode(body).features  # type: ignore[attr-defined]


def codes_of(column: Column) -> dict[str | None, float]:
    """Return the number of each category that a model knows, and of a missing one where there may be one."""
    codes: dict[str | None, float] = {category: float(place) for place, category in enumerate(column.allowed)}
    if column.nullable:
        codes[None] = UNKNOWN
    return codes


def _limit(column: Column, limit: float | None, widest: float) -> float:
    if column.type not in _NUMERIC or limit is None:
        return widest
    return max(limit, widest) if widest < 0 else min(limit, widest)
