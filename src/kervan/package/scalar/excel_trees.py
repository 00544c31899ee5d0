"""Trees as a list of nodes in a sheet of their own, which each row walks through, all trees at once.

A step is two array formulas with a cell for every tree: what the node asks about, and the child that this
leads to. LOOKUP is the one function that finds something for many nodes at once, in old spreadsheets too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.neutral.narrow import rounded_down
from kervan.package.scalar.expressions import Input
from kervan.package.scalar.grove import Grove

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.core.schema import Signature
    from kervan.package.neutral.form import Floats
    from kervan.package.scalar.lower import Ensemble

NO_CHOICE = "-"  # a blank cell is looked up as 0


class NodeList(Grove):
    """The trees of one layer as columns of a sheet, counted from 1."""

    def __init__(self, ensemble: Ensemble, signature: Signature, largest: float) -> None:
        super().__init__(ensemble)
        self._signature = signature
        self._largest = largest

    def listed(self) -> dict[str, Sequence[float | str]]:
        """Return the columns of the nodes by their titles."""
        found: dict[str, Sequence[float | str]] = {
            "node": range(1, len(self.first) + 1),
            "asks about": (self.places + 1).tolist(),
            "at most": np.clip(self._between_singles(), -self._largest, self._largest).tolist(),
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

    def _between_singles(self) -> Floats:
        """Return thresholds of numbers that come as they are typed, halfway between two of float32.

        They part what is rounded to float32, as it is everywhere else. Spreadsheets also take numbers for
        equal that agree in 15 digits, which no number of float32 and such a threshold do.
        """
        thresholds = self.thresholds
        if not self.asked:
            return thresholds
        columns = self._signature.inputs.columns
        is_typed = np.array(
            [isinstance(each, Input) and columns[each.place].type is not Type.CATEGORY for each in self.asked]
        )
        lower = rounded_down(thresholds)
        with np.errstate(over="ignore", invalid="ignore"):
            upper = np.nextafter(lower.astype(np.float32), np.float32(np.inf)).astype(np.float64)
            halfway = (lower + upper) / 2
        return np.where(is_typed[self.places] & np.isfinite(halfway), halfway, thresholds)
