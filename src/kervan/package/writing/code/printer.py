"""Prints kernels in languages with braces, from the syntax tree of their Python."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kervan.package.writing.code.program import Constant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.package.writing.code.program import Call, Program

_HERE = Path(__file__).parent
_ARRAYS = {"Floats", "Ints"}
_NAMES = {"Function", "Operation"}
_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Or: ("||", 1),
    ast.And: ("&&", 2),
    ast.Add: ("+", 5),
    ast.Sub: ("-", 5),
    ast.Mult: ("*", 6),
    ast.Div: ("/", 6),
    ast.RShift: (">>", 9),
    ast.BitAnd: ("&", 9),
    ast.Eq: ("==", 4),
    ast.NotEq: ("!=", 4),
    ast.Lt: ("<", 4),
    ast.LtE: ("<=", 4),
    ast.Gt: (">", 4),
    ast.GtE: (">=", 4),
}
_UNARY = 8
_WHOLE = 0  # nothing around an expression asks for parentheses


@cache
def kernels() -> dict[str, ast.FunctionDef]:
    """Return the syntax trees of all kernels by name."""
    tree = ast.parse((_HERE / "kernels.py").read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@dataclass(frozen=True, slots=True)
class Variant:
    """A kernel for constants of certain types and certain functions in the place of its parameters."""

    kernel: str
    types: tuple[tuple[str, str], ...] = ()
    functions: tuple[tuple[str, str], ...] = ()


def variants(program: Program) -> dict[Variant, str]:
    """Return the kernels that a program needs, callees before callers, each with a name of its own."""
    found: dict[Variant, str] = {}
    counts: dict[str, int] = {}

    def add(variant: Variant) -> None:
        if variant in found:
            return
        for callee in _callees(variant):
            add(Variant(callee))
        counts[variant.kernel] = count = counts.get(variant.kernel, 0) + 1
        found[variant] = variant.kernel if count == 1 else f"{variant.kernel}_{count}"

    for call in program.calls:
        add(variant_of(call))
    return found


def variant_of(call: Call) -> Variant:
    """Return the variant of a kernel that a call needs."""
    pairs = list(zip(parameters(call.kernel)[1:], call.arguments, strict=True))
    types = tuple((name, each.values.dtype.name) for (name, _), each in pairs if isinstance(each, Constant))
    functions = tuple((name, each) for (name, _), each in pairs if isinstance(each, str))
    return Variant(call.kernel, types, functions)


def parameters(kernel: str) -> list[tuple[str, str]]:
    """Return names and annotations of a kernel's parameters."""
    return [(each.arg, ast.unparse(each.annotation or each)) for each in kernels()[kernel].args.args]


def numbers_of(call: Call) -> list[int | float | Constant]:
    """Return what is handed over: all arguments but functions, which are part of the variant."""
    return [each for each in call.arguments if not isinstance(each, str)]


