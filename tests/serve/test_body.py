from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput
from kervan.serve.body import read_json

TOKENS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.sampled_from(sorted(TOKENS)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(VALUES, st.booleans())
def test_what_python_writes_is_read_with_its_tokens(content: Any, ascii_only: bool) -> None:
    assert same(read_json(json.dumps(content, ensure_ascii=ascii_only).encode(), tokens=True), content)


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_numbers_only_where_they_are_asked_for(token: str) -> None:
    body = f'{{"a": [{token}], "{token}": "\\\\\\" {token}"}}'.encode()
    found = read_json(body, tokens=True)
    assert same(found, {"a": [TOKENS[token]], token: f'\\" {token}'})
    with pytest.raises(InvalidInput, match="knows neither NaN nor Infinity"):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"NaNs",
        b"[NaN",
        b"[-NaN]",
        b"[+Infinity]",
        b"[NaN, 1e400]",
        b'[NaN, "\\ud800"]',
        b'[NaN, "\xff"]',
        b'{"a": NaN, "a": 1}',
        b"[NaN, 1,]",
        b"[NaN, 01]",
        b"[NaN, " + b"9" * 5000 + b"]",
        b"[" * 5000 + b"NaN" + b"]" * 5000,
        b'NaN "' + b'\\"' * 200_000,
        b'"' + b'\\"' * 200_000 + b" NaN",
    ],
)
def test_beside_tokens_everything_else_is_as_strict_as_ever(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_json(body, tokens=True)
