from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kervan.core.errors import InvalidData, ParityFailed
from kervan.core.schema import Type
from kervan.package.proving.parity import Comparison, check_parity, compare, nasty_rows

from .small_tables import encoded, signature_for

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fixed:
    """Answers the same, whatever it is asked."""

    values: Floats

    def predict(self, matrix: NDArray[np.float64]) -> Floats:
        return self.values


def compared(wanted: list[list[float]], given_: list[list[float]], tolerance: float = 1e-5) -> Comparison:
    matrix = np.zeros((len(wanted), 6), dtype=np.float64)
    original, other = Fixed(np.array(wanted)), Fixed(np.array(given_))
    return compare(original.predict, other, matrix, tolerance, name="onnx/matrix.onnx", scorer="test")


def test_nasty_rows_hurt_in_every_column() -> None:
    signature, matrix, _ = encoded("binary", 50)
    nasty = nasty_rows(matrix, signature, seed=1)
    np.testing.assert_array_equal(nasty[:50], matrix)
    for place, column in enumerate(signature.inputs):
        values = nasty[50:, place]
        if column.type is Type.CATEGORY:
            assert set(values.tolist()) <= {-1.0, *range(len(column.allowed))}
            assert -1.0 in values
        else:
            assert np.isnan(values).any()
        if column.type is Type.NUMBER:
            observed = matrix[:, place][~np.isnan(matrix[:, place])]
            assert {0.0, -1.0, 2.0**24, -(2.0**24), float(np.median(observed))} <= set(values.tolist())
            assert values[np.isfinite(values)].min() < observed.min()
    assert not np.isinf(nasty).any()
    np.testing.assert_array_equal(nasty, nasty_rows(matrix, signature, seed=1))


def test_nasty_rows_of_one_row_and_of_a_column_without_values() -> None:
    signature = signature_for("regression", "gelir ı")
    nasty = nasty_rows(np.array([[np.nan]], dtype=np.float64), signature, seed=0)
    assert np.isnan(nasty).any()
    assert 2.0**24 in nasty


def test_nothing_is_proved_without_rows() -> None:
    signature, matrix, _ = encoded("binary", 1)
    with pytest.raises(InvalidData, match="no rows to prove a format with"):
        nasty_rows(matrix[:0], signature, seed=0)


def test_equal_answers_hold() -> None:
    parity = compared([[0.2, 0.8], [0.5, 0.5]], [[0.2, 0.8], [0.5, 0.5]]).parity
    assert parity.holds
    assert (parity.rows, parity.largest, parity.over, parity.label_changes) == (2, 0.0, 0, 0)


def test_a_difference_beyond_the_tolerance_is_counted_and_its_row_named() -> None:
    comparison = compared([[0.2, 0.8]] * 3, [[0.2, 0.8], [0.3, 0.7], [0.2, 0.8]])
    assert not comparison.parity.holds
    assert comparison.failing == (1,)
    assert comparison.parity.largest == pytest.approx(0.1)


def test_another_label_is_counted_even_where_the_tolerance_allows_the_difference() -> None:
    comparison = compared([[0.45, 0.55]], [[0.55, 0.45]], tolerance=0.09)
    assert comparison.parity.label_changes == 1
    assert not compared([[0.46, 0.54]], [[0.54, 0.46]], tolerance=0.079).parity.holds


def test_an_exact_tie_may_fall_either_way() -> None:
    assert compared([[0.5, 0.5]], [[0.4999999, 0.5000001]]).parity.holds


def test_no_number_is_never_parity() -> None:
    for broken in (np.nan, np.inf):
        assert not compared([[0.5, 0.5]], [[broken, 0.5]]).parity.holds
        assert not compared([[1.0], [2.0]], [[1.0], [broken]]).parity.holds


def test_values_are_compared_in_their_own_size() -> None:
    huge = [[2e9], [-1e9], [3.0], [1e9]]
    assert compared(huge, [[value * (1 + 1e-7)] for [value] in huge]).parity.holds
    small = [[1e-9], [2e-9], [3e-9]]
    assert not compared(small, [[1.1e-9], [2e-9], [3e-9]]).parity.holds
    assert compared([[0.0], [0.0]], [[0.0], [0.0]]).parity.holds


@settings(max_examples=50)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1), st.floats(1e-3, 0.4))
def test_a_single_changed_answer_is_always_found(rows: int, seed: int, change: float) -> None:
    random = np.random.default_rng(seed)
    wanted = random.dirichlet([1.0, 1.0, 1.0], rows)
    other = wanted.copy()
    row = int(random.integers(rows))
    other[row, 0] += change
    comparison = compared(wanted.tolist(), other.tolist())
    assert comparison.failing == (row,)
    assert comparison.parity.largest == pytest.approx(change)


def test_the_error_shows_format_rows_size_and_the_first_failing_row_in_words() -> None:
    signature = signature_for("binary")
    matrix = np.array([[39, np.nan, 1, 1, -1, -1]], dtype=np.float64)
    comparison = compared([[0.0, 1.0]], [[1.0, 0.0]])
    with pytest.raises(ParityFailed) as error:
        check_parity(comparison, matrix, signature)
    assert str(error.value) == (
        "format 'onnx/matrix.onnx' answers differently in 1 of 1 rows, by up to 1 (tolerance 1e-05); "
        "first: row 0 (yaş=39, gelir ı=missing, evli=1, şehir='İstanbul', value=unseen, boş=unseen)"
    )
    assert error.value.hint
