"""Tensors of Open Inference Protocol v2: what their JSON and their bytes hold, as columns of a table.

The bytes of a tensor follow the JSON: little-endian, row-major, one byte for a BOOL, and for each element
of BYTES four bytes with its length in front.
"""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import InvalidInput, RefusedRow, did_you_mean
from kervan.core.schema import Column, Signature, Type
from kervan.serve.protocols.rows import check_amount, known_as

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES = {
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    "BOOL": "<u1",
}
_WHOLE = frozenset(name for name in _TYPES if "INT" in name)
_NUMBERS = frozenset(_TYPES) - {"BOOL"}
_DATATYPES = frozenset(_TYPES) | {"BYTES"}
_FITTING = {
    Type.INTEGER: _NUMBERS,
    Type.NUMBER: _NUMBERS,
    Type.BOOLEAN: _NUMBERS | {"BOOL"},
}
_LENGTH = 4  # bytes that say how long an element of BYTES is
NATURAL = {Type.INTEGER: "INT64", Type.NUMBER: "FP64", Type.BOOLEAN: "BOOL"}


class Tensor(msgspec.Struct, frozen=True):
    """One input; other members are allowed and unused."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


def split_body(body: bytes, length: str) -> tuple[bytes, bytes]:
    """Return the JSON of a body and the bytes after it, by what a header says of the JSON's length."""
    if not length:
        return body, b""
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= len(body)):
        raise InvalidInput(
            f"Inference-Header-Content-Length is {length[:40]!r}, the body has {len(body)} bytes",
            hint="it is the number of bytes of the JSON in front",
        )
    return body[: int(length)], body[int(length) :]


def with_data(tensors: Sequence[Tensor], binary: bytes) -> list[Tensor]:
    """Give each tensor whose bytes follow the JSON its data, or raise `InvalidInput`."""
    found, place = [], 0
    for tensor in tensors:
        if "shared_memory_region" in tensor.parameters:
            raise InvalidInput(
                f"the tensor {tensor.name!r} lies in shared memory", hint="send its data with the request"
            )
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            if tensor.data is None:
                raise InvalidInput(f"the tensor {tensor.name!r} has no data")
            found.append(tensor)
            continue
        if type(size) is not int or not 0 <= size <= len(binary) - place or tensor.data is not None:
            raise InvalidInput(
                f"the tensor {tensor.name!r} cannot have 'binary_data_size' {str(size)[:40]}",
                hint=f"{len(binary) - place} bytes are left for it, and then it has no 'data'",
            )
        data = unpack(tensor, binary[place : place + size])
        place += size
        found.append(msgspec.structs.replace(tensor, data=data))
    if place != len(binary):
        raise InvalidInput(
            f"{len(binary) - place} bytes behind the JSON belong to no tensor",
            hint="say 'binary_data_size' among the 'parameters' of each",
        )
    return found


def pack(values: Sequence[Any], datatype: str) -> bytes:
    """Return the bytes of an output.

    >>> pack(["a", "ç"], "BYTES"), pack([True], "BOOL")
    (b'\\x01\\x00\\x00\\x00a\\x02\\x00\\x00\\x00\\xc3\\xa7', b'\\x01')
    """
    if datatype != "BYTES":
        return np.array(values, dtype=_TYPES[datatype]).tobytes()
    texts = [value.encode() for value in values]
    return b"".join(len(text).to_bytes(_LENGTH, "little") + text for text in texts)


def columns_of(tensors: Sequence[Tensor], signature: Signature) -> dict[str, list[Any]]:
    """Return the values of each column that was sent, all of the same length."""
    inputs = signature.inputs
    known = {column.name: column for column in inputs}
    tensors = [msgspec.structs.replace(tensor, name=known_as(tensor.name, known)) for tensor in tensors]
    if len(tensors) == 1 and tensors[0].name not in known:
        return _matrix_columns(tensors[0], signature)
    columns: dict[str, list[Any]] = {}
    for tensor in tensors:
        if tensor.name in columns:
            raise InvalidInput(f"the tensor {tensor.name!r} appears twice", hint="send each tensor once")
        rows, width = _shape(tensor)
        if width != 1:
            raise _refused(tensor, f"has shape {tensor.shape}", f"send [{rows}] or [{rows}, 1]")
        values = _flat(tensor)
        columns[tensor.name] = _typed(values, tensor, known[tensor.name]) if tensor.name in known else values
    return columns


def _refused(tensor: Tensor, what: str, hint: str, row: int = 0) -> RefusedRow:
    return RefusedRow(f"the tensor {tensor.name!r} {what}", row=row, field=tensor.name, hint=hint)


