"""Python without any dependency."""

from __future__ import annotations

import ast
import base64
from copy import deepcopy
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.package.writing.code.printer import called, kernels, numbers_of, variant_of, variants
from kervan.package.writing.code.program import Constant
from kervan.package.writing.code.text import fill, naming

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.schema import Column
    from kervan.package.writing.code.printer import Variant
    from kervan.package.writing.code.program import Program

_HERE = Path(__file__).parent
_CODES = {"float32": "f", "float64": "d", "uint8": "B", "uint16": "H", "int32": "i"}
_WRITTEN_OUT = 32  # longer arrays are packed: a million numbers take Python long to read
_LINE = 100
_LIKELIEST = "max(range(len(answer)), key=answer.__getitem__)"
_EXPECTED_COST = "sum(p * costs[named * len(answer) + place] for place, p in enumerate(answer))"
_BY_COSTS = f"min(range(len(answer)), key=lambda named: {_EXPECTED_COST})"


def write_python(program: Program, name: str = "model") -> Mapping[str, str]:
    """Return the module by its file name."""
    signature = program.signature
    found = variants(program)
    calls = [
        f"    {found[variant_of(call)]}({', '.join(['w', *map(_argument, numbers_of(call))])})"
        for call in program.calls
    ]
    parts = {
        "numeric": _numeric(found),
        "kernels": "\n\n\n".join(_kernel(variant, printed) for variant, printed in found.items()),
        "constants": "\n".join(map(_constant, program.constants)),
        "calls": "\n".join(calls),
        "inputs": str(len(signature.inputs)),
        "work": str(program.work),
        "answer": str(program.answer),
        "end": str(program.answer + program.outputs),
        "columns": "\n".join(f"    {_column(column)}," for column in signature.inputs),
        "output": repr(signature.output.name),
        "classes": repr(signature.output.allowed if signature.is_classification else ()),
        "best": naming(signature, "int(answer[1] >= THRESHOLD)", _BY_COSTS) or _LIKELIEST,
    }
    return {f"{name}.py": fill("model.py.txt", parts)}


def _column(column: Column) -> str:
    """Write what a column takes; the categories come last, as they may be many."""
    facts = [repr(column.name), repr(str(column.type)), repr(column.nullable)]
    limits = [_number(column.minimum), _number(column.maximum)]
    rest = [repr(column.unit), repr(str(column.unseen)), repr(column.allowed)]
    return f"Column({', '.join([*facts, *limits, *rest])})"


def _number(value: float | None) -> str:
    if value is None or isfinite(value):
        return repr(value)
    return repr(value).replace("inf", "math.inf").replace("nan", "math.nan")


def _kernel(variant: Variant, name: str) -> str:
    """Print a kernel, its parameters for functions replaced."""
    functions = dict(variant.functions)
    node = deepcopy(kernels()[variant.kernel])
    node.name = name
    node.args.args = [each for each in node.args.args if each.arg not in functions]
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in functions:
            each.id = functions[each.id]
    return ast.unparse(node)


@cache
def _numeric_functions() -> dict[str, str]:
    """Return the source of every numeric function by name."""
    source = (_HERE / "numeric.py").read_text(encoding="utf-8")
    return {
        node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }


def _numeric(found: dict[Variant, str]) -> str:
    """Print the numeric functions that kernels call, and those that these call."""
    known = _numeric_functions()
    wanted = {name for variant in found for name in called(variant)} & known.keys()
    for name in tuple(wanted):
        wanted |= {other for other in known if other != name and f"{other}(" in known[name].partition("(")[2]}
    return "\n\n\n".join(known[name] for name in known if name in wanted)


def _argument(value: float | Constant) -> str:
    return value.name if isinstance(value, Constant) else repr(value)


def _constant(constant: Constant) -> str:
    values = constant.values
    if len(values) <= _WRITTEN_OUT:
        return f"{constant.name} = ({' '.join(f'{_number(each)},' for each in values.tolist())})"
    code = _CODES[values.dtype.name]
    text = base64.b85encode(_little_endian(values)).decode()
    lines = "\n".join(f"    {text[at : at + _LINE]!r}" for at in range(0, len(text), _LINE))
    return f"{constant.name} = _unpacked({code!r},\n{lines}\n)"


def _little_endian(values: Any) -> bytes:
    return bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
