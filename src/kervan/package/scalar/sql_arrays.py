"""Trees as arrays that each row walks through by itself: for engines with functions over arrays.

Each array holds one thing of all nodes, such as their thresholds; a node is a place in it. The two children
of a node lie beside each other, and a leaf leads to itself, so that a tree is walked in as many steps as it
is deep. Spark compiles this to short loops, while it takes half a minute to plan 20 trees as choices.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kervan.package.scalar.sql_formulas import literal
from kervan.package.scalar.sql_trees import own_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.package.neutral.form import Ints, Trees
    from kervan.package.scalar.lower import Ensemble
    from kervan.package.scalar.sql_formulas import Printer

# What may be a code: a whole number that is not too large for one.
_CODE = "each -> CASE WHEN each >= 0 AND each < 1e9 AND each = FLOOR(each) THEN CAST(each AS INT) END"


class Grove:
    """The trees of one layer, walked through without a table: see `Forest`."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.names = ensemble.names
        self.asked = ensemble.asked
        self._layer = layer = ensemble.layer
        self._order = np.arange(len(layer.roots))
        if layer.target is not None:  # those that add to one output lie beside each other
            self._order = np.argsort(layer.target, kind="stable")
        self._nodes, self._first, self._depths = _levels(layer, layer.roots[self._order])
        self._is_leaf = layer.place[self._nodes] < 0
        self._chooses = bool((layer.members[self._nodes] >= 0).any())

    def levels(self, printer: Printer, number: int) -> list[list[str]]:
        """Return columns, level by level: those of the last are what the trees say."""
        own = partial(own_name, printer, number)
        elements = ", ".join(printer.formula(element) for element in self.asked) or "NULL"
        asked, codes, reached = own("asked"), own("codes"), own("reached")
        held = [own(f"held_{column}") for column in range(self._layer.leaves.shape[1])]
        return [
            [f"ARRAY({elements}) AS {asked}"],
            [f"TRANSFORM({asked}, {_CODE}) AS {codes}"] if self._chooses else [],
            [f"{self._walk(asked, codes)} AS {reached}"],
            [
                f"TRANSFORM({reached}, node -> {self._held(column)}[node]) AS {name}"
                for column, name in enumerate(held)
            ],
            [
                f"{self._total(output, held)} AS {printer.named(name)}"
                for output, name in enumerate(self.names)
            ],
        ]

    def _walk(self, asked: str, codes: str) -> str:
        """Return the leaves that a row reaches, one of each tree: from two arrays of what is asked about."""
        layer, nodes, is_leaf = self._layer, self._nodes, self._is_leaf
        known = np.unique(layer.place[layer.place >= 0])
        place = f"{_array(np.where(is_leaf, 0, np.searchsorted(known, layer.place[nodes])), 'INT')}[node]"
        threshold = f"{_array(np.where(is_leaf, np.inf, layer.threshold[nodes]), 'DOUBLE')}[node]"
        missing = f"{_array(np.where(is_leaf | layer.missing_left[nodes], 0, 1), 'INT')}[node]"
        side = f"CAST({asked}[{place}] > {threshold} AS INT)"
        if self._chooses:
            members = f"{_array(map(self._members, nodes), 'STRING')}[node]"
            letter = f"NULLIF(SUBSTR({members}, {codes}[{place}] + 1, 1), '')"
            side = f"CASE WHEN {members} = '' THEN {side} ELSE CAST({letter} AS INT) END"
        child = f"{_array(self._first, 'INT')}[node] + COALESCE({side}, {missing})"
        steps = f"SEQUENCE(1, {_array(self._depths, 'INT')}[root])"
        roots = _array(range(len(self._depths)), "INT")
        return f"TRANSFORM({roots}, root -> AGGREGATE({steps}, root, (node, step) -> {child}))"

    def _members(self, node: int) -> str:
        """Return for every code of a choice whether it leads to the first child, 0, or to the second, 1."""
        if self._layer.place[node] < 0 or self._layer.members[node] < 0:
            return ""
        goes_left = self._layer.sets[self._layer.members[node]]
        return "".join("10"[int(each)] for each in goes_left)

    def _held(self, column: int) -> str:
        """Return what the nodes hold in one column: nothing, but for leaves."""
        leaves = np.where(self._is_leaf, self._layer.left[self._nodes], 0)
        return _array(np.where(self._is_leaf, self._layer.leaves[leaves, column], 0.0), "DOUBLE")

    def _total(self, output: int, held: Sequence[str]) -> str:
        """Return the sum of what was reached for one output."""
        target, base = self._layer.target, literal(float(self._layer.base[output]))
        values = held[output if target is None else 0]
        if target is not None:
            ordered = target[self._order]
            first, last = np.searchsorted(ordered, [output, output + 1])
            values = f"SLICE({values}, {first + 1}, {last - first})"
        return f"AGGREGATE({values}, {base}, (total, value) -> total + value)"


def _levels(layer: Trees, roots: Ints) -> tuple[Ints, list[int], list[int]]:
    """Return nodes level by level, the place of each one's first child or its own, and the trees' depths."""
    nodes, trees, depths = roots.tolist(), list(range(len(roots))), [1] * len(roots)
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
    return np.array(nodes), first, depths


def _array(values: Iterable[object], kind: str) -> str:
    """Write an array, as one text: the engine reads that once, and an expression for each value slowly."""
    texts = [str(value) for value in values]
    written = f"SPLIT('{','.join(texts)}', ',')" if texts else "ARRAY()"
    return f"CAST({written} AS ARRAY<{kind}>)"