def called(variant: Variant) -> set[str]:
    """Return the names of all functions that a variant calls."""
    functions = dict(variant.functions)
    return {
        functions.get(node.func.id, node.func.id)
        for node in ast.walk(kernels()[variant.kernel])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _callees(variant: Variant) -> list[str]:
    return sorted(called(variant) & kernels().keys())


class Printer:
    """What languages with braces share. Each says how it writes types, declarations, loops and casts."""

    functions: ClassVar[dict[str, str]] = {}
    operators: ClassVar[dict[str, str]] = {}
    end = ";"
    condition = "({})"
    indent = "    "

    def __init__(self, program: Program) -> None:
        self._variants = variants(program)
        self._types: dict[str, str] = {}
        self._functions: dict[str, str] = {}
        self._changed: set[str] = set()

    def kernels(self) -> str:
        """Print all kernels that the program needs."""
        return "\n".join(self._kernel(variant, name) for variant, name in self._variants.items())

    def name_of(self, call: Call) -> str:
        """Return the name under which the kernel of a call is printed."""
        return self._variants[variant_of(call)]

    # What a language decides

    def head(self, name: str, arguments: Sequence[tuple[str, str]], result: str) -> str:
        """Print the head of a function; a constant array has its element's type, all else its annotation."""
        raise NotImplementedError

    def declare(self, name: str, kind: str, value: str, *, changes: bool) -> str:
        """Print a local variable."""
        raise NotImplementedError

    def loop(self, name: str, first: str, last: str) -> str:
        """Print the head of a loop over whole numbers, up to but without `last`."""
        raise NotImplementedError

    def cast(self, value: str, kind: str) -> str:
        """Print a conversion to "int" or "float"; binds like an operand of an operator."""
        raise NotImplementedError

    def element(self, array: str, place: str, kind: str | None) -> str:
        """Print an element of an array of work (no kind) or of constants of a kind."""
        return f"{array}[{place}]"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        """Print the call of a numeric function."""
        return f"{self.functions[name]}({', '.join(arguments)})"

    # What they share

    def _kernel(self, variant: Variant, name: str) -> str:
        node = kernels()[variant.kernel]
        self._types, self._functions = dict(variant.types), dict(variant.functions)
        self._changed = {
            target.id
            for each in ast.walk(node)
            if isinstance(each, ast.Assign | ast.AugAssign)
            for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
            if isinstance(target, ast.Name)
        }
        arguments = [
            (each, self._types.get(each, kind))
            for each, kind in parameters(variant.kernel)
            if kind not in _NAMES
        ]
        lines = [f"{self.head(name, arguments, ast.unparse(node.returns or node))} {{"]
        lines += self._block(node.body[1:])  # without its docstring
        return "\n".join([*lines, "}", ""])

    def _block(self, body: Sequence[ast.stmt]) -> list[str]:
        return [f"{self.indent}{line}" for statement in body for line in self._statement(statement)]

    def _statement(self, node: ast.stmt) -> Iterator[str]:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                kind = ast.unparse(node.annotation)
                yield self.declare(name, kind, self._whole(value), changes=name in self._changed) + self.end
            case ast.Assign(targets=[target]):
                yield f"{self._whole(target)} = {self._whole(node.value)}{self.end}"
            case ast.AugAssign():
                operator = _OPERATORS[type(node.op)][0]
                yield f"{self._whole(node.target)} {operator}= {self._whole(node.value)}{self.end}"
            case ast.Return(value=ast.expr() as value):
                yield f"return {self._whole(value)}{self.end}"
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=[last])):
                yield f"{self.loop('each' if name == '_' else name, '0', self._whole(last))} {{"
                yield from self._block(node.body)
                yield "}"
            case ast.While():
                yield f"{self.keyword('while')} {self.condition.format(self._whole(node.test))} {{"
                yield from self._block(node.body)
                yield "}"
            case ast.If():
                yield from self._if(node)
            case _:
                raise NotImplementedError(ast.unparse(node))

    def keyword(self, name: str) -> str:
        """Return the word of a language for `while`."""
        return name

    def _if(self, node: ast.If) -> Iterator[str]:
        yield f"if {self.condition.format(self._whole(node.test))} {{"
        yield from self._block(node.body)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            first, *rest = self._if(node.orelse[0])
            yield f"}} else {first}"
            yield from rest
            return
        if node.orelse:
            yield "} else {"
            yield from self._block(node.orelse)
        yield "}"

    def _whole(self, node: ast.expr) -> str:
        return self._expression(node, _WHOLE)

    def _expression(self, node: ast.expr, around: int) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)
        if isinstance(node, ast.Name):
            return node.id
        return self._compound(node, around)

    def _compound(self, node: ast.expr, around: int) -> str:
        match node:
            case ast.Subscript(value=ast.Name(id=array)):
                kind = self._types.get(array)
                text = self.element(array, self._whole(node.slice), kind)
                return _enclosed(text, is_loose=text[-1] not in "])", around=around)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(self._functions.get(name, name), arguments, around)
            case ast.UnaryOp(op=operator):
                sign = "!" if isinstance(operator, ast.Not) else "-"
                return f"{sign}{self._expression(node.operand, _UNARY)}"
            case ast.BinOp(left=left, op=binary, right=right):
                return self._binary(left, binary, right, around)
            case ast.Compare(left=left, ops=[comparison], comparators=[right]):
                return self._binary(left, comparison, right, around)
            case ast.BoolOp(op=operator, values=values):
                text, own = _OPERATORS[type(operator)]
                inner = f" {text} ".join(self._expression(each, own) for each in values)
                return _enclosed(inner, is_loose=True, around=around)
        raise NotImplementedError(ast.unparse(node))

    def _binary(self, left: ast.expr, operator: ast.AST, right: ast.expr, around: int) -> str:
        text, own = _OPERATORS[type(operator)]
        text = self.operators.get(text, text)
        inner = f"{self._expression(left, own)} {text} {self._expression(right, own + 1)}"
        return _enclosed(inner, is_loose=own < around or own == 9, around=around)

    def _call(self, name: str, arguments: Sequence[ast.expr], around: int) -> str:
        if name in {"int", "float"}:
            text = self.cast(self._expression(arguments[0], _UNARY), name)
            return _enclosed(text, is_loose=not text.isidentifier() and text[-1] != ")", around=around)
        if name == "quotient":
            left, right = (self._expression(each, _UNARY) for each in arguments)
            return _enclosed(f"{left} / {right}", is_loose=True, around=around)
        given = [self._whole(each) for each in arguments]
        if name in kernels():
            return f"{self._variants[Variant(name)]}({', '.join(given)})"
        return self.function(name, given)


def _enclosed(text: str, *, is_loose: bool, around: int) -> str:
    return f"({text})" if is_loose and around > _WHOLE else text


def decimals(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> list[str]:
    """Return the shortest decimals that give back each number of its own type exactly.

    >>> decimals(np.array([0.1, 1.0, np.inf], dtype=np.float32))
    ['0.1', '1.0', 'inf']
    """
    if values.dtype.kind != "f":
        return [str(each) for each in values.tolist()]
    return [str(each) for each in values]
