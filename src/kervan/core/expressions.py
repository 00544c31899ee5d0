"""The language of features: arithmetic, comparisons and functions over the columns of a row.

Read by a parser of its own, by operator precedence (V. Pratt, Top down operator precedence, 1973): Python's
would neither know `if(…)` nor columns whose names have spaces, and takes some different letters for the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kervan.core.errors import InvalidConfig

DEEPEST = 60  # how far expressions may nest
LONGEST = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true or false; `at` is where it stands in the expression, counted from 0."""

    at: int
    value: float | str | bool


@dataclass(frozen=True, slots=True)
class Name:
    """A column, or another feature."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list in brackets."""

    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator over arguments; `named` holds those that are given by name."""

    at: int
    function: str
    arguments: tuple[Node, ...]
    named: tuple[tuple[str, Node], ...] = ()


Node = Literal | Name | Items | Call


class ExpressionError(InvalidConfig):
    """An expression that cannot be read or has no meaning; `at` is where in it."""

    def __init__(self, message: str, *, at: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.at = at


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_PATTERN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<quoted>`[^`]+`)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>\*\*|<=|>=|==|!=|[-+*/%<>()\[\],=])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {**dict.fromkeys(("and", "or", "not", "in"), "word"), **dict.fromkeys(("true", "false"), "truth")}
# How tightly operators between two operands bind.
_BINDS = {
    "or": 1,
    "and": 2,
    "==": 4,
    "!=": 4,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "in": 4,
    "not in": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
    "**": 8,
}
_NOT, _COMPARISON, _MINUS, _POWER = 3, 4, 7, 8


def parse(text: str) -> Node:
    """Read an expression. Raises `ExpressionError` that says where it cannot be read.

    >>> parse("loan / max(income, 1)").function
    '/'
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"it has {len(text):,} characters", hint=f"up to {LONGEST:,} are read")
    reader = _Reader(_tokens(text))
    node = reader.expression()
    if reader.next.kind != "end":
        raise ExpressionError(f"{reader.next.text!r} is not expected here", at=reader.next.at)
    return node


def names_in(node: Node) -> set[str]:
    """Return the columns and features that an expression reads."""
    match node:
        case Name(name=name):
            return {name}
        case Items(items=parts):
            return set().union(*map(names_in, parts))
        case Call(arguments=parts, named=named):
            return set().union(*map(names_in, parts), *(names_in(each) for _, each in named))
        case _:
            return set()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            what = (
                "a text or a name without its end" if text[at] in "\"'`" else f"{text[at]!r} is no sign here"
            )
            raise ExpressionError(what, at=at, hint="names with other letters stand in backticks: `a name`")
        kind = str(match.lastgroup)
        word = match[0]
        if kind == "name":
            kind = _WORDS.get(word, kind)
        if kind != "space":
            found.append(_Token(kind, word, at))
        at = match.end()
    return [*found, _Token("end", "the end", len(text))]


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def next(self) -> _Token:
        """The token that is read next."""
        return self._tokens[self._place]

    def _take(self, text: str = "") -> _Token:
        token = self.next
        if text and (token.text != text or token.kind not in {"sign", "word"}):
            raise ExpressionError(f"{text!r} is expected here, not {token.text!r}", at=token.at)
        self._place += 1
        return token

    def _is(self, *texts: str) -> bool:
        return self.next.kind in {"sign", "word"} and self.next.text in texts

    def expression(self, least: int = 0) -> Node:
        """Read up to an operator that binds less tightly than `least`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(
                f"it nests deeper than {DEEPEST} levels",
                at=self.next.at,
                hint="give a part of it a name: a feature may use features",
            )
        left = self._operand()
        length = 0
        while (operator := self._operator()) and _BINDS[operator] >= least:
            length += 1
            left = self._combined(left, operator)
            if length + self._depth > DEEPEST:
                raise ExpressionError(
                    f"it has more than {DEEPEST} operators in a row",
                    at=self.next.at,
                    hint="give a part of it a name: a feature may use features",
                )
        self._depth -= 1
        return left

    def _operator(self) -> str:
        if self._is("not") and self._tokens[self._place + 1].text == "in":
            return "not in"
        return self.next.text if self._is(*_BINDS) else ""

    def _combined(self, left: Node, operator: str) -> Node:
        at = self._take().at
        if operator == "not in":
            self._take("in")
        binds = _BINDS[operator]
        right = self.expression(_MINUS if operator == "**" else binds + 1)
        if binds == _COMPARISON and self._operator() and _BINDS[self._operator()] == _COMPARISON:
            raise ExpressionError(
                "comparisons do not follow one another",
                at=self.next.at,
                hint="write `1 < a and a < 5`",
            )
        found = Call(at, operator.removeprefix("not "), (left, right))
        return Call(at, "not", (found,)) if operator == "not in" else found

    def _operand(self) -> Node:
        token = self._take()
        if token.kind == "name" and self._is("("):
            return self._call(token)
        if token.kind in _LEAVES:
            return _LEAVES[token.kind](token)
        return self._begun(token)

    def _begun(self, token: _Token) -> Node:
        """Read what a sign or a word begins."""
        match token.text:
            case "not":
                return Call(token.at, "not", (self.expression(_NOT),))
            case "-":
                return _negative(token.at, self.expression(_MINUS))
            case "(":
                inner = self.expression()
                self._take(")")
                return inner
            case "[":
                return Items(token.at, tuple(each for _, each in self._listed("]")))
        raise ExpressionError(f"a value is expected here, not {token.text!r}", at=token.at)

    def _call(self, name: _Token) -> Node:
        self._take("(")
        given = self._listed(")", may_be_named=True)
        plain = tuple(node for called, node in given if not called)
        named = tuple((called, node) for called, node in given if called)
        return Call(name.at, name.text, plain, named)

    def _listed(self, end: str, *, may_be_named: bool = False) -> list[tuple[str, Node]]:
        found: list[tuple[str, Node]] = []
        while not self._is(end):
            called = ""
            if may_be_named and self.next.kind == "name" and self._tokens[self._place + 1].text == "=":
                called = self._take().text
                self._take("=")
            found.append((called, self.expression()))
            if not self._is(end):
                self._take(",")
        self._take(end)
        return found


def _negative(at: int, node: Node) -> Node:
    if isinstance(node, Literal) and isinstance(node.value, float):
        return Literal(at, -node.value)
    return Call(at, "negative", (node,))


def _number(token: _Token) -> Node:
    return Literal(token.at, float(token.text))


def _text(token: _Token) -> Node:
    return Literal(token.at, re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL))


def _truth(token: _Token) -> Node:
    return Literal(token.at, token.text == "true")


def _name(token: _Token) -> Node:
    return Name(token.at, token.text.strip("`"))


_LEAVES: dict[str, Callable[[_Token], Node]] = {
    "number": _number,
    "text": _text,
    "truth": _truth,
    "quoted": _name,
    "name": _name,
}
