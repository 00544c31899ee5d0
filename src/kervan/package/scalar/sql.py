"""Formulas as one SQL query, level by level, in the dialects of six databases."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.scalar.expressions import (
    Among,
    Call,
    Compare,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.schema import Column
    from kervan.package.scalar.expressions import Test
    from kervan.package.scalar.lower import Formulas

TABLE = "input"
LARGEST = 120_000  # characters: databases take minutes to plan the nested choices of larger queries
_HEAD = "-- Scores the table `input`. Every column of it may be added to the last SELECT, such as its key.\n"
_LIMIT = 300  # where exp is held, so that products of it stay in its range too; exp(-300) is as good as 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one database writes what the others write otherwise.

    `double` and `single` are its types of float64 and float32 ("" for none: inputs then enter as they are).
    `quotes` and `escapes` say how letters are written within names and texts, `text` how a column of texts
    is compared letter by letter. A database that `guards_exp` raises an error where exp leaves its range.
    """

    name: str
    double: str
    single: str = ""
    whole: str = "INTEGER"
    greatest: str = "GREATEST"
    least: str = "LEAST"
    quote: str = '"'
    quotes: Mapping[str, str] = field(default_factory=lambda: {'"': '""'})
    escapes: Mapping[str, str] = field(default_factory=lambda: {"'": "''"})
    text: str = "{name}"
    guards_exp: bool = False

    def identifier(self, name: str) -> str:
        """Quote a name."""
        return self.quote + "".join(self.quotes.get(letter, letter) for letter in name) + self.quote

    def literal(self, value: str) -> str:
        """Quote a text."""
        return "'" + "".join(self.escapes.get(letter, letter) for letter in value) + "'"


_BACKSLASHED = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(name="sqlite", double="REAL", greatest="MAX", least="MIN"),
        Dialect(name="postgresql", double="DOUBLE PRECISION", single="REAL", guards_exp=True),
        Dialect(name="duckdb", double="DOUBLE", single="FLOAT"),
        Dialect(
            name="mysql",
            double="DOUBLE",
            single="FLOAT",
            whole="SIGNED",
            quote="`",
            quotes={"`": "``"},
            escapes={"'": "''", "\\": "\\\\"},
            text="CAST(CONVERT({name} USING utf8mb4) AS BINARY)",
            guards_exp=True,
        ),
        Dialect(
            name="bigquery",
            double="FLOAT64",
            whole="INT64",
            quote="`",
            quotes={"`": "\\`", "\\": "\\\\"},
            escapes=_BACKSLASHED,
        ),
        Dialect(
            name="spark",
            double="DOUBLE",
            single="FLOAT",
            whole="INT",
            quote="`",
            quotes={"`": "``"},
            escapes=_BACKSLASHED,
        ),
    )
}


def write_query(formulas: Formulas, dialect: Dialect) -> str:
    """Write a query over the table `input`: its columns, `prediction`, and one probability for each class.

    Raises `Refused` for a query that databases cannot plan in reasonable time.
    """
    printer = _Printer(formulas, dialect)
    output = formulas.signature.output
    answers = [(name, formula) for name, formula in zip(printer.answers, formulas.answers, strict=True)]
    before = dialect.identifier(TABLE)
    steps = []
    for place, level in enumerate([*formulas.levels, answers]):
        named = dialect.identifier(f"step_{place + 1}")
        steps.append(f"{named} AS ({_selection(['*', *printer.columns(level)], before)})")
        before = named
    columns = [dialect.identifier(column.name) for column in formulas.signature.inputs]
    given = [dialect.identifier(name) for name in printer.answers]
    if formulas.signature.is_classification:
        texts = [dialect.literal(label) for label in output.allowed]
        columns.append(f"{_label(given, texts)} AS {dialect.identifier(printer.prediction)}")
    query = f"{_HEAD}WITH {', '.join(steps)}\n{_selection([*columns, *given], before)}\n"
    if len(query) > LARGEST:
        raise Refused(
            f"the query would have {len(query):,} characters; databases plan up to {LARGEST:,} in time",
            hint="choose a smaller model, or score outside of the database",
        )
    return query


def _selection(columns: list[str], table: str) -> str:
    return "\n".join(["SELECT", ",\n".join(f"  {column}" for column in columns), f"FROM {table}"])


def _label(names: list[str], texts: list[str]) -> str:
    """Return the class with the largest probability, the first of several."""
    choices = []
    for place, name in enumerate(names[:-1]):
        wins = " AND ".join(f"{name} >= {other}" for other in names[place + 1 :])
        choices.append(f"WHEN {wins} THEN {texts[place]}")
    return f"CASE {' '.join(choices)} ELSE {texts[-1]} END" if choices else texts[-1]


