"""Walking decision trees in tensor operations: all trees of an ensemble at once, one level at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.narrow import rounded_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Ints, Trees
    from kervan.package.writing.tensor.ops import Ops

T = TypeVar("T")


def walk(layer: Trees, ops: Ops[T], source: T) -> T:
    """Return the leaf that each row reaches in each tree, as places of nodes, shape (rows, trees).

    Who has reached a leaf stays there, so that every tree is walked as often as the deepest one needs. The
    question of every root is asked first, of columns that are known; then each row has nodes of its own.
    """
    nodes = _Nodes.of(layer)
    tables = nodes.tables(exact=ops.exact)
    written = {name: _constant(ops, name, values) for name, values in tables.items()}
    children = _constant(ops, "children", nodes.children) if nodes.children.size else None

    def child(element: T, at: Callable[[str], T]) -> T:
        goes_left = ops.at_most(element, at("threshold"))
        found = ops.where(ops.missing(element), at("missing"), ops.where(goes_left, at("left"), at("right")))
        return found if children is None else _chosen(ops, element, at, children, found)

    def of_root(name: str) -> T:
        return _constant(ops, f"root_{name}", tables[name][layer.roots])

    here = child(ops.columns(source, nodes.place[layer.roots]), of_root)
    for _ in range(_depth(layer) - 1):
        reached = here
        here = child(
            ops.picked(source, ops.looked_up(written["place"], reached)),
            lambda name: ops.looked_up(written[name], reached),  # noqa: B023 - called at once
        )
    return here


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Nodes:
    """What is asked at every node and who comes next; at a leaf, the leaf itself.

    A node that is a choice finds its child at `children[first_child + code]` for a code below `codes`, and
    behind those the one for anything else. Another node has `codes` -1.
    """

    place: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing: Ints
    first_child: Ints
    codes: Ints
    children: Ints

    @classmethod
    def of(cls, layer: Trees) -> _Nodes:
        is_leaf = layer.place < 0
        here = np.arange(len(layer.place))
        left, right = (np.where(is_leaf, here, child) for child in (layer.left, layer.right))
        missing = np.where(layer.missing_left, left, right)
        first_child, codes = np.zeros_like(here), np.full_like(here, -1)
        children: list[NDArray[np.int64]] = []
        for node in np.flatnonzero(layer.members >= 0):
            goes_left = layer.sets[layer.members[node]]
            first_child[node] = sum(map(len, children))
            codes[node] = len(goes_left)
            children.append(np.append(np.where(goes_left, left[node], right[node]), missing[node]))
        return cls(
            place=np.where(is_leaf, 0, layer.place),
            threshold=np.where(is_leaf, 0.0, layer.threshold),
            left=left,
            right=right,
            missing=missing,
            first_child=first_child,
            codes=codes,
            children=np.concatenate(children) if children else np.empty(0, dtype=np.int64),
        )

    def tables(self, *, exact: bool) -> dict[str, NDArray[np.generic]]:
        """Return what has to be looked up for a node, by name; the codes are numbers, to be compared with."""
        found: dict[str, NDArray[np.generic]] = {
            "place": self.place,
            "threshold": self.threshold if exact else rounded_down(self.threshold),
            "left": self.left,
            "right": self.right,
            "missing": self.missing,
        }
        if self.children.size:
            found |= {"first_child": self.first_child, "codes": self.codes.astype(np.float64)}
        return found


def _chosen(ops: Ops[T], element: T, at: Callable[[str], T], children: T, otherwise: T) -> T:
    """Return the child of nodes that are choices, and `otherwise` for the others."""
    zero = ops.numbers("zero", np.zeros(1))
    codes = at("codes")
    is_whole = ops.equal(ops.unary(Unary.FLOOR, element), element)
    is_known = ops.both(is_whole, ops.both(ops.at_most(zero, element), ops.below(element, codes)))
    code = ops.where(is_known, element, ops.arithmetic(Operation.MAXIMUM, codes, zero))
    child = ops.looked_up(children, ops.further(at("first_child"), ops.place(code)))
    return ops.where(ops.at_most(zero, codes), child, otherwise)


def _constant(ops: Ops[T], name: str, values: NDArray[np.generic]) -> T:
    is_number = np.issubdtype(values.dtype, np.floating)
    return ops.numbers(name, values.astype(np.float64)) if is_number else ops.places(name, values)


def _depth(layer: Trees) -> int:
    """Return how many questions the deepest leaf needs, at least one."""
    depth = np.zeros(len(layer.place), dtype=np.int64)
    for node in np.flatnonzero(layer.place >= 0):  # children come after their parents
        depth[[layer.left[node], layer.right[node]]] = depth[node] + 1
    return max(int(depth.max(initial=0)), 1)
