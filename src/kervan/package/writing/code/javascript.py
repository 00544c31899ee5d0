"""JavaScript for browsers, Node and other runtimes, with type declarations."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, ClassVar

from kervan.core.schema import Type
from kervan.package.writing.code.printer import Printer, decimals, numbers_of
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import fill, javascript_text, naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.code.program import Program

_ARRAYS = {
    "float32": "Float32",
    "float64": "Float64",
    "uint8": "Uint8",
    "uint16": "Uint16",
    "int32": "Int32",
}
_WRITTEN_OUT = 32
_TYPES = {Type.CATEGORY: "string", Type.BOOLEAN: "boolean"}
_EXPORTED = "CLASSES, COLUMNS, OUTPUT, RefusedRow, encode, predict, score"


class JavaScriptPrinter(Printer):
    """Kernels in JavaScript."""

    functions: ClassVar[dict[str, str]] = {
        **{name: f"Math.{name}" for name in ("exp", "expm1", "floor", "log", "log1p", "sqrt", "tanh")},
        "fabs": "Math.abs",
        "isnan": "Number.isNaN",
        "power": "Math.pow",
        "round32": "Math.fround",
    }
    operators: ClassVar[dict[str, str]] = {"==": "===", "!=": "!=="}
    indent = "  "

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function."""
        return f"function {name}({', '.join(each for each, _ in arguments)})"

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        return f"{'let' if changes else 'const'} {name} = {value}"

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop."""
        return f"for (let {name} = {first}; {name} < {last}; {name}++)"

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion; there is only one kind of number."""
        return f"Math.trunc({value})" if kind == "int" else value


_LIKELIEST = "answer.reduce((found, value, place) => (value > answer[found] ? place : found), 0)"
_BY_COSTS = """CLASSES.map((_, named) =>
    answer.reduce((sum, value, place) => sum + value * costs[named * answer.length + place], 0),
  ).reduce((found, cost, named, all) => (cost < all[found] ? named : found), 0)"""


def write_javascript(program: Program) -> Mapping[str, str]:
    """Return modules for `import` and for `require`, and their types, by file name."""
    signature = program.signature
    printer = JavaScriptPrinter(program)
    calls = [
        f"  {printer.name_of(call)}({', '.join(['w', *map(_argument, numbers_of(call))])});"
        for call in program.calls
    ]
    classes = signature.output.allowed if signature.is_classification else ()
    parts = {
        "kernels": printer.kernels(),
        "constants": "\n".join(map(_constant, program.constants)),
        "calls": "\n".join(calls),
        "inputs": str(len(signature.inputs)),
        "work": str(program.work),
        "answer": str(program.answer),
        "end": str(program.answer + program.outputs),
        "columns": "\n".join(f"  {_column(column)}," for column in signature.inputs),
        "output": javascript_text(signature.output.name),
        "classes": _texts(classes),
        "best": naming(signature, "answer[1] >= THRESHOLD ? 1 : 0", _BY_COSTS) or _LIKELIEST,
    }
    strict = '"use strict";\n\n'
    types = fill("model.d.ts", _types(signature))
    return {
        "model.mjs": fill("model.js", {**parts, "strict": "", "exports": f"export {{ {_EXPORTED} }};"}),
        "model.cjs": fill(
            "model.js", {**parts, "strict": strict, "exports": f"module.exports = {{ {_EXPORTED} }};"}
        ),
        "model.d.mts": types,
        "model.d.cts": types,
    }


def _column(column: Column) -> str:
    facts = {
        "name": javascript_text(column.name),
        "type": json.dumps(column.type),
        "nullable": json.dumps(column.nullable),
        "minimum": _limit(column.minimum),
        "maximum": _limit(column.maximum),
        "unit": javascript_text(column.unit),
        "unseen": json.dumps(column.unseen),
        "allowed": _texts(column.allowed),
    }
    return f"{{ {', '.join(f'{name}: {value}' for name, value in facts.items())} }}"


def _limit(value: float | None) -> str:
    return "null" if value is None else _number(repr(float(value)))


def _texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(javascript_text, texts))}]"


def _argument(value: float | Constant) -> str:
    return value.name if isinstance(value, Constant) else repr(value)


def _constant(constant: Constant) -> str:
    values = constant.values
    kind = _ARRAYS[values.dtype.name]
    if len(values) <= _WRITTEN_OUT:
        numbers = ", ".join(map(_number, decimals(values)))
        return f"const {constant.name} = new {kind}Array([{numbers}]);"
    text = base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()
    return f'const {constant.name} = unpack({kind}Array, "get{kind}", "{text}");'


def _number(text: str) -> str:
    return text.replace("inf", "Infinity").replace("nan", "NaN")


def _types(signature: Signature) -> dict[str, str]:
    fields = []
    for column in signature.inputs:
        optional, nothing = ("?", " | null") if column.nullable else ("", "")
        fields.append(
            f"  {javascript_text(column.name)}{optional}: {_TYPES.get(column.type, 'number')}{nothing};"
        )
    if not signature.is_classification:
        return {"fields": "\n".join(fields), "answer": "  value: number;"}
    union = " | ".join(map(javascript_text, signature.output.allowed))
    return {
        "fields": "\n".join(fields),
        "answer": f"  label: {union};\n  probabilities: Record<{union}, number>;",
    }
