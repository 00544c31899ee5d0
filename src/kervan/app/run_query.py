"""The line by which runs are searched: `roc_auc > 0.9 and (status = failed or seconds > 5m)`.

A comparison is true of the runs that have the field; names and values with blanks or signs stand in quotes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from kervan.core.access import read_span
from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.nouns import Status
from kervan.core.when import read_time
from kervan.store.search import Comparison, Field, Junction, Known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kervan.store.search import Condition

_TIME = Field(Known.COLUMN, "time")
_STATUS = Field(Known.COLUMN, "state")
_FIELDS = {
    **{name: Field(Known.COLUMN, name) for name in ("id", "name", "creator")},
    "status": _STATUS,
    "time": _TIME,
    "started": _TIME,
    "seconds": Field(Known.SECONDS, "seconds"),
}
_PREFIXES = {
    **dict.fromkeys(("metric", "metrics"), Known.METRIC),
    **dict.fromkeys(("parameter", "parameters", "params"), Known.PARAMETER),
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|>=|<=|==|!~|[=<>~])"""
    r"""|(?P<bracket>[()])|(?P<word>[^\s()=!<>~"']+))\s*"""
)
_EXAMPLE = "write it like: roc_auc > 0.9 and family = forest"
_LONGEST = 2_000
_DEEPEST = 30
_LONGEST_HINT = 400


@dataclass(frozen=True, slots=True)
class Names:
    """The metrics and parameters that any run has."""

    metrics: Collection[str]
    parameters: Collection[str]

    def field(self, name: str) -> Field | None:
        """Return the field that a name means: `metric.` may stand before it, `validation.` may lack."""
        prefix, _, rest = name.partition(".")
        meanings = (
            *((known, name) for known in (Known.METRIC, Known.PARAMETER)),
            *((known, rest) for known in (_PREFIXES.get(prefix),) if known),
            (Known.METRIC, f"validation.{name}"),
        )
        named = {Known.METRIC: self.metrics, Known.PARAMETER: self.parameters}
        found = (Field(known, meant) for known, meant in meanings if meant in named[known])
        return _FIELDS.get(name) or next(found, None)

    def written(self, field: Field) -> str:
        """Return the name of a field as a line has to write it."""
        if field.known in {Known.COLUMN, Known.SECONDS}:
            return next(name for name, each in _FIELDS.items() if each == field)
        return field.name if self.field(field.name) == field else f"{field.known}.{field.name}"

    def meant(self, name: str) -> str:
        """Return a hint that names the nearest field."""
        short = {metric.removeprefix("validation.") for metric in self.metrics}
        return did_you_mean(name, {*_FIELDS, *self.metrics, *short, *self.parameters})[:_LONGEST_HINT]


def parse_query(text: str, names: Names) -> Condition | None:
    """Read a line, None where it is empty. Raises `InvalidInput` that says which letter is wrong."""
    if len(text) > _LONGEST:
        raise InvalidInput(f"a query has {_LONGEST:,} letters at most", hint=_EXAMPLE)
    if not text.strip():
        return None
    return _Reader(text, names).read()


def parse_field(name: str, names: Names) -> Field:
    """Return the field by which to sort."""
    found = names.field(name)
    if found is None:
        raise InvalidInput(f"no run has a field {name!r}", hint=names.meant(name))
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


_END = "end"


class _Reader:
    """One pass over a line, from left to right."""

    def __init__(self, text: str, names: Names) -> None:
        self._names = names
        self._tokens = list(_tokens(text))
        self._place = 0
        self._depth = 0

    def read(self) -> Condition:
        found = self._any()
        if self._next.kind != _END:
            _wrong(self._next, "here `and` or `or` is missing")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _takes(self, word: str) -> bool:
        token = self._next
        is_it = token.kind in {"word", "bracket"} and token.text.lower() == word
        self._place += is_it
        return is_it

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts), all=False)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts))

    def _one(self) -> Condition:
        bracket = self._next
        if not self._takes("("):
            return self._comparison()
        self._depth += 1
        if self._depth > _DEEPEST:
            _wrong(bracket, f"brackets stand in brackets {_DEEPEST} times at most")
        found = self._any()
        if not self._takes(")"):
            _wrong(self._next, "here a ) is missing")
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        name = self._take()
        if name.kind not in {"word", "quoted"}:
            _wrong(name, "here a name is missing")
        field = self._names.field(name.text)
        if field is None:
            _wrong(name, f"no run has a field {name.text!r}", self._names.meant(name.text))
        sign = self._take()
        if sign.kind != "sign":
            _wrong(sign, "here one of = != > >= < <= ~ !~ is missing")
        value = self._take()
        if value.kind not in {"word", "quoted"}:
            _wrong(value, "here a value is missing")
        operator = "=" if sign.text == "==" else sign.text
        return Comparison(field, operator, value.text, _value(field, operator, value))


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            unread = _Token("", text[place:].strip(), place + len(text[place:]) - len(text[place:].lstrip()))
            _wrong(unread, f"{unread.text[:20]!r} cannot be read", "quotes come in pairs")
        kind = match.lastgroup or ""
        read = match[kind]
        if kind == "quoted":
            read = re.sub(r"\\(.)", r"\1", read[1:-1])
        found.append(_Token(kind, read.replace("\0", ""), match.start(kind)))
        place = match.end()
    return [*found, _Token(_END, "", len(text))]


def _value(field: Field, sign: str, value: _Token) -> float | None:
    """Return the number that a field is compared with, None where it is a text."""
    if field.known is Known.PARAMETER:
        return _number(value.text)
    if field == _STATUS and sign in {"=", "!="} and value.text not in set(Status):
        _wrong(value, f"there is no status {value.text!r}", did_you_mean(value.text, list(Status)))
    if field.known is Known.COLUMN and field != _TIME:
        return None
    if sign in {"~", "!~"}:
        _wrong(value, f"{sign} looks into texts, and this is a number", "compare it by > or <")
    if field == _TIME:
        return _read(read_time, value)
    number = _number(value.text)
    if number is None and field.known is Known.SECONDS:
        return _read(read_span, value)
    if number is None:
        _wrong(value, f"{value.text!r} is no number", "a metric is compared with a number, such as 0.9")
    return number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read(read: Callable[[str], float | None], value: _Token) -> float | None:
    try:
        return read(value.text)
    except InvalidInput as error:
        _wrong(value, str(error), error.hint or _EXAMPLE)


def _wrong(token: _Token, message: str, hint: str = _EXAMPLE) -> NoReturn:
    raise InvalidInput(f"letter {token.start + 1}: {message}", hint=hint)
