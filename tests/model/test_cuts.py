"""Costs of answers, and the threshold that is best by them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from kervan.core.errors import InvalidConfig, Refused
from kervan.core.goals import Costs
from kervan.core.naming import Naming
from kervan.core.recipe import Recipe
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.costs import cost_metrics, fair_threshold
from kervan.model.cuts import best_threshold, criterion_of, curve
from kervan.model.metrics import Yardstick, intervals, scores
from kervan.model.monotone import constrained
from kervan.model.train import fit
from kervan.package.answers import chosen
from kervan.package.writing.fitted import Fitted

TWO = Signature(inputs=Schema(), output=Column(name="y", type=Type.CATEGORY, allowed=("no", "yes")))
THREE = Signature(inputs=Schema(), output=Column(name="y", type=Type.CATEGORY, allowed=("a", "b", "c")))
NUMBER = Signature(inputs=Schema(), output=Column(name="y", type=Type.NUMBER))
ALARMS = Costs(false_positive=5.0, false_negative=100.0)


def money(costs: Costs, signature: Signature, threshold: float | None = None) -> Yardstick:
    return Yardstick(metrics=cost_metrics(costs, signature), naming=Naming(threshold=threshold))


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from(["cost", "f1", "matthews_corrcoef"]))
@settings(max_examples=60, deadline=None)
def test_no_other_threshold_is_better_on_these_rows(seed: int, rows: int, name: str) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(rows).round(1)  # with many ties
    values = np.column_stack([1 - positive, positive])
    truth = (random.random(rows) < positive).astype(np.int64)
    criterion = criterion_of(name, ALARMS, ("no", "yes"))

    def figure(threshold: float) -> float:
        named = chosen(values, Naming(threshold=threshold))
        counts = [
            np.array([float(((named == a) & (truth == b)).sum())])
            for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))
        ]
        return float(criterion(*counts)[0])

    found = best_threshold(truth, values, criterion)
    assert 0 <= found <= 1
    ordered = np.unique(np.concatenate([[0.0, 1.0], positive]))
    others = [*ordered, *((low + high) / 2 for low, high in pairwise(ordered))]
    assert figure(found) == pytest.approx(max(figure(each) for each in others))


def test_missing_somebody_twenty_times_as_dear_names_the_class_from_a_twentieth_on() -> None:
    random = np.random.default_rng(0)
    positive = random.beta(0.5, 2, size=100_000)
    truth = (random.random(100_000) < positive).astype(np.int64)
    values = np.column_stack([1 - positive, positive])
    fair = fair_threshold(ALARMS, ("no", "yes"))
    assert fair == pytest.approx(5 / 105)
    found = best_threshold(truth, values, criterion_of("cost", ALARMS, ("no", "yes")), fair)
    assert found == pytest.approx(fair, abs=0.02)
    assert len(f"{found}") <= 7
    by_threshold, by_chance = (
        scores("classification", truth, values, money(ALARMS, TWO, each))["cost"] for each in (found, None)
    )
    assert by_threshold < 0.5 * by_chance


def test_a_threshold_by_f1_is_as_good_as_scikit_learn_finds_any() -> None:
    random = np.random.default_rng(1)
    truth = (random.random(500) < 0.2).astype(np.int64)
    positive = np.clip(0.25 * truth + random.normal(0.25, 0.15, 500), 0, 1)
    values = np.column_stack([1 - positive, positive])
    found = best_threshold(truth, values, criterion_of("f1", Costs(), ("no", "yes")))
    best = max(f1_score(truth, positive >= each) for each in np.unique(positive))
    assert f1_score(truth, positive >= found) == pytest.approx(best)


def test_a_curve_counts_every_row_at_every_threshold() -> None:
    random = np.random.default_rng(2)
    truth = (random.random(50) < 0.4).astype(np.int64)
    values = np.column_stack([1 - truth * 0.6 - 0.2, truth * 0.6 + 0.2])
    cuts = curve(truth, values)
    assert [cut.threshold for cut in cuts] == [pytest.approx(step / 100) for step in range(1, 100)]
    assert {cut.rows for cut in cuts} == {50}
    for cut in cuts:
        wanted = scores("classification", truth, values, money(ALARMS, TWO, cut.threshold))["cost"]
        assert cut.cost(ALARMS, ("no", "yes")) == pytest.approx(wanted)


def test_costs_of_more_classes_are_a_matrix_in_the_order_of_its_own_classes() -> None:
    costs = Costs(classes=("c", "a", "b"), matrix=((0.0, 1.0, 2.0), (3.0, 0.0, 4.0), (5.0, 6.0, -1.0)))
    truth = np.array([2, 0, 1, 1])
    values = np.eye(3)[[0, 1, 2, 1]]  # c as a: 1, a as b: 4, b as c: 5, b as b: -1
    found = scores("classification", truth, values, money(costs, THREE))
    assert found["cost"] == pytest.approx((1 + 4 + 5 - 1) / 4)
    assert found["profit"] == -found["cost"]


def test_costs_of_a_number_count_each_unit_too_high_and_too_low() -> None:
    costs = Costs(too_high=2.0, too_low=10.0)
    truth, values = np.array([10.0, 10.0]), np.array([[13.0], [9.0]])
    assert scores("regression", truth, values, money(costs, NUMBER))["cost"] == pytest.approx((6 + 10) / 2)


def test_rows_that_all_cost_the_same_do_not_make_sure() -> None:
    truth = np.zeros(40, dtype=np.int64)
    values = np.tile([0.9, 0.1], (40, 1))
    found = intervals("classification", truth, values, money(ALARMS, TWO), only="cost")["cost"]
    assert found.low == 0
    assert 5 < found.high < 20


@pytest.mark.parametrize(
    ("costs", "signature", "message"),
    [
        (ALARMS, THREE, "has 3 classes, and false_positive"),
        (ALARMS, NUMBER, "these are costs of classes"),
        (Costs(too_high=1.0), TWO, "are costs of numbers"),
        (Costs(too_low=-1.0), NUMBER, "too_low: -1 is below 0"),
        (Costs(matrix=((0.0, 1.0),)), TWO, "is not 2 rows of 2 costs"),
        (Costs(classes=("no", "yess"), matrix=((0.0, 1.0), (1.0, 0.0))), TWO, "has no class 'yess'"),
        (Costs(classes=("no", "yes"), matrix=((0.0, 1.0), (1.0, 0.0))), THREE, "has no class 'no'"),
    ],
)
def test_costs_that_do_not_fit_are_refused_by_name(costs: Costs, signature: Signature, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        cost_metrics(costs, signature)


@pytest.mark.parametrize("family", ["boosting", "tree", "forest"])
def test_an_answer_that_may_only_go_up_never_goes_down(family: str) -> None:
    signature = Signature(
        inputs=Schema((Column(name="a", type=Type.NUMBER), Column(name="b", type=Type.NUMBER))),
        output=TWO.output,
    )
    random = np.random.default_rng(0)
    matrix = random.normal(size=(400, 2))
    truth = (np.sin(2 * matrix[:, 0]) + matrix[:, 1] + random.normal(size=400) > 0).astype(np.int64)
    ask = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])

    def falls(recipe: Recipe) -> bool:
        model = Fitted(fit(recipe, matrix, truth, signature, seed=0), signature)
        return bool((np.diff(model.predict(ask)[:, 1]) < -1e-9).any())

    assert falls(Recipe(family))
    assert not falls(constrained(Recipe(family), {"a": "up"}))


def test_a_family_that_cannot_promise_one_way_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="neighbours cannot promise"):
        constrained(Recipe("neighbours"), {"a": "up"})
