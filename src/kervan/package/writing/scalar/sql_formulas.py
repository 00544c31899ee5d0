"""Formulas in the dialects of six databases."""

from __future__ import annotations

from math import isfinite, isnan
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.writing.scalar.expressions import (
    Among,
    Call,
    Compare,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
    rounded,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.scalar.dialects import Dialect
    from kervan.package.writing.scalar.expressions import Test
    from kervan.package.writing.scalar.lower import Formulas

_LIMIT = 300  # where exp is held, so that products of it stay in its range too; exp(-300) is as good as 0
_INFINITE = "7097e-1"  # from where on exp is missing: it would leave the range


def literal(value: float) -> str:
    """Write a number, or raise `Refused` for one that a query cannot say."""
    if isnan(value):
        return "NULL"
    if not isfinite(value):
        raise Refused(
            f"the model holds the number {value}, which a query cannot say",
            hint="look for columns that are the same in every row, and leave them out",
        )
    text = repr(value)
    return text if "e" in text else f"{text}e0"  # a decimal would be exact arithmetic, and slow


def free_name(name: str, signature: Signature) -> str:
    """Return a name like this one that no column of the model has, whatever the case of its letters."""
    return _free(name, {column.name.casefold() for column in signature.inputs})


def _free(name: str, taken: set[str]) -> str:
    while name.casefold() in taken:
        name = f"_{name}"
    return name


def answer_names(signature: Signature) -> list[str]:
    """Return the names of the answers: `prediction`, and for classes the probability of each.

    No two differ by the case of their letters alone, which most databases forget.
    """
    names = ["prediction"]
    if signature.is_classification:
        names += [f"probability_{label}" for label in signature.output.allowed]
    taken = {column.name.casefold() for column in signature.inputs}
    found = []
    for name in names:
        found.append(_free(name, taken))
        taken.add(found[-1].casefold())
    return found


class Printer:
    """Prints formulas in a dialect."""

    def __init__(self, formulas: Formulas, dialect: Dialect) -> None:
        self._signature = formulas.signature
        self.dialect = dialect
        names = answer_names(formulas.signature)
        self.prediction = names[0]
        self.answers = names[1:] if formulas.signature.is_classification else names

    def columns(self, level: Iterable[tuple[str, Expression]]) -> list[str]:
        """Print formulas as columns."""
        return [
            f"CAST({self.formula(formula)} AS {self.dialect.double}) AS {self.named(name)}"
            for name, formula in level
        ]

    def named(self, name: str) -> str:
        """Return the quoted name of a formula."""
        return self.dialect.identifier(free_name(name, self._signature))

    def formula(self, formula: Expression) -> str:
        """Print a formula."""
        if isinstance(formula, Number):
            return literal(formula.value)
        if isinstance(formula, Name):
            return self.named(formula.name)
        if isinstance(formula, Input):
            return self._input(self._signature.inputs.columns[formula.place])
        if isinstance(formula, If):
            then, other = self.formula(formula.then), self.formula(formula.other)
            return f"CASE WHEN {self._test(formula.test)} THEN {then} ELSE {other} END"
        return self._call(formula)

    def _test(self, test: Test) -> str:
        if isinstance(test, Compare):
            return f"{self.formula(test.left)} {test.operator} {self.formula(test.right)}"
        if isinstance(test, Missing):
            return f"{self.formula(test.value)} IS NULL"
        if isinstance(test, Among):
            return self._among(test)
        return f"({self._test(test.left)} OR {self._test(test.right)})"

    def _among(self, test: Among) -> str:
        column = self._signature.inputs.columns[test.place]
        name = self.dialect.text.format(name=self.dialect.identifier(column.name))
        texts = [self.dialect.literal(column.allowed[code]) for code in test.codes]
        if len(texts) == 1:
            return f"{name} = {texts[0]}"
        return f"{name} IN ({', '.join(texts)})"

    def _input(self, column: Column) -> str:
        name = self.dialect.identifier(column.name)
        if column.type is Type.CATEGORY:
            text = self.dialect.text.format(name=name)
            known = " ".join(
                f"WHEN {self.dialect.literal(label)} THEN {code}" for code, label in enumerate(column.allowed)
            )
            return f"CASE {text} {known} ELSE -1 END" if known else "-1"
        if column.type is Type.BOOLEAN:
            name = f"CAST({name} AS {self.dialect.whole})"
            return f"CAST({name} AS {self.dialect.double})"
        return self.dialect.number.format(value=f"CAST({name} AS {self.dialect.double})")

    def _call(self, formula: Call) -> str:
        values = [self.formula(argument) for argument in formula.arguments]
        if formula.function in _INFIX:
            return f"({values[0]} {_INFIX[formula.function]} {values[1]})"
        if formula.function == "round32":
            return self._rounded(values[0], formula.arguments[0])
        if len(values) == 2:
            return self._pair(formula.function, *values)
        return self._function(formula.function, values[0])

    def _pair(self, function: str, left: str, right: str) -> str:
        if function == "divide":
            return self.dialect.divide.format(left=left, right=right)
        if function == "power":
            return self.dialect.number.format(value=f"POWER({left}, {right})")
        chosen = self.dialect.greatest if function == "maximum" else self.dialect.least
        return f"{chosen}({left}, {right})"

    def _function(self, function: str, value: str) -> str:
        if function == "exp":
            return self._exp(value)
        if function == "expm1":
            return f"({self._exp(value)} - 1)"
        if function == "tanh":
            return f"(1 - 2 / ({self._exp(f'2 * {value}', bounded=True)} + 1))"
        if function == "logistic":
            return f"(1 / (1 + {self._exp(f'-{value}', bounded=True)}))"
        if function == "floor":
            return self.dialect.floor.format(value=value)
        return self.dialect.number.format(value=_FUNCTIONS[function].format(value))

    def _exp(self, value: str, *, bounded: bool = False) -> str:
        """Print exp; `bounded` where what comes of it hardly changes beyond the limit."""
        if not self.dialect.guards_exp:
            return f"EXP({value})"
        least = self.dialect.least
        value = f"{self.dialect.greatest}({value}, -{_LIMIT})"
        if bounded:
            return f"EXP({least}({value}, {_LIMIT}))"
        return f"EXP(NULLIF({least}({value}, {_INFINITE}), {_INFINITE}))"

    def _rounded(self, value: str, argument: Expression) -> str:
        if not self.dialect.single:
            return self.formula(rounded(argument))
        return f"CAST(CAST({value} AS {self.dialect.single}) AS {self.dialect.double})"


_INFIX = {"add": "+", "subtract": "-", "multiply": "*"}
_FUNCTIONS = {
    "log": "LN({})",
    "log1p": "LN(1 + {})",
    "sqrt": "SQRT({})",
    "abs": "ABS({})",
}
