"""The body of a request: unpacked within limits, its JSON read strictly.

What it says twice or too deeply is refused, not guessed, and what would take long is refused before it is
read, where its bytes tell it.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import msgspec

from kervan.core.errors import InvalidInput
from kervan.serve.guard import MAX_BODY, too_large
from kervan.serve.problem import HttpProblem

_MOST_NESTED = 300_000  # brackets and braces: a list of 100,000 rows, and as many again
_MOST_KEYS = 3_000_000
_MOST_KEYS_EACH = 2_000  # in each object, on the average

_KEY = re.compile(rb'"[ \t\r\n]*:')
_TOKEN = re.compile(rb"\b(?:NaN|-?Infinity)\b")
# A text that never ends is one to the end: then no place is looked at twice.
_TOKEN_OR_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|(?:\bNaN|-?\bInfinity)\b', re.DOTALL)


def plain(body: bytes, coding: str) -> bytes:
    """Unpack a body that is packed by gzip or zstd, or raise `HttpProblem` if it is not, or is too large."""
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in {"gzip", "zstd"}:
        raise HttpProblem(415, f"the body is packed by {coding[:40]!r}", hint="send it plain, gzip or zstd")
    try:
        unpacked = _gunzip(body) if coding == "gzip" else _unzstd(body)
    except (zlib.error, EOFError) as error:
        raise InvalidInput(f"the body is not what {coding} packs", hint="send it without packing") from error
    if len(unpacked) > MAX_BODY:
        raise too_large()
    return unpacked


def _gunzip(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(body, MAX_BODY + 1)
    if not unpacker.eof and len(unpacked) <= MAX_BODY:
        raise EOFError
    if unpacker.unused_data:
        raise zlib.error
    return unpacked


def _unzstd(body: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor(max_window_size=MAX_BODY).stream_reader(body) as stream:
            return stream.read(MAX_BODY + 1)
    except zstandard.ZstdError as error:
        raise zlib.error from error


def read_json(body: bytes, *, tokens: bool = False) -> Any:
    """Read a JSON text, or raise `InvalidInput` that says what is wrong with it.

    Numbers that no float can hold, a key that appears twice in an object and nesting beyond some
    hundred levels are refused. With `tokens` the words NaN, Infinity and -Infinity are numbers.
    """
    if not body.strip():
        raise InvalidInput("the body is empty", hint='send JSON such as {"features": {"age": 39}}')
    _check_amount(body)
    try:
        content = _with_tokens(body) if tokens and _TOKEN.search(body) else msgspec.json.decode(body)
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


def _with_tokens(body: bytes) -> Any:
    """Read what is JSON but for its tokens: strictly with `null` in their place, then with them."""
    msgspec.json.decode(_TOKEN_OR_TEXT.sub(lambda found: found[0] if found[0][:1] == b'"' else b"null", body))
    return json.loads(body)


def _check_amount(body: bytes) -> None:
    """Refuse a body that holds more lists, objects or keys than any request needs."""
    objects = body.count(b"{")
    if objects + body.count(b"[") > _MOST_NESTED:
        raise InvalidInput("the body holds too many lists and objects", hint="send fewer rows at a time")
    if body.count(b":") > min(_MOST_KEYS, (objects + 1) * _MOST_KEYS_EACH):
        raise InvalidInput("the body holds too many keys", hint="send what the model takes")


def _malformed(body: bytes, error: Exception) -> str:
    if _TOKEN.search(body):
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
