from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.config import DataSettings
from kervan.core.errors import RefusedRow
from kervan.core.loading import DATA_FOLDER
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.data.ingest import load
from kervan.package.encoding import encode_table
from kervan.serve.decode import MAX_ROWS, RowDecoder
from serve.real_packages import CLASSIFICATION, ROW

OUTPUT = Column(name="y", type=Type.NUMBER)


def signature(*columns: Column) -> Signature:
    return Signature(inputs=Schema(columns), output=OUTPUT)


def decode(column: Column, *values: Any) -> list[float]:
    rows = [{column.name: value} for value in values]
    return RowDecoder(signature(column)).decode(rows)[:, 0].tolist()


def refused(column: Column, *values: Any) -> RefusedRow:
    with pytest.raises(RefusedRow) as caught:
        decode(column, *values)
    return caught.value


NUMBER = Column(name="şehir no", type=Type.NUMBER)
OPTIONAL = Column(name="0", type=Type.NUMBER, nullable=True)
INTEGER = Column(name="age", type=Type.INTEGER, nullable=True)
BOOLEAN = Column(name="ok", type=Type.BOOLEAN)
CITY = Column(name="city", type=Type.CATEGORY, allowed=("Ankara", "İstanbul", "ı"), nullable=True)


def test_orders_columns_by_the_signature_and_ignores_others() -> None:
    row = dict(reversed(ROW.items())) | {"someone's name": "Ayşe"}
    matrix = RowDecoder(CLASSIFICATION).decode([row])
    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[39.0, 1.5, 1.0, 0.0, 1.0]]


def test_missing_is_nan_for_numbers_and_minus_one_for_categories() -> None:
    rows = [
        {**ROW, "0": None, "şehir adı": None},
        {k: v for k, v in ROW.items() if k not in ("0", "şehir adı")},
    ]
    matrix = RowDecoder(CLASSIFICATION).decode(rows)
    assert np.isnan(matrix[:, 1]).all()
    assert matrix[:, 2].tolist() == [-1, -1]


def test_a_missing_value_is_refused_where_it_must_be_there() -> None:
    for value in (None, float("nan")):
        error = refused(NUMBER, 1.0, value)
        assert (error.row, error.field) == (1, "şehir no")
        assert "row 1" in str(error)
        assert "şehir no" in str(error)


def test_a_missing_column_with_a_similar_one_gives_a_hint() -> None:
    with pytest.raises(RefusedRow) as caught:
        RowDecoder(signature(NUMBER)).decode([{"Şehir no": 1}])
    assert caught.value.hint == 'did you mean "Şehir no"?'


def test_a_column_that_the_model_takes_is_never_meant_instead() -> None:
    names = [Column(name=f"s{number}", type=Type.NUMBER) for number in (1, 2)]
    with pytest.raises(RefusedRow, match="'s1': is missing") as caught:
        RowDecoder(signature(*names)).decode([{"s2": 1}])
    assert caught.value.hint == "'s1' takes values of type number"


def test_an_integer_that_is_missing_stays_missing() -> None:
    values = decode(INTEGER, 39, None, 39.0)
    assert values[0] == values[2] == 39
    assert np.isnan(values[1])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (INTEGER, 39.5, "not a whole number"),
        (INTEGER, "39", "is a text, not a whole number"),
        (NUMBER, True, "is true or false, not a number"),
        (NUMBER, [1], "is a list"),
        (NUMBER, {"a": 1}, "is an object"),
        (NUMBER, float("inf"), "is infinite"),
        (NUMBER, float("-inf"), "is infinite"),
        (NUMBER, 1e39, "is beyond"),
        (NUMBER, 10**400, "is infinite"),
        (BOOLEAN, 1, "is a number, not true or false"),
        (BOOLEAN, "true", "is a text"),
        (CITY, 3, "is a number, not a text"),
        (CITY, True, "is true or false, not a text"),
        (CITY, ["Ankara"], "is a list"),
    ],
)
def test_refuses_what_is_no_value_of_the_column(column: Column, value: Any, words: str) -> None:
    good = "Ankara" if column is CITY else True if column is BOOLEAN else 1
    error = refused(column, good, good, value)
    assert words in str(error)
    assert (error.row, error.field) == (2, column.name)
    assert error.hint


def test_hints_how_to_send_a_number() -> None:
    assert refused(NUMBER, "nan").hint == "send a number"
    assert refused(NUMBER, "39").hint == 'send 39, not "39"'
    assert refused(OPTIONAL, "NA").hint == "send null for a missing value"
    assert refused(CITY, 39).hint == 'send "39" in quotes'


def test_limits_are_inclusive() -> None:
    column = Column(name="yaş", type=Type.NUMBER, minimum=0, maximum=0.1)
    assert decode(column, 0, 0.1) == [0, 0.1]
    assert "below 0" in str(refused(column, -0.001))
    assert "above 0.1" in str(refused(column, 0.05, 0.11))


