from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from kervan.model.formulas import Pulled, average_precision, roc_auc
from kervan.model.metrics import METRICS, Task, scores

CASES = st.tuples(st.integers(2, 40), st.integers(0, 2**32 - 1), st.booleans())


def answers(rows: int, classes: int, seed: int, coarse: bool) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Random truth and probabilities; coarse ones have many ties."""
    random = np.random.default_rng(seed)
    values = random.dirichlet(np.ones(classes), rows)
    if coarse:
        values = np.round(values * 4) + 0.5
        values /= values.sum(axis=1, keepdims=True)
    return random.integers(classes, size=rows), values


@settings(max_examples=60)
@given(CASES)
def test_two_classes_agree_with_scikit_learn_where_the_last_label_is_positive(
    case: tuple[int, int, bool],
) -> None:
    truth, values = answers(case[0], 2, case[1], case[2])
    assume(len(set(truth.tolist())) == 2)
    chosen, positive = values.argmax(axis=1), values[:, 1]
    assert scores("classification", truth, values) == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(truth, positive),
            "accuracy": sk.accuracy_score(truth, chosen),
            "log_loss": sk.log_loss(truth, values),
            "f1": sk.f1_score(truth, chosen, pos_label=1, zero_division=0.0),
            "average_precision": sk.average_precision_score(truth, positive),
        }
    )


@settings(max_examples=60)
@given(CASES)
def test_several_classes_agree_with_scikit_learn_as_means_over_the_classes(
    case: tuple[int, int, bool],
) -> None:
    truth, values = answers(case[0], 3, case[1], case[2])
    assume(len(set(truth.tolist())) == 3)
    chosen = values.argmax(axis=1)
    each = [sk.average_precision_score(truth == place, values[:, place]) for place in range(3)]
    assert scores("classification", truth, values) == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(truth, values, multi_class="ovr"),
            "accuracy": sk.accuracy_score(truth, chosen),
            "log_loss": sk.log_loss(truth, values),
            "f1": sk.f1_score(truth, chosen, average="macro", zero_division=0.0),
            "average_precision": np.mean(each),
        }
    )


@settings(max_examples=60)
@given(CASES)
def test_numbers_agree_with_scikit_learn(case: tuple[int, int, bool]) -> None:
    random = np.random.default_rng(case[1])
    truth, given_ = random.normal(size=(2, case[0])).round(1 if case[2] else 8)
    assume(len(set(truth.tolist())) > 1)
    assert scores("regression", truth, given_[:, None]) == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(truth, given_),
            "mae": sk.mean_absolute_error(truth, given_),
            "r2": sk.r2_score(truth, given_),
            "median_absolute_error": sk.median_absolute_error(truth, given_),
        }
    )


@pytest.mark.parametrize("figure", [roc_auc, average_precision])
@pytest.mark.parametrize("coarse", [False, True])
def test_what_a_row_pulls_is_what_leaving_it_out_moves(figure: Pulled, coarse: bool) -> None:
    """To first order, as in the jackknife: a row that is left out moves the figure the other way."""
    truth, values = answers(400, 2, 3, coarse)
    positive = truth == 1
    whole, pull = figure(positive, values[:, 1])
    kept = [np.delete(np.arange(400), place) for place in range(400)]
    moved = 399 * np.array([whole - figure(positive[each], values[each, 1])[0] for each in kept])
    assert pull.mean() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(pull, moved)[0, 1] > 0.99


def test_what_the_rows_cannot_tell_is_left_out() -> None:
    one_class = scores("classification", np.array([1, 1]), np.array([[0.3, 0.7], [0.6, 0.4]]))
    assert "roc_auc" not in one_class
    assert one_class["accuracy"] == 0.5
    same = scores("regression", np.array([2.0, 2.0]), np.array([[1.0], [2.0]]))
    assert "r2" not in same
    assert same["mae"] == 0.5


def test_a_sure_and_wrong_answer_costs_much_but_not_infinitely_much() -> None:
    found = scores("classification", np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert 7 < found["log_loss"] < 9


def test_every_metric_belongs_to_a_task_and_stays_in_its_range() -> None:
    truth, values = answers(200, 3, 1, False)
    for name, value in scores(Task.CLASSIFICATION, truth, values).items():
        assert METRICS[name].lowest <= value <= METRICS[name].highest
