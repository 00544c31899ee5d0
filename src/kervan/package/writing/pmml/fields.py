"""Fields of a document, and what can be asked of them. NaN is what is missing.

Where the standard leaves open what becomes of something missing, this follows PMML4S: a comparison with it
does not hold, and its opposite does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Refused
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import AtLeast, Equal, Impute, Operation, Unary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.package.writing.neutral.build import Builder

_NEVER = -2.0  # no category has this code
EXPORT = "export the model to ONNX where it was trained, and import that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A field of numbers, one element wide."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A field of texts: `value` holds the place of each in `known`, or -1."""

    value: int
    known: tuple[str, ...]

    def code(self, text: str) -> float:
        """Return the code of a text, or one that never occurs."""
        return float(self.known.index(text)) if text in self.known else _NEVER


Field = Number | Category


class Questions:
    """Adds what is asked of fields to a form: every answer is one element wide."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def replaced(self, field: Field, text: str) -> Field:
        """Put something in the place of what is missing."""
        if isinstance(field, Number):
            fill = np.array([to_number(text)])
            return Number(value=self.builder.add(Impute(sources=(field.value,), fill=fill)))
        missing = self.equal(field.value, UNKNOWN)
        known = self.builder.arithmetic(missing, Operation.MULTIPLY, field.code(text) - UNKNOWN)
        return Category(value=self.builder.combine(field.value, Operation.ADD, known), known=field.known)

    def equal(self, value: int, number: float) -> int:
        """1 where a value is a number, else 0."""
        return self.builder.add(
            Equal(sources=(value,), places=np.zeros(1, np.int64), values=np.array([number]))
        )

    def missing(self, field: Field) -> int:
        """1 where a field is missing, else 0."""
        if isinstance(field, Category):
            return self.equal(field.value, UNKNOWN)
        return self.builder.map(field.value, Unary.MISSING)

    def turned(self, value: int) -> int:
        """1 - x."""
        return self.builder.linear(value, [[-1.0]], [1.0])

    def is_text(self, field: Field, text: str) -> int:
        """1 where a field equals what a text says, else 0."""
        number = field.code(text) if isinstance(field, Category) else to_number(text)
        return self.equal(field.value, number)

    def compared(self, operator: str, one: int, other: int) -> int:
        """1 where a comparison holds, else 0; 0 where something is missing."""
        if operator in {"lessThan", "lessOrEqual"}:
            one, other = other, one
        apart = self.builder.combine(one, Operation.SUBTRACT, other)
        if operator in {"lessThan", "greaterThan"}:
            return self.builder.map(apart, Unary.POSITIVE)
        if operator in {"lessOrEqual", "greaterOrEqual"}:
            zero = np.zeros(1)
            return self.builder.add(AtLeast(sources=(apart,), places=np.zeros(1, np.int64), values=zero))
        equal = self.equal(apart, 0.0)
        return equal if operator == "equal" else self.turned(equal)

    def chosen(self, condition: int, then: int, other: int) -> int:
        """Return one of two values: where the condition is missing, so is the answer."""
        parts = []
        for weight, value in ((condition, then), (self.turned(condition), other)):
            known = self.builder.add(Impute(sources=(value,), fill=np.zeros(1)))
            missing = self.builder.map(value, Unary.MISSING)
            gone = self.turned(self.builder.combine(missing, Operation.MULTIPLY, weight))
            nothing = self.builder.arithmetic(gone, Operation.MULTIPLY, 0.0)
            shown = self.builder.combine(nothing, Operation.DIVIDE, gone)  # 0 / 0 where it is missing
            parts.append(
                self.builder.combine(
                    self.builder.combine(known, Operation.MULTIPLY, weight), Operation.ADD, shown
                )
            )
        return self.builder.combine(parts[0], Operation.ADD, parts[1])

    def missing_where(self, value: int, flags: Sequence[int]) -> int:
        """Return a value that is missing wherever a flag is 1."""
        for flag in flags:
            kept = self.turned(flag)
            nothing = self.builder.arithmetic(kept, Operation.MULTIPLY, 0.0)
            value = self.builder.combine(
                value, Operation.ADD, self.builder.combine(nothing, Operation.DIVIDE, kept)
            )
        return value


def to_number(text: str | None) -> float:
    """Return what a text says: a number, or a truth as 0 and 1."""
    if text in {"true", "false"}:
        return float(text == "true")
    try:
        return float(text or "")
    except ValueError as error:
        raise Refused(f"the document says {text!r} where a number is asked for", hint=EXPORT) from error
