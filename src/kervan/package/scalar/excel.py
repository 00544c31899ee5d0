"""Formulas as those of a spreadsheet: one column for each, which looks only to its left.

A missing number is the error #N/A, because a blank cell counts as 0. What is too long or too deep for one
cell goes on in a column of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.scalar.expressions import (
    Among,
    Call,
    Compare,
    Either,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Column
    from kervan.package.scalar.expressions import Test
    from kervan.package.scalar.lower import Formulas

INPUTS, ANSWERS, MODEL, NUMBERS, LISTS = "Inputs", "Answers", "Model", "Numbers", "Lists"
COLUMNS = 16_384  # of a sheet
LARGEST = 150_000  # characters of one row's formulas: spreadsheets take minutes to open more
_LONGEST, _DEEPEST = (
    2_000,
    20,
)  # of a part; a formula has up to three, and may have 8,192 characters, 64 levels
_ROW = "\0"  # stands for the number of the row
_EXACT_DIGITS = 15  # as many as spreadsheets keep of a number within a formula
_LARGEST_NUMBER = 9e307  # Excel's is just below 1e308


@dataclass(frozen=True, slots=True)
class Titled:
    """A column of formulas, for any row."""

    title: str
    formula: str

    def at(self, row: int) -> str:
        """Return the formula of a row, counted from 1."""
        return "=" + self.formula.replace(_ROW, str(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """What a workbook holds: the columns of the sheets of formulas, and the numbers that these refer to.

    The categories of input i are in column i of the sheet of lists, from its second row on; those of the
    output come last.
    """

    model: tuple[Titled, ...]
    answers: tuple[Titled, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a formula: how deep it nests, and whether it may be an error where a number is missing."""

    text: str
    depth: int = 0
    is_nullable: bool = False


def write_sheets(formulas: Formulas) -> Sheets:
    """Write formulas for a workbook. Raises `Refused` for more than spreadsheets can open in time."""
    printer = _Printer(formulas)
    model, answers = printer.print()
    length = sum(len(column.formula) for column in (*model, *answers))
    if len(model) > COLUMNS or length > LARGEST:
        raise Refused(
            f"each row would have {len(model):,} columns and {length:,} characters of formulas; "
            f"spreadsheets have {COLUMNS:,} columns and open {LARGEST:,} characters in time",
            hint="choose a smaller model, or the format `onnx`",
        )
    return Sheets(model=tuple(model), answers=tuple(answers), numbers=tuple(printer.numbers))