class _Printer:
    def __init__(self, formulas: Formulas, dialect: Dialect) -> None:
        self._signature = formulas.signature
        self._dialect = dialect
        output = formulas.signature.output
        self.prediction = self._own("prediction")
        self.answers = [self.prediction]
        if formulas.signature.is_classification:
            self.answers = [self._own(f"probability_{label}") for label in output.allowed]

    def columns(self, level: Iterable[tuple[str, Expression]]) -> list[str]:
        """Print formulas as columns."""
        return [
            f"CAST({self.formula(formula)} AS {self._dialect.double}) AS {self._named(name)}"
            for name, formula in level
        ]

    def _named(self, name: str) -> str:
        return self._dialect.identifier(self._own(name))

    def _own(self, name: str) -> str:
        """Return the name that a formula has in the query: one that no column of the model has."""
        taken = {column.name.casefold() for column in self._signature.inputs}
        while name.casefold() in taken:
            name = f"_{name}"
        return name

    def formula(self, formula: Expression) -> str:
        """Print a formula."""
        if isinstance(formula, Number):
            return self._number(formula.value)
        if isinstance(formula, Name):
            return self._named(formula.name)
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
        name = self._dialect.text.format(name=self._dialect.identifier(column.name))
        texts = [self._dialect.literal(column.allowed[code]) for code in test.codes]
        if len(texts) == 1:
            return f"{name} = {texts[0]}"
        return f"{name} IN ({', '.join(texts)})"

    def _input(self, column: Column) -> str:
        name = self._dialect.identifier(column.name)
        if column.type is Type.CATEGORY:
            text = self._dialect.text.format(name=name)
            known = " ".join(
                f"WHEN {self._dialect.literal(label)} THEN {code}"
                for code, label in enumerate(column.allowed)
            )
            return f"CASE {text} {known} ELSE -1 END" if known else "-1"
        if column.type is Type.BOOLEAN:
            name = f"CAST({name} AS {self._dialect.whole})"
        return f"CAST({name} AS {self._dialect.double})"

    def _number(self, value: float) -> str:
        if not isfinite(value):
            raise Refused(
                f"the model holds the number {value}, which a query cannot say",
                hint="look for columns that are the same in every row, and leave them out",
            )
        text = repr(value)
        return text if "e" in text else f"{text}e0"  # a decimal would be exact arithmetic, and slow

    def _call(self, formula: Call) -> str:
        values = [self.formula(argument) for argument in formula.arguments]
        if formula.function in _INFIX:
            return f"({values[0]} {_INFIX[formula.function]} {values[1]})"
        if formula.function == "maximum":
            return f"{self._dialect.greatest}({values[0]}, {values[1]})"
        if formula.function == "minimum":
            return f"{self._dialect.least}({values[0]}, {values[1]})"
        if formula.function == "round32":
            return self._rounded(values[0], formula.arguments[0])
        if formula.function == "power":
            return f"POWER({values[0]}, {values[1]})"
        return self._function(formula.function, values[0])

    def _function(self, function: str, value: str) -> str:
        if function == "exp":
            return self._exp(value)
        if function == "expm1":
            return f"({self._exp(value)} - 1)"
        if function == "tanh":
            return f"(1 - 2 / ({self._exp(f'2 * {value}', bounded=True)} + 1))"
        if function == "logistic":
            return f"(1 / (1 + {self._exp(f'-{value}', bounded=True)}))"
        return _FUNCTIONS[function].format(value)

    def _exp(self, value: str, *, bounded: bool = False) -> str:
        """Print exp; `bounded` where what comes of it hardly changes beyond the limit."""
        if not self._dialect.guards_exp:
            return f"EXP({value})"
        if bounded:
            value = f"{self._dialect.least}({value}, {_LIMIT})"
        return f"EXP({self._dialect.greatest}({value}, -{_LIMIT}))"

    def _rounded(self, value: str, argument: Expression) -> str:
        if not self._dialect.single and isinstance(argument, Input):
            return value
        if not self._dialect.single:
            raise Refused(
                f"{self._dialect.name} has no 32-bit numbers, in which this model's trees compare",
                hint="leave out what is computed before the trees, or choose `duckdb` or `postgresql`",
            )
        return f"CAST(CAST({value} AS {self._dialect.single}) AS {self._dialect.double})"


_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_FUNCTIONS = {
    "log": "LN({})",
    "log1p": "LN(1 + {})",
    "sqrt": "SQRT({})",
    "abs": "ABS({})",
    "floor": "FLOOR({})",
}
