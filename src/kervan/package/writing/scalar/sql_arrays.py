"""Trees as arrays that each row walks through by itself: for engines with functions over arrays.

Each array holds one thing of all nodes, such as their thresholds; a node is a place in it. Spark compiles
this to short loops, while it takes half a minute to plan 20 trees as choices.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kervan.package.writing.scalar.grove import Grove
from kervan.package.writing.scalar.sql_formulas import literal
from kervan.package.writing.scalar.sql_trees import own_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.package.writing.scalar.sql_formulas import Printer

# What may be a code: a whole number that is not too large for one.
_CODE = "each -> CASE WHEN each >= 0 AND each < 1e9 AND each = FLOOR(each) THEN CAST(each AS INT) END"


class ArrayWalk(Grove):
    """The trees of one layer, walked through without a table: see `Forest`."""

    def levels(self, printer: Printer, number: int) -> list[list[str]]:
        """Return columns, level by level: those of the last are what the trees say."""
        own = partial(own_name, printer, number)
        elements = ", ".join(printer.formula(element) for element in self.asked) or "NULL"
        asked, codes, reached = own("asked"), own("codes"), own("reached")
        held = [own(f"held_{column}") for column in range(self.columns)]
        return [
            [f"ARRAY({elements}) AS {asked}"],
            [f"TRANSFORM({asked}, {_CODE}) AS {codes}"] if self.chooses else [],
            [f"{self._walk(asked, codes)} AS {reached}"],
            [
                f"TRANSFORM({reached}, node -> {_array(self.held(column), 'DOUBLE')}[node]) AS {name}"
                for column, name in enumerate(held)
            ],
            [
                f"{self._total(output, held)} AS {printer.named(name)}"
                for output, name in enumerate(self.names)
            ],
        ]

    def _walk(self, asked: str, codes: str) -> str:
        """Return the leaves that a row reaches, one of each tree: from two arrays of what is asked about."""
        place = f"{_array(self.places, 'INT')}[node]"
        side = f"CAST({asked}[{place}] > {_array(self.thresholds, 'DOUBLE')}[node] AS INT)"
        if self.chooses:
            members = f"{_array(self.members, 'STRING')}[node]"
            letter = f"NULLIF(SUBSTR({members}, {codes}[{place}] + 1, 1), '')"
            side = f"CASE WHEN {members} = '' THEN {side} ELSE CAST({letter} AS INT) END"
        missing = f"{_array(self.missing, 'INT')}[node]"
        child = f"{_array(self.first, 'INT')}[node] + COALESCE({side}, {missing})"
        steps = f"SEQUENCE(1, {_array(self.depths, 'INT')}[root])"
        roots = _array(range(len(self.depths)), "INT")
        return f"TRANSFORM({roots}, root -> AGGREGATE({steps}, root, (node, step) -> {child}))"

    def _total(self, output: int, held: Sequence[str]) -> str:
        """Return the sum of what was reached for one output."""
        column, trees = self.adding_to(output)
        values = held[column]
        if trees != slice(0, len(self.depths)):
            values = f"SLICE({values}, {trees.start + 1}, {trees.stop - trees.start})"
        base = literal(float(self.base[output]))
        return f"AGGREGATE({values}, {base}, (total, value) -> total + value)"


def _array(values: Iterable[object], kind: str) -> str:
    """Write an array, as one text: the engine reads that once, and an expression for each value slowly."""
    texts = [str(value) for value in values]
    written = f"SPLIT('{','.join(texts)}', ',')" if texts else "ARRAY()"
    return f"CAST({written} AS ARRAY<{kind}>)"