def unpack(tensor: Tensor, content: bytes) -> list[Any]:
    """Return the elements that a tensor's bytes hold, as JSON would."""
    _shape(tensor)
    if tensor.datatype == "BYTES":
        return _texts(tensor, content)
    numbers = np.dtype(_TYPES[tensor.datatype])
    count = prod(tensor.shape)
    if len(content) != count * numbers.itemsize:
        raise _refused(
            tensor,
            f"has {len(content)} bytes, its shape is {tensor.shape}",
            f"{count} elements of {tensor.datatype} take {count * numbers.itemsize} bytes",
        )
    found = np.frombuffer(content, dtype=numbers)
    if tensor.datatype != "BOOL":
        return list(found.tolist())
    if (found > 1).any():
        place = int((found > 1).argmax())
        raise _refused(tensor, f"has a BOOL of {found[place]}", "send 0 or 1", place)
    return list(found.astype(np.bool_).tolist())


def _texts(tensor: Tensor, content: bytes) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(content):
        check_amount(len(found))
        end = place + _LENGTH + int.from_bytes(content[place : place + _LENGTH], "little")
        if end > len(content) or place + _LENGTH > len(content):
            raise _refused(
                tensor,
                f"ends within element {len(found)}",
                "four bytes of length stand before each",
                len(found),
            )
        try:
            found.append(content[place + _LENGTH : end].decode())
        except UnicodeDecodeError as error:
            raise _refused(tensor, "is not in UTF-8", "send texts in UTF-8", len(found)) from error
        place = end
    return found


def _matrix_columns(tensor: Tensor, signature: Signature) -> dict[str, list[Any]]:
    names = signature.inputs.names
    rows, width = _shape(tensor)
    others = [column.name for column in signature.inputs if not column.type.is_numeric]
    if others:
        raise InvalidInput(
            f"the tensor {tensor.name!r} is no column, and {others[0]!r} does not fit into a numeric matrix",
            hint="send one tensor for each column, named like it",
        )
    if width != len(names):
        raise _refused(
            tensor,
            f"has {width} columns, the model takes {len(names)}",
            f"send the shape [{rows}, {len(names)}]",
        )
    flat = _flat(tensor)
    return {
        column.name: _typed(flat[place::width], tensor, column)
        for place, column in enumerate(signature.inputs)
    }


def _shape(tensor: Tensor) -> tuple[int, int]:
    """Check datatype and shape before the data are touched; return rows and columns."""
    if tensor.datatype not in _DATATYPES:
        raise _refused(
            tensor,
            f"has the unknown datatype {tensor.datatype!r}",
            did_you_mean(tensor.datatype, _DATATYPES),
        )
    if len(tensor.shape) not in {1, 2} or min(tensor.shape) < 0:
        raise _refused(tensor, f"has shape {tensor.shape[:8]}", "send [rows] or [rows, columns]")
    check_amount(tensor.shape[0])
    return tensor.shape[0], prod(tensor.shape[1:])


def _flat(tensor: Tensor) -> list[Any]:
    """Return the data in row-major order, nested or flat, after checking it against the shape."""
    data = tensor.data or []
    if data and isinstance(data[0], list):
        width = prod(tensor.shape[1:])
        for place, row in enumerate(data):
            if not isinstance(row, list) or len(row) != width:
                raise _refused(tensor, f"is ragged in row {place}", f"its shape is {tensor.shape}", place)
        data = [value for row in data for value in row]
    if len(data) != prod(tensor.shape):
        raise _refused(
            tensor,
            f"holds {len(data)} values, its shape is {tensor.shape}",
            "shape and data must agree",
        )
    return data


def _typed(values: list[Any], tensor: Tensor, column: Column) -> list[Any]:
    """Check that the tensor's datatype fits the column, and give booleans sent as 0 and 1 their type."""
    if tensor.datatype not in _FITTING.get(column.type, {"BYTES"}):
        raise RefusedRow(
            f"the tensor {tensor.name!r} is {tensor.datatype}, {column.name!r} is of type {column.type}",
            field=column.name,
            hint=f"send {NATURAL.get(column.type, 'BYTES')}",
        )
    if tensor.datatype in _WHOLE:
        _check_whole(values, column)
    if column.type is Type.BOOLEAN and tensor.datatype != "BOOL":
        return [bool(value) if value in (0, 1) else value for value in values]
    return values


def _check_whole(values: list[Any], column: Column) -> None:
    for place, value in enumerate(values):
        if isinstance(value, float) and isfinite(value) and not value.is_integer():
            raise RefusedRow(
                f"row {place}, {column.name!r}: {value} in a tensor of whole numbers",
                row=place,
                field=column.name,
                hint="send FP64",
            )