def column_letters(place: int) -> str:
    """Return how spreadsheets call a column.

    >>> column_letters(0), column_letters(26), column_letters(16_383)
    ('A', 'AA', 'XFD')
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def list_range(place: int, length: int) -> str:
    """Return where the categories of an input are."""
    letters = column_letters(place)
    return f"{LISTS}!${letters}$2:${letters}${length + 1}"


class _Printer:
    def __init__(self, formulas: Formulas) -> None:
        self._formulas = formulas
        self._signature = formulas.signature
        self._columns: list[Titled] = []
        self._parts: dict[str, _Part] = {}
        self._places: dict[float, int] = {}

    @property
    def numbers(self) -> list[float]:
        """The numbers that have a cell of their own."""
        return list(self._places)

    def print(self) -> tuple[list[Titled], list[Titled]]:
        """Print all columns of the model, and those of the answer."""
        for place, column in enumerate(self._signature.inputs):
            self._columns.append(Titled(column.name, self._number_of(place, column)))
        for level in self._formulas.levels:
            for name, formula in level:
                self._parts[name] = self._own_column(name, self.formula(formula))
        cells = []
        for place, formula in enumerate(self._formulas.answers):
            part = self.formula(formula)
            cells.append(self._own_column(f"answer {place + 1}", part).text)
        return self._columns, self._answers(cells)

    def _answers(self, cells: Sequence[str]) -> list[Titled]:
        last = column_letters(len(self._signature.inputs) - 1)
        empty = f"COUNTA({INPUTS}!A{_ROW}:{last}{_ROW})=0"
        output = self._signature.output
        if not self._signature.is_classification:
            return [Titled(output.name, f'IF({empty},"",{MODEL}!{cells[0]})')]
        chances = [
            Titled(f"probability({label})", f'IF({empty},"",{MODEL}!{cell})')
            for label, cell in zip(output.allowed, cells, strict=True)
        ]
        known = f"B{_ROW}:{column_letters(len(cells))}{_ROW}"
        names = list_range(len(self._signature.inputs), len(output.allowed))
        label = f'IF({empty},"",INDEX({names},MATCH(MAX({known}),{known},0)))'
        return [Titled(output.name, label), *chances]

    def _number_of(self, place: int, column: Column) -> str:
        """Return a number for an input: a category's place, or -1."""
        cell = f"{INPUTS}!{column_letters(place)}{_ROW}"
        if column.type is Type.CATEGORY:
            if not column.allowed:
                return "-1"
            texts = list_range(place, len(column.allowed))
            return f"SUMPRODUCT(EXACT({texts},{cell})*(ROW({texts})-1))-1"
        number = f"IF(ISNUMBER({cell}),{cell},NA())"
        return f"IF(ISLOGICAL({cell}),IF({cell},1,0),{number})" if column.type is Type.BOOLEAN else number

    def formula(self, formula: Expression) -> _Part:
        """Print a formula."""
        if isinstance(formula, Number):
            return self._number(formula.value)
        if isinstance(formula, Name):
            return self._parts[formula.name]
        if isinstance(formula, Input):
            is_category = self._signature.inputs.columns[formula.place].type is Type.CATEGORY
            return _Part(f"{column_letters(formula.place)}{_ROW}", 0, not is_category)
        if isinstance(formula, If):
            return self._choice(formula)
        parts = [self._short(self.formula(each)) for each in formula.arguments]
        depth = 2 + max(part.depth for part in parts)
        text = _applied(formula, [part.text for part in parts])
        return _Part(text, depth, any(part.is_nullable for part in parts))

    def _choice(self, formula: If) -> _Part:
        then, other = self._short(self.formula(formula.then)), self._short(self.formula(formula.other))
        test = self._short(self._test(formula.test))
        is_filled = isinstance(formula.test, Missing) and formula.test.value == formula.other
        is_nullable = then.is_nullable or (other.is_nullable and not is_filled)
        depth = 1 + max(part.depth for part in (test, then, other))
        return _Part(f"IF({test.text},{then.text},{other.text})", depth, is_nullable)

    def _test(self, test: Test) -> _Part:
        if isinstance(test, Compare):
            return self._comparison(test)
        if isinstance(test, Missing):
            value = self._short(self.formula(test.value))
            return _Part(f"NOT(ISNUMBER({value.text}))", value.depth + 2)
        if isinstance(test, Among):
            return _Part(_among(f"{column_letters(test.place)}{_ROW}", test.codes), 3)
        return self._either(test)

    def _comparison(self, test: Compare, unknown: str = "FALSE") -> _Part:
        left, right = self._short(self.formula(test.left)), self._short(self.formula(test.right))
        text, depth = f"{left.text}{test.operator}{right.text}", 2 + max(left.depth, right.depth)
        guards = [f"ISNUMBER({part.text})" for part in (left, right) if part.is_nullable]
        if not guards:
            return _Part(text, depth)
        guard = guards[0] if len(guards) == 1 else f"AND({','.join(guards)})"
        return _Part(f"IF({guard},{text},{unknown})", depth + 1)

    def _either(self, test: Either) -> _Part:
        right = test.right
        if isinstance(test.left, Missing) and isinstance(right, Compare) and test.left.value == right.left:
            return self._comparison(right, unknown="TRUE")
        parts = [self._short(self._test(each)) for each in (test.left, right)]
        return _Part(f"OR({parts[0].text},{parts[1].text})", 1 + max(part.depth for part in parts))

    def _short(self, part: _Part) -> _Part:
        """Give a part a column of its own if the formula around it would be too long or too deep."""
        if len(part.text) <= _LONGEST and part.depth <= _DEEPEST:
            return part
        return self._own_column(f"part {len(self._columns) + 1}", part)

    def _own_column(self, title: str, part: _Part) -> _Part:
        self._columns.append(Titled(title, part.text))
        return _Part(f"{column_letters(len(self._columns) - 1)}{_ROW}", 0, part.is_nullable)

    def _number(self, value: float) -> _Part:
        if math.isnan(value):
            return _Part("NA()", 1, is_nullable=True)
        held = min(max(value, -_LARGEST_NUMBER), _LARGEST_NUMBER)  # no cell holds an infinite number
        text = f"{held:.{_EXACT_DIGITS}G}"
        if float(text) == held:
            return _Part(f"({text})" if held < 0 else text)
        place = self._places.setdefault(held, len(self._places))
        return _Part(f"{NUMBERS}!$A${place + 1}")


_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_FUNCTIONS = {
    "minimum": "MIN({},{})",
    "maximum": "MAX({},{})",
    "power": "POWER({},{})",
    "round32": "{}",  # a spreadsheet has no float32; inputs enter as they are
    "exp": "EXP({})",
    "expm1": "(EXP({})-1)",
    "log": "LN({})",
    "log1p": "LN(1+{})",
    "sqrt": "SQRT({})",
    "abs": "ABS({})",
    "floor": "INT({})",
    "tanh": "TANH({})",
    "logistic": "(IF({0}<0,EXP({0}),1)/(1+EXP(-ABS({0}))))",
}


def _applied(formula: Call, values: list[str]) -> str:
    if formula.function in _INFIX:
        return f"({values[0]}{_INFIX[formula.function]}{values[1]})"
    return _FUNCTIONS[formula.function].format(*values)


def _among(cell: str, codes: Sequence[int]) -> str:
    """Ask for runs of codes, in groups: a function has up to 255 arguments."""
    starts = [code for before, code in pairwise((-2, *codes)) if code != before + 1]
    ends = [code for code, after in pairwise((*codes, max(codes) + 2)) if after != code + 1]
    tests = [
        f"{cell}={start}" if start == end else f"AND({cell}>={start},{cell}<={end})"
        for start, end in zip(starts, ends, strict=True)
    ]
    while len(tests) > 1:
        tests = [f"OR({','.join(tests[at : at + 200])})" for at in range(0, len(tests), 200)]
    return tests[0]
