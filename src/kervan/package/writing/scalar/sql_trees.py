"""Trees as rows of a table that a query walks through: for ensembles that no database could plan.

A row of the table is a node. The walk begins at every root with every row of the input, and carries along
what the trees ask about, so that each step is one join on the table's key.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Refused
from kervan.core.identity import sha256
from kervan.package.writing.scalar.grove import Grove
from kervan.package.writing.scalar.sql_formulas import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kervan.package.writing.scalar.dialects import Dialect
    from kervan.package.writing.scalar.lower import Ensemble
    from kervan.package.writing.scalar.sql_formulas import Printer

_AT_ONCE = 500  # rows in one statement
_LARGEST = float(np.finfo(np.float64).max)


class Forest:
    """The trees of one layer. Their table is called after its content: no two models share one by mistake."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.names = ensemble.names
        self.asked = ensemble.asked
        self._layer = ensemble.layer
        self._depth = max(Grove(ensemble).depths, default=0)
        self._places = [int(place) for place in np.unique(ensemble.layer.place) if place >= 0]
        self._rows = [f"({', '.join(row)})" for row in self._nodes()]
        self._name = f"nodes_{sha256(''.join(self._rows).encode())[:12]}"

    def statements(self, dialect: Dialect) -> Iterator[str]:
        """Yield what makes the table of nodes, and fills it."""
        leaves = "".join(f", leaf_{place} {dialect.double}" for place in range(len(self.names)))
        yield (
            f"CREATE TABLE {self._name} (id INTEGER {dialect.key}, root INTEGER, place INTEGER, "
            f"threshold {dialect.double}, codes {dialect.letters}, low INTEGER, high INTEGER, missing INTEGER"
            f"{leaves})"
        )
        for start in range(0, len(self._rows), _AT_ONCE):
            rows = ",\n".join(self._rows[start : start + _AT_ONCE])
            yield f"INSERT INTO {self._name} VALUES\n{rows}"

    def steps(self, printer: Printer, number: int, source: str) -> dict[str, str]:
        """Return queries by their names that put what the trees say beside the rows of a source, in the last.

        Rows that agree in all that is asked are walked once, under a number that they share in whatever order
        the database reads them.
        """
        own = partial(own_name, printer, number)
        elements = {place: own(f"asked_{place}") for place in self._places}
        casts = ", ".join(
            f"CAST({printer.formula(element)} AS {printer.dialect.double}) AS {elements[place]}"
            for place, element in zip(self._places, self.asked, strict=True)
        )
        answers = ", ".join(
            f"totals.total_{place} + {literal(float(base))} AS {printer.named(name)}"
            for place, (name, base) in enumerate(zip(self.names, self._layer.base, strict=True))
        )
        row, order = own("row"), ", ".join(elements.values())
        joined = f"{own('rows')} AS source JOIN {own('totals')} AS totals ON totals.{row} = source.{row}"
        walk = self._joins if printer.dialect.joined else self._recursion
        return {
            own("elements"): f"SELECT *, {casts}\nFROM {source}",
            own("rows"): f"SELECT *, DENSE_RANK() OVER (ORDER BY {order}) AS {row}\nFROM {own('elements')}",
            own("different"): f"SELECT DISTINCT {row}, {order}\nFROM {own('rows')}",
            **walk(printer.dialect, own, elements),
            own("answered"): f"SELECT source.*, {answers}\nFROM {joined}",
        }

    def _recursion(
        self, dialect: Dialect, own: Callable[[str], str], elements: Mapping[int, str]
    ) -> dict[str, str]:
        """Return the queries that walk through all trees by recursion, and add up the leaves."""
        row, order = own("row"), ", ".join(elements.values())
        carried = ", ".join(f"walk.{element}" for element in elements.values())
        child = self._child(dialect, elements, "nodes")
        walked = f"{own('walk')} AS walk JOIN {self._name} AS nodes ON nodes.id = walk.node"
        begun = f"{own('different')} CROSS JOIN {self._name} AS nodes WHERE nodes.root = 1"
        return {
            own("walk"): (
                f"SELECT {row}, nodes.id AS node, {order}\nFROM {begun}\nUNION ALL\n"
                f"SELECT walk.{row}, {child}, {carried}\nFROM {walked} WHERE nodes.place >= 0"
            ),
            own("totals"): (
                f"SELECT walk.{row}, {self._sums('nodes')}\nFROM {walked}\n"
                f"WHERE nodes.place < 0 GROUP BY walk.{row}"
            ),
        }

    def _joins(
        self, dialect: Dialect, own: Callable[[str], str], elements: Mapping[int, str]
    ) -> dict[str, str]:
        """Return the query that walks through all trees by a join for each level, and adds up the leaves."""
        if self._depth + 2 > dialect.joined:
            raise Refused(
                f"{dialect.name} joins {dialect.joined} tables, too few for trees of {self._depth} levels",
                hint="choose smaller trees, or another format",
            )
        levels = [f"STRAIGHT_JOIN {self._name} AS nodes_0 ON nodes_0.root = 1"]
        for level in range(1, self._depth + 1):
            before = f"nodes_{level - 1}"
            child = f"IF({before}.place < 0, {before}.id, {self._child(dialect, elements, before)})"
            levels.append(f"STRAIGHT_JOIN {self._name} AS nodes_{level} ON nodes_{level}.id = {child}")
        sums = self._sums(f"nodes_{self._depth}")
        walked = "\n".join([f"{own('different')} AS walk", *levels])
        return {own("totals"): f"SELECT walk.{own('row')}, {sums}\nFROM {walked}\nGROUP BY walk.{own('row')}"}

    def _sums(self, nodes: str) -> str:
        return ", ".join(f"SUM({nodes}.leaf_{place}) AS total_{place}" for place in range(len(self.names)))

    def _child(self, dialect: Dialect, elements: Mapping[int, str], nodes: str) -> str:
        """Return the node that comes after a node; see `Trees`."""
        cases = " ".join(f"WHEN {place} THEN walk.{name}" for place, name in elements.items())
        element = f"CASE {nodes}.place {cases} END"
        letter = f"SUBSTR({nodes}.codes, CAST({element} AS {dialect.whole}) + 1, 1)"
        return (
            f"CASE WHEN {element} IS NULL THEN {nodes}.missing "
            f"WHEN {nodes}.codes IS NULL THEN "
            f"CASE WHEN {element} <= {nodes}.threshold THEN {nodes}.low ELSE {nodes}.high END "
            f"WHEN {element} >= 0 AND {element} < LENGTH({nodes}.codes) AND {element} = FLOOR({element}) "
            f"THEN CASE WHEN {letter} = '1' THEN {nodes}.low ELSE {nodes}.high END "
            f"ELSE {nodes}.missing END"
        )

    def _nodes(self) -> Iterator[list[str]]:
        """Yield the rows of the table."""
        layer = self._layer
        tree_of = np.repeat(np.arange(len(layer.roots)), np.diff([*layer.roots, len(layer.place)]))
        roots = set(layer.roots.tolist())
        for node, place in enumerate(layer.place.tolist()):
            ident, root = str(node), str(int(node in roots))
            if place < 0:
                leaves = self._leaves(int(layer.left[node]), int(tree_of[node]))
                yield [ident, root, "-1", *["NULL"] * 5, *map(literal, leaves)]
                continue
            low, high = int(layer.left[node]), int(layer.right[node])
            missing = str(low if layer.missing_left[node] else high)
            threshold, codes = literal(float(np.clip(layer.threshold[node], -_LARGEST, _LARGEST))), "NULL"
            if layer.members[node] >= 0:
                goes_low = layer.sets[layer.members[node]]
                threshold, codes = "NULL", f"'{''.join('01'[int(each)] for each in goes_low)}'"
            unknown = ["NULL"] * len(self.names)
            yield [ident, root, str(place), threshold, codes, str(low), str(high), missing, *unknown]

    def _leaves(self, leaf: int, tree: int) -> list[float]:
        if self._layer.target is None:
            return [float(value) for value in self._layer.leaves[leaf]]
        found = [0.0] * len(self.names)
        found[int(self._layer.target[tree])] = float(self._layer.leaves[leaf, 0])
        return found


def own_name(printer: Printer, number: int, name: str) -> str:
    """Return a name for one ensemble of the query alone."""
    return printer.named(f"{name}_of_trees{number}")
