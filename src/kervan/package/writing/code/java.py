"""Java 8 or newer, in one class. A method and a text may have 64 kB there, so that numbers are packed."""

from __future__ import annotations

import base64
import struct
from textwrap import indent
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kervan.package.writing.code.printer import Printer, numbers_of
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import fill, java_text, naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.code.program import Program

QUICKLY = ("-Xshare:auto", "-XX:TieredStopAtLevel=1")  # how to run what does not run long
COMPILED = (*(f"-J{option}" for option in QUICKLY), "-Xlint:all", "-Werror", "-encoding", "ascii")

_TYPES = {"float32": "float", "float64": "double", "uint8": "byte", "uint16": "char", "int32": "int"}
_SCALARS = {"int": "int", "float": "double", "bool": "boolean", "None": "void"}
_CHUNK = 60_000  # letters of a text; a whole number of packed bytes
_CALLS = 200  # calls in a method
_COLUMNS = 50  # columns in a method
_WRITTEN_OUT = 2_000  # texts of all columns; more are packed too


_BY_COSTS = """\
double least = Double.POSITIVE_INFINITY;
for (int named = 0; named < @classes; named++) {
    double cost = 0.0;
    for (int i = 0; i < @classes; i++) {
        cost += @value * costs[named * @classes + i];
    }
    if (cost < least) {
        least = cost;
        best = named;
    }
}
"""


class JavaPrinter(Printer):
    """Kernels in Java."""

    functions: ClassVar[dict[str, str]] = {
        **{name: f"Math.{name}" for name in ("exp", "expm1", "floor", "log", "log1p", "sqrt", "tanh")},
        "fabs": "Math.abs",
        "isnan": "Double.isNaN",
        "power": "Math.pow",
        "round32": "(double) (float) ",
    }

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function."""
        given = ", ".join(f"{_parameter(kind)} {each}" for each, kind in arguments)
        return f"private static {_SCALARS[result]} {name}({given})"

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        return f"{'' if changes else 'final '}{_SCALARS[kind]} {name} = {value}"

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop."""
        return f"for (int {name} = {first}; {name} < {last}; {name}++)"

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion."""
        return f"({_SCALARS[kind]}) {value}"

    def element(self, array: str, place: str, kind: str | None) -> str:
        """Print an element; bytes have a sign in Java."""
        return f"({array}[{place}] & 0xff)" if kind == "uint8" else f"{array}[{place}]"


def write_java(program: Program, package: str = "") -> Mapping[str, str]:
    """Return the class `Model`, of a package if one is named, by its file name."""
    signature = program.signature
    is_packed = has_many_texts(signature)
    columns = [f"columns.add({_column(column, is_packed=is_packed)});" for column in signature.inputs]
    classes = signature.output.allowed if signature.is_classification else ()
    parts = {
        "package": f"package {package};\n\n" if package else "",
        "classes": java_texts(classes, is_packed=len(classes) > _WRITTEN_OUT),
        "naming": java_naming(signature, ("values[1]", "values[i]"), depth=3),
        **java_program(program),
        **java_methods("columns", "List<Column> columns", columns, _COLUMNS),
    }
    return {"Model.java": fill("Model.java", parts)}


def java_naming(signature: Signature, values: tuple[str, str], *, depth: int) -> str:
    """Return code that names a class by a threshold or by costs; "" without either.

    `values` are how the probability of the last of two classes is written there, and that of class `i`.
    """
    last, each = values
    by_costs = _BY_COSTS.replace("@value", each).replace("@classes", str(len(signature.output.allowed)))
    return indent(naming(signature, f"best = {last} >= THRESHOLD ? 1 : 0;\n", by_costs), "    " * depth)


def java_program(program: Program) -> dict[str, str]:
    """Return the parts of a class that compute a program, and where its answer lies in the work `w`."""
    printer = JavaPrinter(program)
    calls = [
        f"{printer.name_of(call)}({', '.join(['w', *map(_argument, numbers_of(call))])});"
        for call in program.calls
    ]
    return {
        "unpacking": fill("unpacking.java", {}),
        "constants": "\n".join(map(_constant, program.constants)),
        "kernels": printer.kernels().replace("\n", "\n    "),
        **java_methods("steps", "double[] w", calls, _CALLS),
        "inputs": str(len(program.signature.inputs)),
        "work": str(program.work),
        "answer": str(program.answer),
        "end": str(program.answer + program.outputs),
        "output": java_text(program.signature.output.name),
    }


def java_methods(name: str, parameter: str, lines: Sequence[str], size: int) -> dict[str, str]:
    """Spread lines over methods, each small enough for Java; return these, and their calls."""
    starts = range(0, len(lines), size)
    argument = parameter.rsplit(maxsplit=1)[-1]
    return {
        name: "\n".join(
            f"    private static void {name}{at}({parameter}) {{\n"
            + "\n".join(f"        {line}" for line in lines[at : at + size])
            + "\n    }\n"
            for at in starts
        ),
        f"{name}_calls": "\n".join(f"        {name}{at}({argument});" for at in starts),
    }


def java_texts(texts: Iterable[str], *, is_packed: bool) -> str:
    """Write a list of texts."""
    if not is_packed:
        return f"Arrays.<String>asList({', '.join(map(java_text, texts))})"
    encoded = [text.encode() for text in texts]
    return f"texts({_packed(b''.join(struct.pack('<I', len(each)) + each for each in encoded))})"


def has_many_texts(signature: Signature) -> bool:
    """Say whether the columns have too many categories to write all of them out."""
    return sum(len(column.allowed) for column in signature.inputs) > _WRITTEN_OUT


def _column(column: Column, *, is_packed: bool) -> str:
    facts = [
        java_text(column.name),
        java_text(column.type),
        "true" if column.nullable else "false",
        _limit(column.minimum, "NEGATIVE"),
        _limit(column.maximum, "POSITIVE"),
        java_text(column.unit),
        java_text(column.unseen),
        java_texts(column.allowed, is_packed=is_packed),
    ]
    return f"new Column({', '.join(facts)})"


def _limit(value: float | None, infinite: str) -> str:
    return f"Double.{infinite}_INFINITY" if value is None or np.isinf(value) else repr(float(value))


def _parameter(kind: str) -> str:
    if kind == "Work":
        return "double[]"
    return f"{_TYPES[kind]}[]" if kind in _TYPES else _SCALARS[kind]


def _argument(value: float | Constant) -> str:
    return value.name if isinstance(value, Constant) else repr(value)


def _constant(constant: Constant) -> str:
    values = constant.values
    kind = _TYPES[values.dtype.name]
    packed = _packed(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return f"    private static final {kind}[] {constant.name} = {kind}s({packed});"


def _packed(body: bytes) -> str:
    text = base64.b64encode(body).decode()
    return ", ".join(f'"{text[at : at + _CHUNK]}"' for at in range(0, max(len(text), 1), _CHUNK))
