from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from kervan.model.neighbours import MOST_ROWS, NeighboursClassifier, NeighboursRegressor


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_without_ties_it_answers_like_scikit_learn(rows: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, asked = random.normal(size=(rows, 3)), random.normal(size=(10, 3))
    labels, numbers = random.integers(3, size=rows), random.normal(size=rows)
    known = min(k, rows)
    np.testing.assert_allclose(
        NeighboursClassifier(neighbours=k).fit(matrix, labels).predict_proba(asked),
        KNeighborsClassifier(known).fit(matrix, labels).predict_proba(asked),
    )
    np.testing.assert_allclose(
        NeighboursRegressor(neighbours=k).fit(matrix, numbers).predict(asked),
        KNeighborsRegressor(known).fit(matrix, numbers).predict(asked),
        atol=1e-12,
    )


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_at_the_same_distance_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, labels = random.integers(0, 3, (60, 3)).astype(float), random.integers(2, size=60)
    order = random.permutation(60)
    one = NeighboursClassifier(neighbours=5).fit(matrix, labels)
    other = NeighboursClassifier(neighbours=5).fit(matrix[order], labels[order])
    np.testing.assert_allclose(one.predict_proba(matrix), other.predict_proba(matrix))


def test_all_rows_as_near_as_the_last_neighbour_take_part() -> None:
    matrix = np.array([[0.0], [1.0], [1.0], [1.0], [9.0]])
    model = NeighboursRegressor(neighbours=2).fit(matrix, np.array([0.0, 1.0, 2.0, 3.0, 100.0]))
    assert model.predict(np.array([[0.0]])).tolist() == [1.5]


def test_only_the_leading_columns_are_scaled_and_a_constant_one_stays() -> None:
    matrix = np.array([[0.0, 5.0, 0.0], [2000.0, 5.0, 1.0]])
    model = NeighboursRegressor(neighbours=1, scaled=2).fit(matrix, np.array([1.0, 2.0]))
    assert model.scale_.tolist() == [1000.0, 1.0, 1.0]
    assert model.predict(matrix).tolist() == [1.0, 2.0]


def test_it_keeps_a_bounded_number_of_rows_by_its_seed() -> None:
    random = np.random.default_rng(0)
    matrix, numbers = random.normal(size=(MOST_ROWS + 1000, 2)), random.normal(size=MOST_ROWS + 1000)
    one, same = (NeighboursRegressor(seed=1).fit(matrix, numbers) for _ in range(2))
    assert one.rows_.shape == (MOST_ROWS, 2)
    np.testing.assert_array_equal(one.rows_, same.rows_)
    assert not np.array_equal(one.rows_, NeighboursRegressor(seed=2).fit(matrix, numbers).rows_)


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_any_number_of_rows_is_answered(rows: int) -> None:
    model = NeighboursClassifier().fit(np.eye(4), np.array([0, 1, 0, 1]))
    assert model.predict_proba(np.zeros((rows, 4))).shape == (rows, 2)
    assert model.predict(np.zeros((rows, 4))).shape == (rows,)
