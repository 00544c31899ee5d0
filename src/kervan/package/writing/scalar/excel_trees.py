"""Trees as a list of nodes in a sheet of their own, which each row walks through, all trees at once.

A step is two array formulas with a cell for every tree: what the node asks about, and the child that this
leads to. LOOKUP is the one function that finds something for many nodes at once, in old spreadsheets too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.writing.scalar.grove import Grove

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.package.writing.scalar.lower import Ensemble

NO_CHOICE = "-"  # a blank cell is looked up as 0


class NodeList(Grove):
    """The trees of one layer as columns of a sheet, counted from 1."""

    def __init__(self, ensemble: Ensemble, largest: float) -> None:
        super().__init__(ensemble)
        self._largest = largest

    def listed(self) -> dict[str, Sequence[float | str]]:
        """Return the columns of the nodes by their titles."""
        found: dict[str, Sequence[float | str]] = {
            "node": range(1, len(self.first) + 1),
            "asks about": (self.places + 1).tolist(),
            "at most": np.clip(self.thresholds, -self._largest, self._largest).tolist(),
            "first child": [place + 1 for place in self.first],
            "if missing": self.missing.tolist(),
            **{f"leaf {column + 1}": self.held(column).tolist() for column in range(self.columns)},
        }
        if self.chooses:
            found["children of codes"] = [each or NO_CHOICE for each in self.members]
        return found

    def child(self, element: str, look: Callable[[str], str]) -> str:
        """Return the formula of the children of nodes.

        `element` are the cells of what they ask about, `look` gives the formula of a column of theirs.
        """
        side = f"IF({element}<={look('at most')},0,1)"
        if self.chooses:
            codes = look("children of codes")
            is_code = f"({element}>=0)*({element}<LEN({codes}))*({element}=INT({element}))"
            chosen = f"IF({is_code},VALUE(MID({codes},{element}+1,1)),{look('if missing')})"
            side = f'IF({codes}="{NO_CHOICE}",{side},{chosen})'
        return f"{look('first child')}+IF(ISNUMBER({element}),{side},{look('if missing')})"