def test_unseen_categories_follow_the_column() -> None:
    assert decode(CITY, "İzmir", "İstanbul", "i", "ı") == [-1, 1, -1, 2]
    strict = Column(name="c", type=Type.CATEGORY, allowed=("İstanbul",), unseen=Unseen.REFUSE, nullable=True)
    assert decode(strict, None, "İstanbul") == [-1, 0]
    error = refused(strict, "İstanbul", "Istanbul")
    assert error.row == 1
    assert "İstanbul" in error.hint


def test_numbers_of_python_and_numpy_are_numbers() -> None:
    assert decode(NUMBER, np.float32(1.5), np.int64(2), Fraction(1, 2), 3) == [1.5, 2, 0.5, 3]
    assert decode(BOOLEAN, np.bool_(True), False) == [1, 0]


def test_a_column_of_big_whole_numbers_keeps_its_missing_values() -> None:
    assert "infinite" in str(refused(INTEGER, None, 10**400))
    assert decode(INTEGER, 10**30) == [1e30]


def test_needs_one_row_and_takes_a_hundred_thousand() -> None:
    with pytest.raises(RefusedRow, match="no rows"):
        decode(NUMBER)
    with pytest.raises(RefusedRow, match="100,001 rows"):
        RowDecoder(signature(NUMBER)).decode([{"şehir no": 1}] * (MAX_ROWS + 1))


@pytest.mark.parametrize("row", [None, 3, "x", [1], True])
def test_a_row_is_an_object(row: Any) -> None:
    with pytest.raises(RefusedRow, match="row 1 is"):
        RowDecoder(signature(NUMBER)).decode([{"şehir no": 1}, row])


def test_ten_thousand_rows_are_the_same_as_one_by_one() -> None:
    rows = [
        {**ROW, "yaş": place % 100, "0": None if place % 7 == 0 else place / 3} for place in range(10_000)
    ]
    decoder = RowDecoder(CLASSIFICATION)
    matrix = decoder.decode(rows)
    assert matrix.shape == (10_000, 5)
    for place in (0, 1, 7, 4999, 9999):
        np.testing.assert_array_equal(matrix[place : place + 1], decoder.decode([rows[place]]))


@pytest.mark.data
def test_agrees_with_the_encoding_of_a_real_table() -> None:
    folder = os.environ.get(DATA_FOLDER)
    if not folder:
        pytest.skip(f"{DATA_FOLDER} names no folder of public data sets")
    loaded = load("adult.csv.gz", Path(folder).resolve() / "adult", DataSettings())
    table = loaded.table.head(10_000)
    columns = []
    for name in table.columns:
        values = table[name]
        if values.dtype.is_numeric():
            kind = Type.INTEGER if values.dtype.is_integer() else Type.NUMBER
            columns.append(Column(name=name, type=kind, nullable=True))
        else:  # every other category is one that training did not see
            seen = tuple(sorted(values.drop_nulls().cast(pl.String).unique()))[::2]
            columns.append(Column(name=name, type=Type.CATEGORY, nullable=True, allowed=seen))
    adult = signature(*columns)
    sent = json.loads(json.dumps(table.to_dicts()))
    np.testing.assert_array_equal(RowDecoder(adult).decode(sent), encode_table(table, adult))


VALUES = st.fixed_dictionaries(
    {
        "yaş": st.integers(0, 120),
        "0": st.none() | st.floats(-1e30, 1e30),
        "şehir adı": st.none() | st.sampled_from(["Ankara", "İstanbul", "ısparta", "İzmir", ""]),
        "tür": st.sampled_from("ab"),
        "evli": st.booleans(),
    }
)


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_agrees_with_the_encoding_of_tables(rows: list[dict[str, Any]]) -> None:
    kinds = {"yaş": pl.Int64, "0": pl.Float64, "şehir adı": pl.String, "tür": pl.String, "evli": pl.Boolean}
    table = pl.DataFrame(rows, schema=kinds)
    np.testing.assert_array_equal(
        RowDecoder(CLASSIFICATION).decode(rows), encode_table(table, CLASSIFICATION)
    )


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(ROW, ANYTHING)) | ANYTHING, max_size=4))
def test_anything_is_either_encoded_or_refused_by_row(rows: list[Any]) -> None:
    refused = None
    try:
        matrix = RowDecoder(CLASSIFICATION).decode(rows)
    except RefusedRow as error:
        refused = error
    if refused is None:
        assert matrix.shape == (len(rows), 5)
        assert not np.isinf(matrix).any()
        assert not np.isnan(matrix[:, [0, 2, 3, 4]]).any()
    else:
        assert 0 <= refused.row < max(len(rows), 1)
        assert refused.field in ("", *CLASSIFICATION.inputs.names)
