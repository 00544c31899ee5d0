"""Rust without any crate."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kervan.package.writing.code.printer import Printer, decimals, numbers_of
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import fill, naming, rust_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Column
    from kervan.package.writing.code.program import Program

_TYPES = {"float32": "f32", "float64": "f64", "uint8": "u8", "uint16": "u16", "int32": "u32"}
_SCALARS = {"int": "usize", "float": "f64", "bool": "bool"}
_ON_STACK = 4_096  # float64 numbers


class RustPrinter(Printer):
    """Kernels in Rust."""

    functions: ClassVar[dict[str, str]] = {
        **{name: f"f64::{name}" for name in ("exp", "floor", "sqrt", "tanh")},
        "expm1": "f64::exp_m1",
        "fabs": "f64::abs",
        "isnan": "f64::is_nan",
        "log": "f64::ln",
        "log1p": "f64::ln_1p",
        "power": "f64::powf",
        "round32": "round32",
    }
    condition = "{}"

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function."""
        given = ", ".join(f"{each}: {_parameter(kind)}" for each, kind in arguments)
        gives = "" if result == "None" else f" -> {_SCALARS[result]}"
        return f"fn {name}({given}){gives}"

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        return f"let {'mut ' if changes else ''}{name}: {_SCALARS[kind]} = {value}"

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop."""
        return f"for {'_' if name == 'each' else name} in {first}..{last}"

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion."""
        return f"{value} as {_SCALARS[kind]}"

    def element(self, array: str, place: str, kind: str | None) -> str:
        """Print an element, as the type that kernels count with."""
        if kind is None or kind == "float64":
            return f"{array}[{place}]"
        return f"{array}[{place}] as {'f64' if kind == 'float32' else 'usize'}"


_BY_THRESHOLD = "    best = usize::from(values[1] >= THRESHOLD);\n"
_BY_COSTS = """\
    let mut least = f64::INFINITY;
    for (named, costs) in COSTS.chunks(OUTPUTS).enumerate() {
        let mut cost = 0.0;
        for (value, each) in values.iter().zip(costs) {
            cost += value * each;
        }
        if cost < least {
            least = cost;
            best = named;
        }
    }
"""


def write_rust(program: Program) -> Mapping[str, str]:
    """Return the module by its file name."""
    signature = program.signature
    printer = RustPrinter(program)
    calls = [
        f"    {printer.name_of(call)}({', '.join(['w', *map(_argument, numbers_of(call))])});"
        for call in program.calls
    ]
    kind = "classification" if signature.is_classification else "regression"
    work = f"[0.0_f64; {program.work}]" if program.work <= _ON_STACK else f"vec![0.0_f64; {program.work}]"
    parts = {
        "kernels": printer.kernels(),
        "constants": "\n".join(map(_constant, program.constants)),
        "calls": "\n".join(calls),
        "inputs": str(len(signature.inputs)),
        "outputs": str(program.outputs),
        "work": work,
        "answer": str(program.answer),
        "columns": "\n".join(f"    {_column(column)}," for column in signature.inputs),
        "output": rust_text(signature.output.name),
    }
    answers = {
        "classes": ", ".join(map(rust_text, signature.output.allowed)),
        "naming": naming(signature, _BY_THRESHOLD, _BY_COSTS),
    }
    return {"model.rs": fill("model.rs", {**parts, "answers": fill(f"{kind}.rs", answers)})}


def _column(column: Column) -> str:
    coded = sorted((text.encode(), code) for code, text in enumerate(column.allowed))
    facts = {
        "name": rust_text(column.name),
        "kind": f"Kind::{column.type.capitalize()}",
        "nullable": "true" if column.nullable else "false",
        "minimum": _limit(column.minimum, "NEG_INFINITY"),
        "maximum": _limit(column.maximum, "INFINITY"),
        "unit": rust_text(column.unit),
        "refuses_unseen": "true" if column.unseen == "refuse" else "false",
        "allowed": f"&[{', '.join(map(rust_text, column.allowed))}]",
        "sorted": f"&[{', '.join(str(code) for _, code in coded)}]",
    }
    return f"Column {{ {', '.join(f'{name}: {value}' for name, value in facts.items())} }}"


def _limit(value: float | None, infinite: str) -> str:
    return f"f64::{infinite}" if value is None or np.isinf(value) else repr(float(value))


def _parameter(kind: str) -> str:
    if kind == "Work":
        return "&mut [f64]"
    return f"&[{_TYPES[kind]}]" if kind in _TYPES else _SCALARS[kind]


def _argument(value: float | Constant) -> str:
    return f"&{value.name.upper()}" if isinstance(value, Constant) else repr(value)


def _constant(constant: Constant) -> str:
    kind = _TYPES[constant.values.dtype.name]
    numbers = [_number(each, kind) for each in decimals(constant.values)]
    lines = ",\n    ".join(", ".join(numbers[at : at + 12]) for at in range(0, len(numbers), 12))
    return f"static {constant.name.upper()}: [{kind}; {len(numbers)}] = [\n    {lines}\n];"


def _number(text: str, kind: str) -> str:
    named = {"inf": f"{kind}::INFINITY", "-inf": f"{kind}::NEG_INFINITY", "nan": f"{kind}::NAN"}
    return named.get(text, text)
