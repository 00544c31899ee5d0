"""Go without any module."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kervan.package.writing.code.printer import Printer, decimals, numbers_of
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import fill, go_text, naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Column
    from kervan.package.writing.code.program import Program

_TYPES = {"float32": "float32", "float64": "float64", "uint8": "uint8", "uint16": "uint16", "int32": "int32"}
_SCALARS = {"int": "int", "float": "float64", "bool": "bool"}


class GoPrinter(Printer):
    """Kernels in Go."""

    functions: ClassVar[dict[str, str]] = {
        **{
            name: f"math.{name.capitalize()}"
            for name in ("exp", "expm1", "floor", "log", "log1p", "sqrt", "tanh")
        },
        "fabs": "math.Abs",
        "isnan": "math.IsNaN",
        "power": "math.Pow",
        "round32": "round32",
    }
    condition = "{}"
    end = ""
    indent = "\t"

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function."""
        given = ", ".join(f"{each} {_parameter(kind)}" for each, kind in arguments)
        gives = "" if result == "None" else f" {_SCALARS[result]}"
        return f"func {name}({given}){gives}"

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        return f"var {name} {_SCALARS[kind]} = {value}"

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop."""
        return f"for {name} := {first}; {name} < {last}; {name}++"

    def keyword(self, name: str) -> str:
        """Return the word of Go for `while`."""
        return "for"

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion."""
        return f"{_SCALARS[kind]}({value})"

    def element(self, array: str, place: str, kind: str | None) -> str:
        """Print an element, as the type that kernels count with."""
        if kind is None or kind == "float64":
            return f"{array}[{place}]"
        return f"{'float64' if kind == 'float32' else 'int'}({array}[{place}])"


_BY_THRESHOLD = "\tbest = 0\n\tif values[1] >= THRESHOLD {\n\t\tbest = 1\n\t}\n"
_BY_COSTS = """\
	least := math.Inf(1)
	for named := range Classes {
		cost := 0.0
		for place, value := range values {
			cost += value * costs[named*len(Classes)+place]
		}
		if cost < least {
			least, best = cost, named
		}
	}
"""


def write_go(program: Program) -> Mapping[str, str]:
    """Return the package `model` by its file name."""
    signature = program.signature
    printer = GoPrinter(program)
    calls = [
        f"\t{printer.name_of(call)}({', '.join(['w', *map(_argument, numbers_of(call))])})"
        for call in program.calls
    ]
    classes = signature.output.allowed if signature.is_classification else ()
    parts = {
        "kernels": printer.kernels(),
        "constants": "\n".join(map(_constant, program.constants)),
        "calls": "\n".join(calls),
        "inputs": str(len(signature.inputs)),
        "outputs": str(program.outputs),
        "work": str(program.work),
        "answer": str(program.answer),
        "columns": "\n".join(f"\t{_column(column)}," for column in signature.inputs),
        "output": go_text(signature.output.name),
        "classes": ", ".join(map(go_text, classes)),
        "naming": naming(signature, _BY_THRESHOLD, _BY_COSTS),
    }
    return {"model.go": fill("model.go", parts)}


def _column(column: Column) -> str:
    facts = {
        "Name": go_text(column.name),
        "Type": go_text(column.type),
        "Nullable": "true" if column.nullable else "false",
        "Minimum": _limit(column.minimum, -1),
        "Maximum": _limit(column.maximum, 1),
        "Unit": go_text(column.unit),
        "Unseen": go_text(column.unseen),
        "Allowed": f"[]string{{{', '.join(map(go_text, column.allowed))}}}",
    }
    return f"{{{', '.join(f'{name}: {value}' for name, value in facts.items())}}}"


def _limit(value: float | None, sign: int) -> str:
    return f"math.Inf({sign})" if value is None or np.isinf(value) else _number(repr(float(value)), "float64")


def _parameter(kind: str) -> str:
    if kind == "Work":
        return "[]float64"
    return f"[]{_TYPES[kind]}" if kind in _TYPES else _SCALARS[kind]


def _argument(value: float | Constant) -> str:
    return f"{value.name}[:]" if isinstance(value, Constant) else repr(value)


def _constant(constant: Constant) -> str:
    kind = _TYPES[constant.values.dtype.name]
    numbers = [_number(each, kind) for each in decimals(constant.values)]
    lines = "".join(f"\t{', '.join(numbers[at : at + 12])},\n" for at in range(0, len(numbers), 12))
    return f"var {constant.name} = [...]{kind}{{\n{lines}}}\n"


def _number(text: str, kind: str) -> str:
    """Write a number; Go's constants have no zero below zero, no infinity and no NaN."""
    named = {
        "-0.0": "math.Copysign(0, -1)",
        "inf": "math.Inf(1)",
        "-inf": "math.Inf(-1)",
        "nan": "math.NaN()",
    }
    return f"{kind}({named[text]})" if text in named else text
