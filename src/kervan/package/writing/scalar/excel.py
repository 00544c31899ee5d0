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
from kervan.package.writing.scalar.digits import between_digits
from kervan.package.writing.scalar.excel_trees import NodeList
from kervan.package.writing.scalar.expressions import (
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
    expected_costs,
    rounded,
)
from kervan.package.writing.scalar.lower import lower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Column
    from kervan.package.writing.neutral.form import Form
    from kervan.package.writing.scalar.expressions import Test
    from kervan.package.writing.scalar.lower import Ensemble, Formulas

INPUTS, ANSWERS, MODEL, NUMBERS, LISTS, NODES = "Inputs", "Answers", "Model", "Numbers", "Lists", "Nodes"
COLUMNS = 16_384  # of a sheet
MOST_NODES = 200_000  # of trees, as rows of a sheet that has a million
LARGEST = 150_000  # characters of one row's formulas: spreadsheets take minutes to open more
_QUICK = 20_000  # characters up to which trees are opened as quickly as a list of their nodes
_LONGEST, _DEEPEST = (
    2_000,
    20,
)  # of a part; a formula has up to three, and may have 8,192 characters, 64 levels
_ROW = "\0"  # stands for the number of the row
_EXACT_DIGITS = 15  # as many as spreadsheets keep of a number within a formula
_LARGEST_NUMBER = 9e307  # Excel's is just below 1e308
_SMALLEST_NUMBER = 1e-307  # beside 0: what is nearer to it is an error, not a number


