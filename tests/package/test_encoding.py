from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidData, InvalidInput
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import encode_labels, encode_table, encode_truth

from .small_tables import INPUTS, OUTPUTS, make_table, signature_for

CITY = INPUTS["şehir"]


def only(column: Column) -> Signature:
    return Signature(inputs=Schema((column,)), output=OUTPUTS["binary"])


def test_columns_come_in_the_order_of_the_signature_as_float64_with_codes() -> None:
    table = pl.DataFrame(
        {
            "boş": pl.Series([None, "x"], dtype=pl.String),
            "value": ["", None],
            "şehir": ["ızmir", "izmir"],
            "evli": [True, False],
            "gelir ı": [0.1, None],
            "yaş": [39, None],
            "not used": [1, 2],
        }
    )
    matrix = encode_table(table, signature_for("binary"))
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    wanted = [[39, 0.1, 1, 3, 1, -1], [np.nan, np.nan, 0, -1, -1, -1]]
    np.testing.assert_array_equal(matrix, np.array(wanted))


def test_a_table_without_rows_gives_a_matrix_without_rows() -> None:
    assert encode_table(make_table(3).clear(), signature_for("binary")).shape == (0, 6)


@given(st.lists(st.one_of(st.none(), st.sampled_from([*CITY.allowed, "Istanbul", "", "ankara"])), min_size=1))
def test_a_category_is_its_place_and_everything_else_is_minus_one(texts: list[str | None]) -> None:
    series = pl.DataFrame({"şehir": pl.Series(texts, dtype=pl.String)})
    wanted = [CITY.allowed.index(text) if text in CITY.allowed else -1 for text in texts]
    assert encode_table(series, only(CITY))[:, 0].tolist() == wanted


@given(st.lists(st.one_of(st.none(), st.floats(width=32, allow_infinity=False)), min_size=1))
def test_float32_numbers_come_through_unchanged(numbers: list[float | None]) -> None:
    column = Column(name="x", type=Type.NUMBER)
    matrix = encode_table(pl.DataFrame({"x": pl.Series(numbers, dtype=pl.Float64)}), only(column))
    wanted = np.array([np.nan if number is None else number for number in numbers], dtype=np.float32)
    np.testing.assert_array_equal(matrix[:, 0], wanted)


@given(st.lists(st.integers(-(2**24), 2**24), min_size=1))
def test_whole_numbers_up_to_two_to_the_24_are_exact(numbers: list[int]) -> None:
    table = pl.DataFrame({"n": pl.Series(numbers, dtype=pl.Int64)})
    assert encode_table(table, only(Column(name="n", type=Type.INTEGER)))[:, 0].tolist() == numbers


@pytest.mark.parametrize(
    ("values", "allowed", "codes"),
    [
        (pl.Series([1, 2, None]), ("1", "2"), [0, 1, -1]),
        (pl.Series([1.0, 2.5, None, float("nan")]), ("1", "2.5"), [0, 1, -1, -1]),
        (pl.Series([True, False, None]), ("false", "true"), [1, 0, -1]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), ("b",), [-1, 0]),
        (pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), ("b", "a"), [1, 0]),
    ],
)
def test_categories_of_every_type_go_by_their_texts(
    values: pl.Series, allowed: tuple[str, ...], codes: list[int]
) -> None:
    column = Column(name="c", type=Type.CATEGORY, allowed=allowed)
    assert encode_table(pl.DataFrame({"c": values}), only(column))[:, 0].tolist() == codes


def test_an_absent_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match="no column 'şehir'") as error:
        encode_table(pl.DataFrame({"sehir": ["x"]}), only(CITY))
    assert "sehir" in error.value.hint


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (pl.Series(["on beş"]), Type.INTEGER, "column 'x' is to be integer, but holds String"),
        (pl.Series([1.0, 1e39]), Type.NUMBER, "column 'x', row 1: 1e\\+39 is out of range"),
        (pl.Series([float("inf")]), Type.NUMBER, "column 'x', row 0: inf is out of range"),
    ],
)
def test_what_no_model_can_read_is_refused(values: pl.Series, kind: Type, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        encode_table(pl.DataFrame({"x": values}), only(Column(name="x", type=kind)))


@given(st.lists(st.sampled_from(OUTPUTS["multi"].allowed), min_size=1))
def test_labels_come_back_as_they_were(labels: list[str]) -> None:
    codes = encode_labels(pl.Series(labels), OUTPUTS["multi"])
    assert codes.dtype == np.int64
    assert [OUTPUTS["multi"].allowed[code] for code in codes] == labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["evet", None], "column 'sınıf', row 1: the label is missing"),
        (["hayır", "Evet"], "column 'sınıf', row 1: the label 'Evet' is none of its classes"),
    ],
)
def test_a_label_that_is_no_class_is_named(labels: list[str | None], message: str) -> None:
    with pytest.raises(InvalidData, match=message) as error:
        encode_truth(pl.Series(labels), OUTPUTS["binary"])
    assert "hayır, evet" in error.value.hint


def test_a_number_to_learn_from_keeps_its_digits_and_must_be_there() -> None:
    values = pl.Series([123456789.125, 0.1])
    assert encode_truth(values, OUTPUTS["regression"]).tolist() == values.to_list()
    with pytest.raises(InvalidData, match="column 'fiyat', row 1"):
        encode_truth(pl.Series([1.0, None]), OUTPUTS["regression"])
