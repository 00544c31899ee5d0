"""Reading an ONNX file without the library that writes them: the few messages that our graphs consist of.

The numbers of the fields are those of `onnx.proto3`; the encoding is that of Protocol Buffers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_KINDS: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("bool"),
    11: np.dtype("<f8"),
}


@dataclass(slots=True)
class Node:
    """One operation of a graph, with its attributes by name."""

    kind: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Graph:
    """Nodes in an order in which they can be computed, and constants by name."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_graph(content: bytes) -> Graph:
    """Read the graph of an ONNX model. Raises `Corrupted` for bytes that are none."""
    try:
        graph = Graph()
        for number, value in _fields(memoryview(content)):
            if number == 7:
                _read_graph(value, graph)
    except (IndexError, KeyError, ValueError, struct.error, TypeError) as error:
        raise Corrupted(f"this is no ONNX model: {error}", hint="fetch the package again") from error
    return graph


def _read_graph(content: memoryview, graph: Graph) -> None:
    for number, value in _fields(content):
        if number == 1:
            graph.nodes.append(_read_node(value))
        elif number == 5:
            name, array = _read_tensor(value)
            graph.constants[name] = array
        elif number == 11:
            graph.inputs.append(_name_of(value))
        elif number == 12:
            graph.outputs.append(_name_of(value))


def _read_node(content: memoryview) -> Node:
    node = Node()
    for number, value in _fields(content):
        match number:
            case 1:
                node.inputs.append(_text(value))
            case 2:
                node.outputs.append(_text(value))
            case 4:
                node.kind = _text(value)
            case 5:
                name, attribute = _read_attribute(value)
                node.attributes[name] = attribute
            case 7:
                node.domain = _text(value)
    return node


def _read_attribute(content: memoryview) -> tuple[str, Any]:
    name, single, many = "", None, []
    for number, value in _fields(content):
        match number:
            case 1:
                name = _text(value)
            case 2:
                single = struct.unpack("<f", value)[0]
            case 3:
                single = _signed(value)
            case 4:
                single = bytes(value)
            case 5:
                single = _read_tensor(value)[1]
            case 7:
                many += np.frombuffer(value, dtype="<f4").tolist()
            case 8:
                many += [_signed(each) for each in _numbers(value)]
            case 9:
                many.append(bytes(value))
    return name, many if single is None else single


def _read_tensor(content: memoryview) -> tuple[str, NDArray[Any]]:
    shape: list[int] = []
    kind = 0
    name = ""
    values: list[Any] = []
    for number, value in _fields(content):
        match number:
            case 1:
                shape += _numbers(value)
            case 2:
                kind = value
            case 4:
                values += np.frombuffer(value, dtype="<f4").tolist()
            case 5 | 7:
                values += [_signed(each) for each in _numbers(value)]
            case 8:
                name = _text(value)
            case 9:
                values += np.frombuffer(value, dtype=_KINDS[kind]).tolist()
            case 10:
                values += np.frombuffer(value, dtype="<f8").tolist()
    return name, np.array(values, dtype=_KINDS[kind]).reshape(shape)


def _name_of(content: memoryview) -> str:
    return next((_text(value) for number, value in _fields(content) if number == 1), "")


def _text(value: memoryview) -> str:
    return bytes(value).decode()


def _numbers(value: Any) -> list[int]:
    """Return whole numbers that were written one by one or packed."""
    if isinstance(value, int):
        return [value]
    found, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        found.append(number)
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _fields(content: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield the number and value of every field of a message."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(content, place)
        elif kind in {1, 5}:
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + size > len(content):
            raise ValueError("a field goes beyond the end")
        yield number, content[place : place + size]
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
