"""The JSON text of a request, read strictly: what it says twice or too deeply is refused, not guessed."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from kervan.core.errors import InvalidInput

_KEY = re.compile(rb'"[ \t\r\n]*:')


def read_json(body: bytes) -> Any:
    """Read a JSON text, or raise `InvalidInput` that says what is wrong with it.

    Numbers that no float can hold, a key that appears twice in an object and nesting beyond some
    hundred levels are refused.
    """
    if not body.strip():
        raise InvalidInput("the body is empty", hint='send JSON such as {"features": {"age": 39}}')
    try:
        content = msgspec.json.decode(body)
    except RecursionError as error:
        raise InvalidInput("the JSON is nested too deeply", hint="send rows as flat objects") from error
    except msgspec.ValidationError as error:
        raise InvalidInput(
            "the JSON holds a number that is too large", hint="numbers end at 1.8e308"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(_malformed(body, error), hint="send valid JSON in UTF-8") from error
    _check_keys(body, content)
    return content


def _malformed(body: bytes, error: Exception) -> str:
    if re.search(rb"\b(NaN|-?Infinity)\b", body):
        return f"{error} (JSON knows neither NaN nor Infinity: send null for a missing value)"
    return str(error)


def _check_keys(body: bytes, content: Any) -> None:
    """Refuse a key that appears twice in one object.

    Each key ends in a quote and a colon, so when no more of these are in the text than keys were read,
    none was lost. A text value may hold such a pair too; only then the text is read again, slowly.
    """
    try:
        if len(_KEY.findall(body)) != _count_keys(content):
            json.loads(body, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise InvalidInput("the JSON is nested too deeply", hint="send rows as flat objects") from error


def _count_keys(content: Any) -> int:
    items = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    deeper = sum(_count_keys(item) for item in items if isinstance(item, dict | list))
    return deeper + len(content) if isinstance(content, dict) else deeper


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput(f"the key {key!r} appears twice in one object", hint="send each key once")
        found[key] = value
    return found
