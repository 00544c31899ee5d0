"""Trees as H2O packs them into bytes: a node, then its left branch, then its right one.

A node is a byte of flags, its column (uint16), where a missing value goes (a byte), its question (a float32,
or a bit for every category) and, unless the left branch is a leaf, how many bytes that has. A leaf is a
float32. Everything is little-endian. A second file holds what is known about every node: its number, those of
its children, and weights and errors, which are not known here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.narrow import rounded_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Floats, Trees

MOST_COLUMNS = 2**16 - 1  # the column of that number marks a tree that is one leaf
_SET, _LONG_SET = 0x08, 0x0C  # flags: categories up to 32, and any number
_LEFT_IS_LEAF, _RIGHT_IS_LEAF = 0x30, 0xC0
_MISSING_LEFT, _MISSING_RIGHT = 2, 3
_UNKNOWN = (float("nan"),) * 6


class Packer:
    """Packs the trees of an ensemble, over the columns of a signature in an order of their own.

    `columns` says for each place in the signature where it is in the file.
    """

    def __init__(self, trees: Trees, signature: Signature, columns: Sequence[int]) -> None:
        self._trees = trees
        self._inputs = signature.inputs.columns
        self._columns = columns
        highest_left = rounded_down(trees.threshold).astype(np.float32)
        with np.errstate(over="ignore"):
            self._splits = np.nextafter(highest_left, np.float32(np.inf))  # H2O asks for what is less

    def tree(self, root: int, leaves: Floats) -> tuple[bytes, bytes]:
        """Return a tree and what is known about its nodes; `leaves` has a value for each row of leaves."""
        trees = self._trees
        if trees.place[root] < 0:
            return leaf(float(leaves[trees.left[root]])), b""
        order = self.nodes(root)
        numbers = {node: number for number, node in enumerate(order)}
        packed: dict[int, bytes] = {}
        known = []
        for node in reversed(order):
            if trees.place[node] < 0:
                packed[node] = struct.pack("<f", leaves[trees.left[node]])
                continue
            left, right = int(trees.left[node]), int(trees.right[node])
            known.append(struct.pack("<ii6fii", numbers[node], 0, *_UNKNOWN, numbers[left], numbers[right]))
            packed[node] = self._branch(node, packed.pop(left), packed.pop(right))
        return packed[root], b"".join(reversed(known))

    def nodes(self, root: int) -> list[int]:
        """Return the nodes of a tree, each before its branches, the left one first."""
        trees, order, waiting = self._trees, [], [root]
        while waiting:
            node = waiting.pop()
            order.append(node)
            if trees.place[node] >= 0:
                waiting += [int(trees.right[node]), int(trees.left[node])]
        return order

    def _branch(self, node: int, left: bytes, right: bytes) -> bytes:
        trees = self._trees
        flags, question = self._question(node)
        size = b""
        if trees.place[trees.left[node]] < 0:
            flags |= _LEFT_IS_LEAF
        else:
            width = (len(left).bit_length() + 7) // 8
            flags |= width - 1
            size = len(left).to_bytes(width, "little")
        if trees.place[trees.right[node]] < 0:
            flags |= _RIGHT_IS_LEAF
        missing = _MISSING_LEFT if self._sends_missing_left(node) else _MISSING_RIGHT
        head = struct.pack("<BHB", flags, self._columns[trees.place[node]], missing)
        return head + question + size + left + right

    def _sends_missing_left(self, node: int) -> bool:
        """Say where a missing value goes: in a question about a category's number it is one of -1."""
        trees = self._trees
        is_category = self._inputs[trees.place[node]].type is Type.CATEGORY
        if is_category and trees.members[node] < 0:
            return bool(trees.threshold[node] >= UNKNOWN)
        return bool(trees.missing_left[node])

    def _question(self, node: int) -> tuple[int, bytes]:
        """Return the flag of a question and what it compares with; who is in a set goes right."""
        trees = self._trees
        if trees.members[node] < 0:
            return 0, struct.pack("<f", self._splits[node])
        goes_left = trees.sets[trees.members[node]]
        categories = len(self._inputs[trees.place[node]].allowed)
        goes_right: NDArray[np.bool_] = np.full(max(categories, 1), not trees.missing_left[node])
        known = goes_left[: len(goes_right)]
        goes_right[: len(known)] = ~known
        bits = np.packbits(goes_right, bitorder="little").tobytes()
        if len(goes_right) <= 32:
            return _SET, bits.ljust(4, b"\0")
        return _LONG_SET, struct.pack("<Hi", 0, len(goes_right)) + bits


def leaf(value: float) -> bytes:
    """Return a tree that is one leaf."""
    return struct.pack("<BHf", 0, MOST_COLUMNS, value)
