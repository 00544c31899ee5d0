"""The typed reader gives what the careful one gives, or leaves the body to it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput
from kervan.core.ports import Call
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import NUMBER
from kervan.serve.decode import RowDecoder
from kervan.serve.protocols.predict import PredictProtocol
from kervan.serve.typed import TypedReader
from kervan.testing.wire import choosing
from serve.real_packages import CLASSIFICATION, NUMERIC, ROW

WIRE = PredictProtocol()
BY_RULES = Signature(
    inputs=CLASSIFICATION.inputs, output=CLASSIFICATION.output, reading=Reading.of_table(["-999", "a"])
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, 39, 120, 121, -999, -999.0, 2**53 + 1, 1e39, -3.4e38, 39.0, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["Ankara", "İstanbul", " Ankara", "I\u0307stanbul", "a", "b", "", ":", '"', "\n", "39"]),
)
NAMES = st.sampled_from([*ROW, "x", "features", "yas", "s\u0327ehir adı"])
WHOLE = st.fixed_dictionaries(
    {
        "yaş": st.one_of(st.integers(0, 120), VALUES),
        "0": VALUES,
        "şehir adı": VALUES,
        "tür": st.one_of(st.sampled_from("ab"), VALUES),
        "evli": st.one_of(st.booleans(), VALUES),
    }
)
ROWS = st.one_of(WHOLE, st.dictionaries(NAMES, VALUES, max_size=7), st.lists(VALUES, max_size=6))
BODIES = st.one_of(ROWS, st.lists(ROWS, max_size=3))
READERS = {id(each): (TypedReader(each), RowDecoder(each)) for each in (CLASSIFICATION, NUMERIC, BY_RULES)}


def careful(body: bytes, signature: Signature) -> tuple[Any, Any]:
    request = WIRE.decode(Call(route=WIRE.routes[0], body=body), choosing(signature))
    return READERS[id(signature)][1].decode(request.rows), request.rows


def check(body: bytes, signature: Signature) -> bool:
    """Compare the two readers, and say whether the typed one took the body."""
    reader = READERS[id(signature)][0]
    read = reader.read(body)
    if read is None:
        return False
    rows, sent, _ = read
    matrix = np.array(rows, dtype=NUMBER)
    if not reader.usual(matrix).all():
        return False
    expected, asked = careful(body, signature)
    np.testing.assert_array_equal(matrix, expected)
    assert b"\n" not in sent
    names = signature.inputs.names
    assert [{name: row[name] for name in names} for row in json.loads(sent)] == [
        {name: row[name] for name in names} for row in asked
    ]
    return True


@pytest.mark.parametrize("signature", [CLASSIFICATION, BY_RULES], ids=["as written", "by rules"])
@given(body=BODIES, envelope=st.booleans(), indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_both_readers_agree(
    signature: Signature, body: Any, envelope: bool, indent: int | None, ascii_only: bool
) -> None:
    content = {"features": body} if envelope else body
    check(json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode(), signature)


@given(st.binary(max_size=60))
@example(b'{"x": 1, "x": 2, "n": 3}')
@example(b'{"x": 1, "n" : 3, "ok": true, "ok": true}')
@example(b'{"x": 1, "n": 3, "ok": true} {}')
@example(b'{"features": {"x": 1, "n": 3, "ok": true}, "features": {"x": 1, "n": 3, "ok": true}}')
@example(b'\xef\xbb\xbf{"x": 1, "n": 3, "ok": true}')
def test_what_is_no_request_is_left_to_the_careful_one(body: bytes) -> None:
    try:
        careful(body, NUMERIC)
    except InvalidInput:
        read = READERS[id(NUMERIC)][0].read(body)
        assert read is None or not READERS[id(NUMERIC)][0].usual(np.array(read[0], dtype=NUMBER)).all()


@pytest.mark.parametrize(
    "body", [ROW, [ROW, ROW], list(ROW.values()), [list(ROW.values())] * 3, {**ROW, "0": None}], ids=str
)
@pytest.mark.parametrize("envelope", [True, False])
def test_usual_bodies_are_taken(body: Any, envelope: bool) -> None:
    content = {"features": body} if envelope else body
    assert check(json.dumps(content, ensure_ascii=False).encode(), CLASSIFICATION)
    assert check(json.dumps(content, ensure_ascii=False, indent=1).encode(), CLASSIFICATION)


def test_a_key_that_comes_twice_is_not_usual_whatever_the_blanks() -> None:
    body = json.dumps(ROW, ensure_ascii=False)
    for twice in ('"evli":true', '"evli" : true', '"evli"\t:\ttrue'):
        assert not check(f"{body[:-1]}, {twice}}}".encode(), CLASSIFICATION)
        spaced = body.replace('"yaş":', '"yaş" :')
        assert not check(f"{spaced[:-1]}, {twice}}}".encode(), CLASSIFICATION)


@pytest.mark.parametrize("name", ['"><script>', "a\\b", "a\tb", "\x1f"])
@pytest.mark.parametrize("is_entity", [False, True])
def test_names_that_json_writes_otherwise_are_left_to_the_careful_reader(name: str, is_entity: bool) -> None:
    columns = (Column(name="b" if is_entity else name, type=Type.NUMBER),)
    signature = Signature(inputs=Schema(columns), output=NUMERIC.output)
    reader = TypedReader(signature, name if is_entity else "")
    body = json.dumps({each.name: 1.5 for each in columns}).encode()
    assert reader.read(body) is None
