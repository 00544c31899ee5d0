from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.plugins import plugin
from kervan.core.ports import Answer, Call, Request, Wire
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.serve.body import read_json
from kervan.testing.wire import choosing
from serve.real_packages import CLASSIFICATION, REGRESSION, ROW

WIRE = plugin("protocol", "predict")
VALUES = list(ROW.values())


def decode(body: bytes, signature: Signature = CLASSIFICATION) -> Request:
    return WIRE.decode(Call(route=WIRE.routes[0], body=body), choosing(signature))


def written(values: Any, signature: Signature) -> Any:
    request = Request(rows=[{}] * len(values))
    answer = Answer(id="01", request=request, model="gelir", version="1.0.0", values=np.array(values))
    return json.loads(WIRE.encode(answer, signature, Call(route=WIRE.routes[0])).body)


def rows(body: Any) -> list[dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(decode(content).rows)


def test_is_a_wire() -> None:
    assert isinstance(WIRE, Wire)


@pytest.mark.parametrize(
    "body",
    [
        {"features": ROW},
        {"features": [ROW]},
        {"features": VALUES},
        {"features": [VALUES]},
        ROW,
        [ROW],
        VALUES,
        [VALUES],
    ],
)
def test_all_forms_of_one_row_mean_the_same(body: Any) -> None:
    assert rows(body) == [ROW]


@pytest.mark.parametrize("key", ["feature", "Features", "data", "rows"])
@pytest.mark.parametrize("under", [ROW, VALUES, [ROW]])
def test_rows_under_a_name_that_is_none_are_not_taken_for_a_row(key: str, under: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{key!r} is no column of the model") as caught:
        rows({key: under})
    assert "features" in caught.value.hint
    assert rows({**ROW, key: under}) == [{**ROW, key: under}]


def test_many_rows_keep_their_order() -> None:
    other = {**ROW, "yaş": 40}
    assert rows({"features": [ROW, other]}) == rows([VALUES, list(other.values())]) == [ROW, other]


def test_a_column_may_be_called_features() -> None:
    signature = Signature(
        inputs=Schema((Column(name="features", type=Type.NUMBER),)), output=Column(name="y", type=Type.NUMBER)
    )
    for body in ({"features": 3}, {"features": {"features": 3}}, {"features": [3]}, [3]):
        assert decode(json.dumps(body).encode(), signature).rows == [{"features": 3}]


def test_the_callers_id_is_kept() -> None:
    assert decode(b'{"features": [1], "id": "a-1"}', REGRESSION_OF_ONE).id == "a-1"


REGRESSION_OF_ONE = Signature(
    inputs=Schema((Column(name="x", type=Type.NUMBER),)), output=Column(name="y", type=Type.NUMBER)
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "truncated"),
        (b'{"features": [1,]}', "malformed"),
        (b"{'a': 1}", "malformed"),
        (b'{"a": NaN}', "null for a missing value"),
        (b'{"a": -Infinity}', "null for a missing value"),
        (b'{"a": 1e400}', "too large"),
        (b'{"a": ' + b"9" * 1_000_000 + b"}", "too large"),
        (b"[" * 200_000, "too deeply"),
        (b'{"a":' * 200_000, "too deeply"),
        (b"[" * 300 + b"]" * 300, "row 0 has 1 values"),
        (b'{"features": {"a": 1, "a": 2}}', "'a' appears twice"),
        (b'[{"a" : 1, "b": 3, "a": 1}]', "'a' appears twice"),
        (b'{"\\u0061": 1, "a": 2}', "'a' appears twice"),
        (b"\xff\xfe", "malformed"),
        (b'{"a": "\xff"}', "utf-8|malformed|invalid"),
        (b"3", "neither a row nor a list"),
        (b"null", "neither a row nor a list"),
        (b'"text"', "neither a row nor a list"),
        (b'{"features": [], "version": 2}', "'version' has no meaning"),
        (b'{"features": [], "id": 3}', "'id' must be a text"),
    ],
)
def test_says_what_is_wrong_with_the_body(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"(?i){words}"):
        rows(body)


def test_a_short_list_of_values_names_row_and_order() -> None:
    with pytest.raises(RefusedRow, match="row 1 has 4 values, 5 are needed") as caught:
        rows([VALUES, VALUES[:4]])
    assert caught.value.row == 1
    assert "yaş, 0, şehir adı" in caught.value.hint


def test_texts_that_look_like_keys_are_no_keys() -> None:
    tricky = {"a": '": ', "b": ':"', "c\\": '{"a": 1, "a": 2}', '"': "x"}
    assert read_json(json.dumps(tricky).encode()) == tricky


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_reads_all_json_without_a_key_twice(content: Any, in_ascii: bool) -> None:
    assert read_json(json.dumps(content, ensure_ascii=in_ascii, indent=1).encode()) == content


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(InvalidInput):
        assert isinstance(decode(body).rows, list)


def test_a_classification_answers_labels_with_probabilities() -> None:
    assert written([[0.25, 0.75], [0.5, 0.5]], CLASSIFICATION) == {
        "id": "01",
        "model": "gelir@1.0.0",
        "predictions": [
            {"label": ">50K", "probabilities": {"<=50K": 0.25, ">50K": 0.75}},
            {"label": "<=50K", "probabilities": {"<=50K": 0.5, ">50K": 0.5}},
        ],
    }


def test_a_regression_answers_values() -> None:
    assert written([[2.5]], REGRESSION)["predictions"] == [{"value": 2.5}]
