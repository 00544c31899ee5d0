"""Why a model answers as it does: contributions that add up, importance, partial dependence."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.explain.dependence import dependence
from kervan.model.explain.explanation import explain
from kervan.model.explain.importance import importance
from kervan.model.explain.inputs import inputs_of
from kervan.model.explain.reasons import reasons
from kervan.model.explain.shapley import contributions

from .seen import answered


def numbers(count: int) -> Signature:
    inputs = Schema(tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(count)))
    return Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))


class Formula:
    """A model that is a formula."""

    def __init__(self, formula) -> None:  # type: ignore[no-untyped-def]
        self.formula = formula

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return self.formula(matrix)[:, None]


@settings(max_examples=40)
@given(
    width=st.integers(1, 6),
    rows=st.integers(1, 12),
    seed=st.integers(0, 1_000),
    product=st.booleans(),
)
def test_contributions_and_the_mean_answer_add_up_to_the_answer(
    width: int, rows: int, seed: int, product: bool
) -> None:
    dice = np.random.default_rng(seed)
    background, row = dice.normal(size=(rows, width)), dice.normal(size=width)
    formula = (
        (lambda m: np.prod(m, axis=1) + np.abs(m[:, 0])) if product else (lambda m: np.sin(m.sum(axis=1)))
    )
    found = contributions(formula, row, background, inputs_of(numbers(width)), seed=seed)
    assert found.base == pytest.approx(formula(background).mean())
    assert found.answer == pytest.approx(formula(row[None])[0])
    assert found.base + found.amounts.sum() == pytest.approx(found.answer, abs=1e-9)


def test_a_sum_is_explained_exactly_whatever_the_orders() -> None:
    dice = np.random.default_rng(0)
    weights, background, row = dice.normal(size=5), dice.normal(size=(30, 5)), dice.normal(size=5)
    found = contributions(lambda m: m @ weights, row, background, inputs_of(numbers(5)))
    assert found.amounts == pytest.approx(weights * (row - background.mean(axis=0)))


def test_the_sample_comes_near_the_shapley_values() -> None:
    dice = np.random.default_rng(1)
    background, row = dice.normal(size=(1, 4)), dice.normal(size=4)

    def ask(matrix: np.ndarray) -> np.ndarray:
        return matrix[:, 0] * matrix[:, 1] + np.maximum(matrix[:, 2], matrix[:, 3])

    exact = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        at = background[0].copy()
        for place in order:
            before = ask(at[None])[0]
            at[place] = row[place]
            exact[place] += (ask(at[None])[0] - before) / len(orders)
    found = contributions(ask, row, background, inputs_of(numbers(4)), rounds=400)
    assert found.amounts == pytest.approx(exact, abs=0.1)
    assert (np.abs(found.amounts - exact) <= 4 * found.errors + 1e-9).all()


def test_a_time_is_one_input_of_two_columns() -> None:
    inputs = Schema((Column(name="when", type=Type.DATETIME), Column(name="x", type=Type.NUMBER)))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    dice = np.random.default_rng(2)
    found = reasons(
        Formula(lambda m: m.sum(axis=1)), dice.normal(size=3), dice.normal(size=(9, 3)), signature
    )
    assert {each.name for each in found.contributions} == {"when", "x"}
    total = found.base + sum(each.amount for each in found.contributions)
    assert total == pytest.approx(found.answer)


@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_reasons_are_those_of_the_class_that_is_answered(name: str) -> None:
    model, found = answered(name, "forest")
    why = reasons(model, found.matrix[0], found.matrix[1:40], found.signature)
    place = found.signature.output.allowed.index(why.about)
    assert place == found.chosen[0]
    assert why.answer == pytest.approx(found.values[0, place])
    assert why.base + sum(each.amount for each in why.contributions) == pytest.approx(why.answer)
    sizes = [abs(each.amount) for each in why.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_an_input_that_nobody_uses_has_no_importance_and_no_effect() -> None:
    _, found = answered("diabetes")
    place = found.signature.inputs.names.index("bmi")
    model = Formula(lambda m: 150 + 900 * m[:, place])
    seen = type(found)(
        found.table, found.signature, found.matrix, found.truth, model.predict(found.matrix), found.places
    )
    ranked = importance(model, seen, "rmse")
    assert ranked[0].name == "bmi"
    assert ranked[0].mean > 0
    assert {each.mean for each in ranked[1:]} == {0.0}
    bmi, sex = dependence(model, found.matrix, found.signature, ["bmi", "sex"])
    assert np.diff(bmi.means[0]) == pytest.approx(900 * np.diff(bmi.places))
    assert np.ptp(sex.means[0]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("name", "metric"), [("cancer", "roc_auc"), ("wine", "log_loss"), ("diabetes", "rmse")]
)
def test_a_model_is_explained_as_a_whole(name: str, metric: str) -> None:
    model, found = answered(name)
    seen = explain(model, found, metric)
    assert {each.name for each in seen.importance} == set(found.signature.inputs.names)
    assert seen.importance[0].mean > 0
    assert seen.importance == tuple(sorted(seen.importance, key=lambda each: -each.mean))
    assert all(len(each.amounts) == seen.explained for each in seen.swarms)
    for each in seen.dependence:
        assert len(each.values) == len(each.places) == len(each.means[0])
    assert explain(model, found, metric) == seen