@dataclass(frozen=True, slots=True)
class Titled:
    """A column of formulas, for any row; or several columns that one array formula fills."""

    title: str
    formula: str
    width: int = 1

    def at(self, row: int) -> str:
        """Return the formula of a row, counted from 1."""
        return "=" + self.formula.replace(_ROW, str(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """What a workbook holds: the columns of the sheets of formulas, and the numbers that these refer to.

    The categories of input i are in column i of the sheet of lists, from its second row on; those of the
    output come last. `nodes` are the columns of the sheet of trees, with their titles. `counted` is how many
    numbers 1, 2, … stand in the first row of the sheet of numbers, from its second column on.
    """

    model: tuple[Titled, ...]
    answers: tuple[Titled, ...]
    numbers: tuple[float, ...]
    nodes: tuple[tuple[str, Sequence[float | str]], ...] = ()
    counted: int = 0

    @property
    def width(self) -> int:
        """How many columns the sheet of the model has."""
        return sum(column.width for column in self.model)

    @property
    def length(self) -> int:
        """How many characters the formulas of a row have."""
        return sum(len(column.formula) for column in (*self.model, *self.answers))

    @property
    def height(self) -> int:
        """How many nodes there are, at most, in a column."""
        return max((len(values) for _, values in self.nodes), default=0)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a formula: how deep it nests, and whether it may be an error where a number is missing."""

    text: str
    depth: int = 0
    is_nullable: bool = False


def write_sheets(form: Form) -> Sheets:
    """Write a model for a workbook: its trees as formulas, or as a list of nodes if these would be too long.

    Raises `Refused` for a form that needs sorting or searching, and for more than spreadsheets open in time.
    """
    form = between_digits(form)
    sheets = _Printer(lower(form)).print()
    if sheets.length > _QUICK:
        sheets = _Printer(lower(form, keeps_trees=True)).print()
    if sheets.width > COLUMNS or sheets.length > LARGEST or sheets.height > MOST_NODES:
        raise Refused(
            f"each row would have {sheets.width:,} columns and {sheets.length:,} characters of formulas, "
            f"over {sheets.height:,} nodes; spreadsheets have {COLUMNS:,} columns and open {LARGEST:,} "
            f"characters and {MOST_NODES:,} nodes in time",
            hint="choose a smaller model, or the format `onnx`",
        )
    return sheets


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


def _cells(place: int, width: int) -> str:
    """Return the cells of a row from a column on."""
    first, last = column_letters(place), column_letters(place + width - 1)
    return f"{first}{_ROW}" if width == 1 else f"{first}{_ROW}:{last}{_ROW}"


def _counts(number: int) -> str:
    """Return the cells that count 1, 2, …"""
    return f"{NUMBERS}!$B$1:${column_letters(number)}$1"


def list_range(place: int, length: int) -> str:
    """Return where the categories of an input are."""
    letters = column_letters(place)
    return f"{LISTS}!${letters}$2:${letters}${length + 1}"


class _Printer:
    def __init__(self, formulas: Formulas) -> None:
        self._formulas = formulas
        self._signature = formulas.signature
        self._columns: list[Titled] = []
        self._width = 0
        self._parts: dict[str, _Part] = {}
        self._places: dict[float, int] = {}
        self._nodes: list[tuple[str, Sequence[float | str]]] = []
        self._counted = 0

    def print(self) -> Sheets:
        """Print all sheets."""
        for place, column in enumerate(self._signature.inputs):
            self._add(Titled(column.name, self._number_of(place, column)))
        for level in self._formulas.levels:
            for name, formula in level:
                self._parts[name] = self._own_column(name, self.formula(formula))
        names = [f"answer {place + 1}" for place in range(len(self._formulas.answers))]
        for name, formula in zip(names, self._formulas.answers, strict=True):
            self._parts[name] = self._own_column(name, self.formula(formula))
        answers = self._answers([self._parts[name].text for name in names], self._costs(names))
        return Sheets(
            model=tuple(self._columns),
            answers=tuple(answers),
            numbers=tuple(self._places),
            nodes=tuple(self._nodes),
            counted=self._counted,
        )

    def _costs(self, names: Sequence[str]) -> list[str]:
        """Return the cells of what naming each class is expected to cost, which lie side by side."""
        costs = expected_costs([Name(name) for name in names], self._signature.costs)
        parts = [self.formula(each) for each in costs]
        return [self._own_column(f"cost {place}", part).text for place, part in enumerate(parts, 1)]

    def _answers(self, cells: Sequence[str], costs: Sequence[str]) -> list[Titled]:
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
        place = f"MATCH(MAX({known}),{known},0)"
        if self._signature.threshold is not None:
            place = f"IF(C{_ROW}>={self._signature.threshold!r},2,1)"
        if costs:
            known = f"{MODEL}!{costs[0]}:{costs[-1]}"
            place = f"MATCH(MIN({known}),{known},0)"
        label = f'IF({empty},"",INDEX({names},{place}))'
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
            if formula.name not in self._parts:
                self._walk(next(each for each in self._formulas.ensembles if formula.name in each.names))
            return self._parts[formula.name]
        if isinstance(formula, Input):
            is_category = self._signature.inputs.columns[formula.place].type is Type.CATEGORY
            return _Part(f"{column_letters(formula.place)}{_ROW}", 0, not is_category)
        if isinstance(formula, If):
            return self._choice(formula)
        if formula.function == "round32":
            return self.formula(rounded(formula.arguments[0]))
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
        place = self._add(Titled(title, part.text))
        return _Part(_cells(place, 1), 0, part.is_nullable)

    def _add(self, column: Titled) -> int:
        """Add a column, or the several of an array formula, and return its place."""
        place = self._width
        self._columns.append(column)
        self._width += column.width
        return place

    def _walk(self, ensemble: Ensemble) -> None:
        """Walk through the trees of an ensemble, and name what they answer."""
        nodes = NodeList(ensemble, _LARGEST_NUMBER)
        ranges = self._list(nodes)
        texts = [self._short(self.formula(element)).text for element in nodes.asked]
        places = [self._add(Titled(f"asked {number}", text)) for number, text in enumerate(texts, 1)]
        trees = len(nodes.depths)
        self._counted = max(self._counted, trees, len(places))
        reached = _counts(trees)

        def look(title: str) -> str:
            return f"LOOKUP({reached},{ranges['node']},{ranges[title]})"

        for number in range(1, max(nodes.depths, default=0) + 1 if places else 1):
            element = f"LOOKUP({look('asks about')},{_counts(len(places))},{_cells(places[0], len(places))})"
            held = _cells(self._add(Titled(f"held {number}", element, trees)), trees)
            reached = _cells(self._add(Titled(f"step {number}", nodes.child(held, look), trees)), trees)
        for output, name in enumerate(nodes.names):
            column, own = nodes.adding_to(output)
            leaves = look(f"leaf {column + 1}")
            if own != slice(0, trees):
                leaves += f"*({_counts(trees)}>{own.start})*({_counts(trees)}<={own.stop})"
            base = self._number(float(nodes.base[output])).text
            self._parts[name] = self._own_column(
                name, _Part(f"{base}+SUMPRODUCT({leaves})" if trees else base)
            )

    def _list(self, nodes: NodeList) -> dict[str, str]:
        """Add the columns of nodes, and return where they are by their titles."""
        ranges = {}
        for title, column in nodes.listed().items():
            letters = column_letters(len(self._nodes))
            ranges[title] = f"{NODES}!${letters}$2:${letters}${len(column) + 1}"
            self._nodes.append((title, column))
        return ranges

    def _number(self, value: float) -> _Part:
        if math.isnan(value):
            return _Part("NA()", 1, is_nullable=True)
        held = min(max(value, -_LARGEST_NUMBER), _LARGEST_NUMBER)  # no cell holds an infinite number
        if 0 < abs(held) < _SMALLEST_NUMBER:
            held = math.copysign(_SMALLEST_NUMBER, held)
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
