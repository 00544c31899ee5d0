"""The description of a model: a flat list of nodes that name each other by their places.

A value is a JSON scalar, or `[place]` for a node. Lists, sets, dictionaries, arrays of objects and objects
with attributes may name any node, so shared and circular references keep their shape; all others name
only such nodes or earlier ones. JSON nests four levels at most, however deep the model is.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

FORMAT = 1

Value: TypeAlias = bool | int | float | str | tuple[int] | None


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is"):
    """One object of the model."""


class ListNode(Node, frozen=True, tag="list"):
    """A list."""

    items: list[Value]


class SetNode(Node, frozen=True, tag="set"):
    """A set."""

    items: list[Value]


class TupleNode(Node, frozen=True, tag="tuple"):
    """A tuple."""

    items: list[Value]


class DictNode(Node, frozen=True, tag="dict"):
    """A dictionary; `type` names its class, "" for a plain one."""

    keys: list[Value]
    values: list[Value]
    type: str = ""


class ObjectNode(Node, frozen=True, tag="object"):
    """An object with attributes, of the class that `type` names."""

    type: str
    names: list[str]
    values: list[Value]


class ObjectsNode(Node, frozen=True, tag="objects"):
    """A numpy array of objects, its items row by row; `fortran` if it lies column by column."""

    shape: list[int]
    items: list[Value]
    fortran: bool = False


class ArrayNode(Node, frozen=True, tag="array"):
    """A numpy array of numbers, texts or records: the entry `array` of the table of arrays."""

    array: int


class ScalarNode(Node, frozen=True, tag="scalar"):
    """A numpy scalar: an entry of the table of arrays, of shape ()."""

    array: int


class NumberNode(Node, frozen=True, tag="number"):
    """A number that JSON cannot hold: `nan`, `inf`, `-inf`, or a whole number of any length."""

    text: str


class NameNode(Node, frozen=True, tag="name"):
    """A class or function, by name."""

    name: str


class MadeNode(Node, frozen=True, tag="made"):
    """An object that one of our own makers makes from arguments."""

    type: str
    arguments: list[Value]


AnyNode: TypeAlias = (
    ListNode
    | SetNode
    | TupleNode
    | DictNode
    | ObjectNode
    | ObjectsNode
    | ArrayNode
    | ScalarNode
    | NumberNode
    | NameNode
    | MadeNode
)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array in `arrays.bin`: they follow each other in this order, each at a multiple of 64 bytes."""

    dtype: str
    shape: list[int]
    fortran: bool = False


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `model.json` holds. `versions` names the distributions that the attributes belong to."""

    format: int
    versions: dict[str, str]
    root: Value
    nodes: list[AnyNode]
    arrays: list[Entry]
