"""Tensors as bytes: numbers in little-endian order, texts after their length in four bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidInput, RefusedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBERS = {
    "BOOL": "?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_LENGTH = struct.Struct("<I")


def read_raw(content: bytes, datatype: str, name: str) -> list[Any]:
    """Return the values of the tensor `name`, or raise `InvalidInput` for bytes that do not add up.

    >>> read_raw(b"\\x01\\x00\\x00\\x00a\\x00\\x00\\x00\\x00", "BYTES", "x")
    ['a', '']
    """
    if datatype == "BYTES":
        return texts(_pieces(content, name), name)
    kind = np.dtype(_NUMBERS.get(datatype, "<f8"))
    if len(content) % kind.itemsize:
        raise InvalidInput(
            f"the tensor {name!r} has {len(content)} bytes, {datatype} takes {kind.itemsize} for each value"
        )
    values: list[Any] = np.frombuffer(content, kind).tolist()
    return values


def write_raw(values: Sequence[Any], datatype: str) -> bytes:
    """Return the bytes of a tensor.

    >>> write_raw(["a"], "BYTES")
    b'\\x01\\x00\\x00\\x00a'
    """
    if datatype == "BYTES":
        pieces = [value.encode() for value in values]
        return b"".join(part for piece in pieces for part in (_LENGTH.pack(len(piece)), piece))
    return np.array(values, _NUMBERS[datatype]).tobytes()


def texts(pieces: Iterable[bytes], name: str) -> list[str]:
    """Read texts, or raise `RefusedRow` that names the first which is not in UTF-8."""
    found = []
    for row, piece in enumerate(pieces):
        try:
            found.append(piece.decode())
        except UnicodeDecodeError as error:
            raise RefusedRow(
                f"row {row}, {name!r}: the text is not in UTF-8", row=row, field=name, hint="send UTF-8"
            ) from error
    return found


def _pieces(content: bytes, name: str) -> Iterable[bytes]:
    place = 0
    while place < len(content):
        start = place + _LENGTH.size
        length = _LENGTH.unpack_from(content, place)[0] if start <= len(content) else 0
        place = start + length
        if place > len(content):
            raise InvalidInput(
                f"the bytes of the tensor {name!r} end within a text",
                hint="write each text after its length in four bytes, little-endian",
            )
        yield content[start:place]
