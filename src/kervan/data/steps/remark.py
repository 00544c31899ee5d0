"""What is worth knowing of a step: counts that add up over the pieces of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from kervan.core.written import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that holds of the whole step."""

    text: str

    def and_in(self, _other: Self) -> Self:
        """Return the remark about the rows of both."""
        return self

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Remark):
    """How the texts of a column were read, which is kept and not told."""

    text: str = ""
    column: str
    written: Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Remark):
    """Something that holds of `count` of `rows`, which `text` may name; nothing is said where none is so."""

    count: int
    rows: int = 0

    def and_in(self, other: Self) -> Self:
        """Return the remark about the rows of both."""
        return replace(self, count=self.count + other.count, rows=self.rows + other.rows)

    def __str__(self) -> str:
        return self.text.format(count=self.count, rows=self.rows) if self.count else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent(Remark):
    """Values that no row has."""

    values: tuple[str, ...]

    def and_in(self, other: Self) -> Self:
        """Return the remark about the rows of both."""
        return replace(self, values=tuple(each for each in self.values if each in other.values))

    def __str__(self) -> str:
        return f"no row has {', '.join(map(repr, self.values))} {self.text}" if self.values else ""
