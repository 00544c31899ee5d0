"""Compiles a document to closures over the row's symbols. What it does not know it refuses, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted
from kervan.package.writing.pfa.functions import FUNCTIONS
from kervan.package.writing.pfa.values import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Symbols = dict[str, Any]
    Code = Callable[[Symbols], Any]

DEEPEST = 200  # expressions within expressions
_OWN = "u."  # how functions that a document defines are called
_WALK = "model.tree.simpleWalk"


class Engine:
    """A document that answers rows, each a mapping from the names of the input's fields to values.

    Knows arithmetic, choices, records, arrays, maps and functions, and none of the parts of PFA that keep
    state between rows. Types are not checked: what was written is proved by its answers.
    """

    def __init__(self, document: Any) -> None:
        self._forms: dict[str, Callable[[dict[str, Any], int], Code]] = {
            "let": self._let,
            "if": self._if,
            "ifnotnull": self._if_not_null,
            "attr": self._attribute,
            "cell": self._cell,
            "new": self._new,
            "value": self._constant,
            "string": self._text,
            "fcn": self._own_function,
            "params": self._closure,
        }
        declared: dict[str, Any] = {}
        self._cells = {
            name: decode(cell["init"], cell["type"], declared) for name, cell in document["cells"].items()
        }
        self._functions = {
            f"{_OWN}{name}": self._closure(function, 0)({}) for name, function in document["fcns"].items()
        }
        self.fields: list[dict[str, Any]] = document["input"]["fields"]
        self._action = self._steps(document["action"], 0)

    def answer(self, row: Mapping[str, Any]) -> Any:
        """Return what the document's last expression gives for a row."""
        return self._action({"input": row})

    def _steps(self, steps: Any, depth: int) -> Code:
        codes = [self._compile(step, depth) for step in (steps if isinstance(steps, list) else [steps])]

        def run(symbols: Symbols) -> Any:
            found = None
            for code in codes:
                found = code(symbols)
            return found

        return run if len(codes) > 1 else codes[0]

    def _closure(self, function: Any, depth: int) -> Code:
        """Return what makes a function that sees the symbols around it."""
        names = [next(iter(parameter)) for parameter in function["params"]]
        body = self._steps(function["do"], depth + 1)
        return lambda symbols: lambda *values: body({**symbols, **dict(zip(names, values, strict=True))})

    def _compile(self, expression: Any, depth: int) -> Code:
        if depth > DEEPEST:
            raise Corrupted(
                f"expressions are nested more than {DEEPEST} deep", hint="package the model again"
            )
        if isinstance(expression, str):
            return lambda symbols: symbols[expression]
        if isinstance(expression, int | float):
            return lambda _: expression
        if not isinstance(expression, dict):
            raise _unknown(expression)
        for form, compile_form in self._forms.items():
            if form in expression:
                return compile_form(expression, depth + 1)
        return self._call(expression, depth + 1)

    def _call(self, expression: dict[str, Any], depth: int) -> Code:
        if len(expression) != 1:
            raise _unknown(expression)
        [(name, given)] = expression.items()
        codes = [self._compile(each, depth) for each in (given if isinstance(given, list) else [given])]
        if name == "&&":
            return lambda symbols: all(code(symbols) for code in codes)
        if name == "||":
            return lambda symbols: any(code(symbols) for code in codes)
        function: Callable[..., Any] | None = _walk if name == _WALK else FUNCTIONS.get(name)
        if function is None:
            raise _unknown(name)
        if len(codes) == 1:
            only = codes[0]
            return lambda symbols: function(only(symbols))
        if len(codes) == 2:
            first, second = codes
            return lambda symbols: function(first(symbols), second(symbols))
        return lambda symbols: function(*[code(symbols) for code in codes])

    def _let(self, expression: dict[str, Any], depth: int) -> Code:
        named = {name: self._compile(each, depth) for name, each in expression["let"].items()}
        return lambda symbols: symbols.update({name: code(symbols) for name, code in named.items()})

    def _if(self, expression: dict[str, Any], depth: int) -> Code:
        test = self._compile(expression["if"], depth)
        then, other = self._steps(expression["then"], depth), self._steps(expression["else"], depth)
        return lambda symbols: then(symbols) if test(symbols) else other(symbols)

    def _if_not_null(self, expression: dict[str, Any], depth: int) -> Code:
        [(name, value)] = expression["ifnotnull"].items()
        known = self._compile(value, depth)
        then, other = self._steps(expression["then"], depth), self._steps(expression["else"], depth)

        def choose(symbols: Symbols) -> Any:
            found = known(symbols)
            return other(symbols) if found is None else then({**symbols, name: found})

        return choose

    def _attribute(self, expression: dict[str, Any], depth: int) -> Code:
        return self._follow(self._compile(expression["attr"], depth), expression["path"], depth)

    def _cell(self, expression: dict[str, Any], depth: int) -> Code:
        content = self._cells[expression["cell"]]
        return self._follow(lambda _: content, expression.get("path", []), depth)

    def _follow(self, start: Code, path: list[Any], depth: int) -> Code:
        steps = [self._compile(step, depth) for step in path]

        def follow(symbols: Symbols) -> Any:
            found = start(symbols)
            for step in steps:
                found = found[step(symbols)]
            return found

        return follow

    def _new(self, expression: dict[str, Any], depth: int) -> Code:
        parts = expression["new"]
        if isinstance(parts, list):
            codes = [self._compile(part, depth) for part in parts]
            return lambda symbols: [code(symbols) for code in codes]
        named = {name: self._compile(part, depth) for name, part in parts.items()}
        return lambda symbols: {name: code(symbols) for name, code in named.items()}

    def _constant(self, expression: dict[str, Any], _: int) -> Code:
        value = expression["value"]
        return lambda _: value

    def _text(self, expression: dict[str, Any], _: int) -> Code:
        text = expression["string"]
        return lambda _: text

    def _own_function(self, expression: dict[str, Any], _: int) -> Code:
        function = self._functions[expression["fcn"]]
        return lambda _: function


def _walk(datum: Any, node: Any, test: Callable[..., Any]) -> Any:
    """Return the leaf that is reached: what has no branches."""
    while isinstance(node, dict):
        node = node["pass"] if test(datum, node) else node["fail"]
    return node


def _unknown(what: Any) -> Corrupted:
    return Corrupted(f"the scorer knows no {str(what)[:80]!r}", hint="package the model again")
