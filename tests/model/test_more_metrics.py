"""The metrics beside the usual ones: as scikit-learn has them, and with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from kervan.core.naming import Naming
from kervan.model.metrics import METRICS, Yardstick, intervals, scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def answered(classes: int, rows: int = 400, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    truth = random.choice(classes, size=rows, p=[0.55, *[0.45 / (classes - 1)] * (classes - 1)])
    values = np.exp(random.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[truth])
    return truth, values / values.sum(axis=1, keepdims=True)


def one(name: str, truth: NDArray[Any], values: NDArray[np.float64], threshold: float | None = None) -> float:
    by = Yardstick(metrics=(METRICS[name],), naming=Naming(threshold=threshold))
    return scores(METRICS[name].task, truth, values, by)[name]


def of_labels(function: Callable[..., Any], **settings: Any) -> Callable[[Any, Any], float]:
    return lambda truth, values: function(truth, values.argmax(axis=1), **settings)


def specificity(truth: NDArray[Any], labels: NDArray[Any]) -> float:
    return float(reference.recall_score(truth, labels, pos_label=0))


BY_LABEL: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "balanced_accuracy": (reference.balanced_accuracy_score, {}),
    "f1_macro": (reference.f1_score, {"average": "macro"}),
    "f1_weighted": (reference.f1_score, {"average": "weighted"}),
    "precision_macro": (reference.precision_score, {"average": "macro"}),
    "precision_weighted": (reference.precision_score, {"average": "weighted"}),
    "recall_macro": (reference.recall_score, {"average": "macro"}),
    "recall_weighted": (reference.recall_score, {"average": "weighted"}),
    "matthews_corrcoef": (reference.matthews_corrcoef, {}),
    "cohen_kappa": (reference.cohen_kappa_score, {}),
}
OF_TWO: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "precision": (reference.precision_score, {}),
    "recall": (reference.recall_score, {}),
    "specificity": (specificity, {}),
    "f05": (reference.fbeta_score, {"beta": 0.5}),
    "f2": (reference.fbeta_score, {"beta": 2.0}),
    "jaccard": (reference.jaccard_score, {}),
}


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", list(BY_LABEL))
def test_metrics_of_labels_are_those_of_scikit_learn(name: str, classes: int) -> None:
    truth, values = answered(classes)
    function, settings = BY_LABEL[name]
    assert one(name, truth, values) == pytest.approx(function(truth, values.argmax(axis=1), **settings))


@pytest.mark.parametrize("threshold", [None, 0.2, 0.8])
@pytest.mark.parametrize("name", list(OF_TWO))
def test_metrics_of_two_classes_follow_the_threshold(name: str, threshold: float | None) -> None:
    truth, values = answered(2)
    function, settings = OF_TWO[name]
    labels = values.argmax(axis=1) if threshold is None else (values[:, 1] >= threshold).astype(int)
    assert one(name, truth, values, threshold) == pytest.approx(function(truth, labels, **settings))


def test_metrics_of_probabilities_are_those_of_scikit_learn() -> None:
    truth, values = answered(2)
    assert one("brier", truth, values) == pytest.approx(reference.brier_score_loss(truth, values[:, 1]))
    assert one("d2_log_loss", truth, values) == pytest.approx(reference.d2_log_loss_score(truth, values))
    truth, values = answered(6)
    for count in (2, 3, 5):
        wanted = reference.top_k_accuracy_score(truth, values, k=count)
        assert one(f"top_{count}_accuracy", truth, values) == pytest.approx(wanted)


def test_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.gamma(3.0, size=300) + 0.1
    given = truth * random.lognormal(sigma=0.3, size=300)
    wanted = {
        "mape": reference.mean_absolute_percentage_error(truth, given),
        "rmsle": reference.root_mean_squared_log_error(truth, given),
        "max_error": reference.max_error(truth, given),
        "explained_variance": reference.explained_variance_score(truth, given),
        "pinball_10": reference.mean_pinball_loss(truth, given, alpha=0.1),
        "pinball_90": reference.mean_pinball_loss(truth, given, alpha=0.9),
        "d2_absolute_error": reference.d2_absolute_error_score(truth, given),
        "d2_pinball_90": reference.d2_pinball_score(truth, given, alpha=0.9),
        "poisson_deviance": reference.mean_poisson_deviance(truth, given),
        "gamma_deviance": reference.mean_gamma_deviance(truth, given),
        "wape": np.abs(given - truth).sum() / truth.sum(),
        "bias": abs((given - truth).mean()),
        "smape": (2 * np.abs(given - truth) / (truth + given)).mean(),
    }
    assert {name: pytest.approx(one(name, truth, given[:, None])) for name in wanted} == wanted


def test_what_the_rows_cannot_tell_is_left_out() -> None:
    truth, values = np.array([0.0, 1.0, 2.0]), np.array([[-3.0], [1.0], [2.0]])
    by = Yardstick(metrics=tuple(METRICS[name] for name in ("mape", "rmsle", "poisson_deviance")))
    assert not {"mape", "rmsle", "poisson_deviance"} & scores("regression", truth, values, by).keys()


@pytest.mark.parametrize("name", [name for name in METRICS if name not in {"max_error", "calibration_error"}])
def test_every_metric_has_an_interval_that_holds_its_value(name: str) -> None:
    entry = METRICS[name]
    if entry.task == "classification":
        truth, values = answered(3 if name.startswith("top") else 2)
    else:
        random = np.random.default_rng(0)
        truth = random.gamma(3.0, size=300) + 0.1
        values = (truth * random.lognormal(sigma=0.3, size=300))[:, None]
    by = Yardstick(metrics=(entry,))
    known = scores(entry.task, truth, values, by)[name]
    found = intervals(entry.task, truth, values, by, only=name)[name]
    assert entry.lowest <= found.low <= known <= found.high <= entry.highest
    assert found.low < found.high
    assert found == intervals(entry.task, truth, values, by, only=name)[name]


OF_COUNTS = [*BY_LABEL, *OF_TWO]


@pytest.mark.parametrize("name", OF_COUNTS)
def test_answers_without_a_fault_leave_doubt_as_far_as_rows_are_few(name: str) -> None:
    widths = []
    for rows in (20, 200):
        truth = np.arange(rows) % 2
        values = np.eye(2)[truth] * 0.9 + 0.05
        found = intervals("classification", truth, values, Yardstick(metrics=(METRICS[name],)), only=name)
        assert found[name].high == 1.0
        widths.append(found[name].high - found[name].low)
    assert 0.01 < widths[1] < widths[0] < 0.9


@pytest.mark.parametrize("name", BY_LABEL)
def test_one_class_alone_tells_nothing_of_figures_of_all(name: str) -> None:
    truth, values = answered(2)
    some = truth == 0
    by = Yardstick(metrics=(METRICS[name],))
    found = intervals("classification", truth[some], values[some], by, only=name)
    assert (name in found) == (name == "recall_weighted")


@pytest.mark.parametrize("name", ["balanced_accuracy", "f2", "matthews_corrcoef", "cohen_kappa", "f1_macro"])
@pytest.mark.parametrize("classes", [2, 3])
def test_intervals_of_counts_hold_the_true_value(name: str, classes: int) -> None:
    """Of 80 samples of 60 rows about 76 are to hold it, by chance some more or fewer; seeds are fixed."""
    true = one(name, *answered(classes, rows=200_000))
    by = Yardstick(metrics=(METRICS[name],))
    held = 0
    for seed in range(80):
        found = intervals("classification", *answered(classes, rows=60, seed=seed), by, only=name)[name]
        held += found.low <= true <= found.high
    assert held >= 71


@pytest.mark.parametrize("name", ["explained_variance", "wape", "d2_absolute_error", "bias"])
def test_intervals_of_shares_of_errors_hold_the_true_value(name: str) -> None:
    def drawn(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        random = np.random.default_rng(seed)
        truth = random.gamma(3.0, size=rows) + 0.1
        return truth, (truth * random.lognormal(sigma=0.3, size=rows))[:, None]

    true = one(name, *drawn(1_000_000, 0))
    by = Yardstick(metrics=(METRICS[name],))
    held = 0
    for seed in range(25):
        found = intervals("regression", *drawn(60, seed), by, only=name)[name]
        held += found.low <= true <= found.high
    assert held >= 21


@given(seed=st.integers(0, 2**32), rows=st.integers(12, 60), kinds=st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_every_interval_of_counts_holds_its_metric(seed: int, rows: int, kinds: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(kinds, size=rows)
    values = random.random((rows, kinds)) + np.eye(kinds)[truth] * random.choice([-1.0, 0.0, 0.5, 2.0])
    by = Yardstick(metrics=tuple(METRICS[name] for name in OF_COUNTS))
    known = scores("classification", truth, np.abs(values), by)
    for name, each in intervals("classification", truth, np.abs(values), by).items():
        entry = METRICS[name]
        assert entry.lowest <= each.low <= known[name] + 1e-9, name
        assert known[name] - 1e-9 <= each.high <= entry.highest + 1e-9, name
