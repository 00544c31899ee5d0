"""Trees laid out level by level, for languages in which a row walks through lists of their nodes.

A node is a place in these lists. The two children of a node lie beside each other, and a leaf leads to
itself, so that a tree is walked in as many steps as it is deep.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Ints
    from kervan.package.writing.scalar.lower import Ensemble


class Grove:
    """The trees of one layer. `first` is each node's first child, or itself; `depths` are those of the trees.

    `names` are those of its outputs, `asked` the elements that its nodes ask about.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self.names = ensemble.names
        self.asked = ensemble.asked
        self.base = ensemble.layer.base
        self._layer = layer = ensemble.layer
        self._trees = np.arange(len(layer.roots))
        if layer.target is not None:  # those that add to one output lie beside each other
            self._trees = np.argsort(layer.target, kind="stable")
        self._nodes, self.first, self.depths = self._laid(layer.roots[self._trees].tolist())
        self.is_leaf: NDArray[np.bool_] = layer.place[self._nodes] < 0

    @property
    def places(self) -> Ints:
        """Which of the elements each node asks about, counted from 0; leaves the first."""
        known = np.unique(self._layer.place[self._layer.place >= 0])
        return np.where(self.is_leaf, 0, np.searchsorted(known, self._layer.place[self._nodes]))

    @property
    def thresholds(self) -> Floats:
        """What elements are compared with: up to that they lead to the first child, as any does at a leaf."""
        return np.where(self.is_leaf, np.inf, self._layer.threshold[self._nodes])

    @property
    def missing(self) -> Ints:
        """Which child a missing element leads to: 0 or 1."""
        return np.where(self.is_leaf | self._layer.missing_left[self._nodes], 0, 1)

    @cached_property
    def members(self) -> list[str]:
        """For each node which child every code leads to, as digits; nothing for one that is no choice."""
        sets = ["".join("10"[int(each)] for each in goes_left) for goes_left in self._layer.sets]
        held = np.where(self.is_leaf, -1, self._layer.members[self._nodes])
        return [sets[member] if member >= 0 else "" for member in held.tolist()]

    @property
    def chooses(self) -> bool:
        """Whether some node is a choice."""
        return any(self.members)

    def held(self, column: int) -> Floats:
        """Return what the nodes hold in one column of the leaves: 0, but for leaves."""
        leaves = np.where(self.is_leaf, self._layer.left[self._nodes], 0)
        return np.where(self.is_leaf, self._layer.leaves[leaves, column], 0.0)

    @property
    def columns(self) -> int:
        """How many numbers a leaf holds."""
        return int(self._layer.leaves.shape[1])

    def adding_to(self, output: int) -> tuple[int, slice]:
        """Return which column of the leaves adds to an output, and of which trees."""
        if self._layer.target is None:
            return output, slice(0, len(self._trees))
        first, last = np.searchsorted(self._layer.target[self._trees], [output, output + 1])
        return 0, slice(int(first), int(last))

    def _laid(self, nodes: list[int]) -> tuple[Ints, list[int], list[int]]:
        """Return nodes level by level, the place of each one's first child or its own, and trees' depths."""
        layer, trees, depths = self._layer, list(range(len(nodes))), [1] * len(nodes)
        first: list[int] = []
        level = 0
        while len(first) < len(nodes):
            for node, tree in zip(nodes[len(first) :], trees[len(first) :], strict=True):
                depths[tree] = max(level, 1)
                if layer.place[node] < 0:
                    first.append(len(first))
                    continue
                first.append(len(nodes))
                nodes += [int(layer.left[node]), int(layer.right[node])]
                trees += [tree, tree]
            level += 1
        return np.array(nodes, dtype=np.int64), first, depths
