"""What a part of an expression is: a constant, or where in a form it is computed, and of which kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kervan.core.schema import Type


class Kind(StrEnum):
    """What a value is, in words for whoever wrote the expression."""

    NUMBER = "a number"
    TRUTH = "true or false"
    CATEGORY = "a category"
    DATE = "a date"
    TIME = "a time"
    WORDS = "a free text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A part of an expression.

    `parts` are values of the form, one element wide: a number, a truth (0 or 1), the code of a category, the
    days of a date, the days and seconds of a time, or the counts of words. `labels` are the categories or the
    words. A constant has no parts: `constant` is a number, a truth or a text, which is a category of its own.
    """

    kind: Kind
    parts: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    constant: float | str | bool | None = None

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for every row."""
        return self.constant is not None


KINDS = {
    Type.INTEGER: Kind.NUMBER,
    Type.NUMBER: Kind.NUMBER,
    Type.BOOLEAN: Kind.TRUTH,
    Type.CATEGORY: Kind.CATEGORY,
    Type.DATE: Kind.DATE,
    Type.DATETIME: Kind.TIME,
    Type.TEXT: Kind.WORDS,
}
