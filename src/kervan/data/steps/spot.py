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


class Refusals:
    """Rows of a column that cannot be read, by what is wrong with them, over one piece after the other."""

    def __init__(self, spot: Spot) -> None:
        self._spot = spot
        self._passed = 0
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[str]] = {}

    def add(self, texts: pl.Series, wrong: pl.Series, what: str) -> None:
        """Take the rows of a piece where `wrong` is true."""
        first = self._first.setdefault(what, [])
        rows = wrong.fill_null(value=False).arg_true()
        self._counts[what] = self._counts.get(what, 0) + len(rows)
        for row in rows.head(_SHOWN - len(first)).to_list():
            first.append(f"row {self._passed + row + 1}{self._spot.shown(texts[row])}")

    def passed(self, rows: int) -> None:
        """Go on to the piece that comes after so many rows."""
        self._passed += rows

    def check(self) -> None:
        """Raise `InvalidData` that names the first rows of what was wrong first, if anything was."""
        for what, count in self._counts.items():
            if count:
                listed = ", ".join(self._first[what])
                many = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
                raise InvalidData(
                    f"{self._spot} {what}: {listed}{many}",
                    hint="mend these values in the source, or replace or filter them in a step before",
                )
