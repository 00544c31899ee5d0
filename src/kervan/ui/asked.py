"""What somebody asked the site for: the parts of the path, the query, the form, in which language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.ui.texts import said

_PIECE = 1 << 20
_SHOWN = 40  # letters of a value that is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent with a form, under the name that it has where it comes from."""

    name: str
    file: BinaryIO

    def pieces(self) -> Iterator[bytes]:
        """Yield its content."""
        while piece := self.file.read(_PIECE):
            yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, checked; values are read by the methods, which name the field that is wrong."""

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    language: str = "en"

    def say(self, text: str, **values: Any) -> str:
        """Return a text in the reader's language."""
        return said(self.language, text, **values)

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return self.parts[name]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return tuple(self.form.get(name, ())) or tuple(self.query.get(name, ()))

    def text(self, name: str, default: str = "") -> str:
        """Return a field's value without spaces around it."""
        found = self.texts(name)
        return (found[-1].strip() if found else "") or default

    def flag(self, name: str) -> bool:
        """Say whether a box was ticked."""
        return self.text(name) in {"1", "on", "true", "yes"}

    def whole(self, name: str, default: int, *, low: int = 0, high: int = 1_000_000_000) -> int:
        """Return a whole number."""
        text = self.text(name)
        if not text:
            return default
        is_whole = text.isascii() and text.isdecimal() and len(text.lstrip("0")) <= len(str(high))
        if not is_whole or not low <= int(text) <= high:
            told = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            raise InvalidInput(f"{name}: {told!r} is no whole number from {low} to {high}", hint="change it")
        return int(text)

    def number(self, name: str) -> float | None:
        """Return a number, None where none was given."""
        text = self.text(name)
        if not text:
            return None
        try:
            return float(text)
        except ValueError as error:
            raise InvalidInput(f"{name}: {text!r} is no number", hint="write it like 0.5") from error

    def choice(self, name: str, known: Sequence[str], default: str = "") -> str:
        """Return one of the values that are known."""
        text = self.text(name, default)
        if text and text not in known:
            raise InvalidInput(f"{name}: there is no {text!r}", hint=did_you_mean(text, known))
        return text

    def url(self, **changes: Any) -> str:
        """Return this address with other values in its query; None takes a field out.

        >>> Asked(path="/runs", query={"sort": ["time"], "page": ["2"]}).url(page=None, sort="auc")
        '/runs?sort=auc'
        """
        values = {name: list(each) for name, each in self.query.items()}
        for name, value in changes.items():
            values[name] = [] if value is None else [str(value)]
        query = urlencode({name: each for name, each in values.items() if each}, doseq=True)
        return self.path + (f"?{query}" if query else "")


def link(*parts: str, **query: Any) -> str:
    """Return an address on the site, whatever its parts are made of.

    >>> link("data", "a/b:1", column="x y"), link()
    ('/data/a%2Fb:1?column=x+y', '/')
    """
    path = "/" + "/".join(quote(part, safe=":@~") for part in parts)
    given = {name: value for name, value in query.items() if value not in {None, ""}}
    return path + (f"?{urlencode(given)}" if given else "")
