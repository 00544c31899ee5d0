"""YAML as people write it, from plain values: a base install has no library for that."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLAIN = re.compile(r"[A-Za-z/_](?:[\w ./@+-]*[\w./@+-])?|[A-Za-z/_][\w./@+:-]*[\w./@+-]", re.ASCII)
_TAKEN = re.compile(r"(?:y|yes|n|no|true|false|on|off|null|nan|inf|~)", re.IGNORECASE)
_UNPRINTED = re.compile(
    r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]"
)


class Written(str):
    """A text that is put in as it is: a placeholder of a template, which is no YAML yet."""

    __slots__ = ()


def yaml_text(*documents: Mapping[str, Any]) -> str:
    """Write mappings, lists, texts, numbers, booleans and None as YAML that versions 1.1 and 1.2 read alike.

    >>> print(yaml_text({"kind": "Service", "ports": [{"port": 80, "name": "http"}], "on": "no"}), end="")
    kind: Service
    ports:
      - port: 80
        name: http
    "on": "no"
    """
    return "---\n".join("".join(f"{line}\n" for line in _lines(each)) for each in documents)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _entry(f"{_text(key)}:", each)
    elif isinstance(value, list | tuple) and value:
        for each in value:
            yield from _item(each)
    else:
        yield _scalar(value)


def _entry(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict | list | tuple) and value:
        yield key
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{key} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    for number, line in enumerate(_lines(value)):
        yield f"- {line}" if number == 0 else f"  {line}"


def _scalar(value: Any) -> str:
    match value:
        case None | bool():
            return json.dumps(value)
        case dict():
            return "{}"
        case list() | tuple():
            return "[]"
        case int():
            return str(value)
        case float():
            return _number(value)
        case _:
            return _text(value)


def _number(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is no number that every reader of YAML knows")
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _text(text: str) -> str:
    if isinstance(text, Written):
        return str(text)
    if _PLAIN.fullmatch(text) and not _TAKEN.fullmatch(text):
        return text
    return _UNPRINTED.sub(_escaped, json.dumps(text, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
