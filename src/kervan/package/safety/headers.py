"""Headers that announce sizes: numpy arrays, safetensors, ONNX. None is believed."""

from __future__ import annotations

import ast
import json
import math
import struct
from typing import TYPE_CHECKING, Any

from kervan.package.safety.tape import EndedEarly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.package.safety.tape import Tape

_LONGEST_NPY = 1 << 16
_TENSOR_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
}
_TENSOR_BYTES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8}
_DEEPEST = 40

# Fields of ONNX that lead to tensors: of the model, graph, node, attribute, sparse tensor, function.
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _SPARSE, _FUNCTION, _TENSOR, _ENTRY = range(8)
_INNER = {
    _MODEL: {7: _GRAPH, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _TENSOR: {13: _ENTRY},
}


def npy_fault(tape: Tape) -> str:
    """Say what is wrong with a numpy array, or "": objects inside, or sizes that are not there."""
    major = tape.read(8)[6]
    kind = "<H" if major == 1 else "<I"
    (length,) = struct.unpack(kind, tape.read(struct.calcsize(kind)))
    if length > _LONGEST_NPY:
        return f"announces a header of {length} bytes"
    try:
        header = ast.literal_eval(tape.read(length).decode("latin-1").strip())
        descr, shape = header["descr"], header["shape"]
        count = math.prod(shape) if all(type(side) is int and side >= 0 for side in shape) else -1
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return "has a broken header"
    size = _item_size(descr)
    if size is None:
        return "holds an array of objects, which is a pickle"
    if count < 0:
        return "has a broken shape"
    try:
        tape.skip(count * size)
    except (EndedEarly, OverflowError):
        return "announces more items than are there"
    return ""


def _item_size(descr: Any) -> int | None:
    """Return the bytes of one item, or None if it may be an object."""
    import numpy as np

    if "O" in str(descr):
        return None
    try:
        dtype = np.lib.format.descr_to_dtype(descr)
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None
    return None if dtype.hasobject else dtype.itemsize


def safetensors_fault(tape: Tape, longest: int) -> str:
    """Say what is wrong with a safetensors file, or ""."""
    (length,) = struct.unpack("<Q", tape.read(8))
    if length > longest:
        return f"announces a header of {length} bytes"
    try:
        header = json.loads(tape.read(length), object_pairs_hook=_once)
        spans = sorted(_span(name, entry) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, RecursionError, EndedEarly) as error:
        return f"has a header that lies: {str(error)[:100]}"
    end = 0
    for first, last in spans:
        if first != end:
            return "has tensors that overlap or leave gaps"
        end = last
    try:
        tape.skip(end)
    except EndedEarly:
        return "announces tensors that are not there"
    return "has bytes behind its tensors" if tape.some(1) else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _span(name: str, entry: Any) -> tuple[int, int]:
    first, last = entry["data_offsets"]
    if not all(type(side) is int and side >= 0 for side in (first, last, *entry["shape"])):
        raise ValueError(f"the numbers of {name[:60]}")
    if last - first != math.prod(entry["shape"]) * _TENSOR_BYTES[entry["dtype"]]:
        raise ValueError(f"the size of {name[:60]}")
    return first, last


def onnx_fault(tape: Tape, size: int) -> str:
    """Say what is wrong with an ONNX model of `size` bytes, or "": weights elsewhere, broken fields."""
    try:
        for key, value in _entries(tape, _MODEL, size, 0):
            path = value.replace("\\", "/")
            if key == "location" and (path.startswith("/") or ".." in path.split("/") or ":" in path):
                return f"keeps weights outside its folder: {value[:80]!r}"
    except (EndedEarly, ValueError) as error:
        return f"has broken fields: {error}"
    return ""


def is_onnx(head: bytes) -> bool:
    """Say whether a file begins like an ONNX model: its version, then a name, a domain or the graph."""
    if len(head) < 4 or head[0] != 0x08 or not 3 <= head[1] < 64:  # the first version was the third
        return False
    return head[2] in {0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, 0x42}


def _entries(tape: Tape, message: int, size: int, depth: int) -> Iterator[tuple[str, str]]:
    """Give the entries of all tensors that lie outside, as they come."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    end = tape.position + size
    entry = ["", ""]
    while tape.position < end:
        key = _varint(tape)
        field, kind = key >> 3, key & 7
        if kind != 2:
            _skip_number(tape, kind)
            continue
        length = _varint(tape)
        if tape.position + length > end:
            raise ValueError("a field is longer than what it lies in")
        inner = _INNER.get(message, {}).get(field)
        if inner is not None:
            yield from _entries(tape, inner, length, depth + 1)
        elif message == _ENTRY and field in {1, 2}:
            entry[field - 1] = tape.read(min(length, 4096)).decode("utf-8", "replace")
            tape.skip(max(0, length - 4096))
        else:
            tape.skip(length)
    if message == _ENTRY:
        yield entry[0], entry[1]


def _skip_number(tape: Tape, kind: int) -> None:
    if kind == 0:
        _varint(tape)
    elif kind in {1, 5}:
        tape.skip(8 if kind == 1 else 4)
    else:
        raise ValueError(f"a field of kind {kind}")


def _varint(tape: Tape) -> int:
    found = 0
    for place in range(10):
        byte = tape.read(1)[0]
        found |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return found
    raise ValueError("a number that does not end")
