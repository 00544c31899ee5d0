"""Where something that cannot be read stands: said so that people find it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 3
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A column at a step; its values are not shown where it is hidden."""

    place: str
    column: str
    is_hidden: bool

    def __str__(self) -> str:
        return f"{self.place}: column {self.column!r}"

    def shown(self, text: str) -> str:
        """Return a value for people, or "" where it is hidden."""
        cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
        return "" if self.is_hidden else " " + repr(re.sub(r"\s+", " ", cut))

    def refuse(self, texts: pl.Series, wrong: pl.Series, what: str) -> None:
        """Raise `InvalidData` that names the first rows where `wrong` is true, if there are any."""
        rows = wrong.fill_null(value=False).arg_true().to_list()
        if not rows:
            return
        listed = ", ".join(f"row {row + 1}{self.shown(texts[row])}" for row in rows[:_SHOWN])
        many = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
        raise InvalidData(
            f"{self} {what}: {listed}{many}",
            hint="mend these values in the source, or replace or filter them in a step before",
        )
