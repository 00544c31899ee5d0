from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.goals import Goal
from kervan.core.nouns import Verdict
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.evaluate import Acceptance, Evaluation, accept, evaluate
from kervan.model.interval import Interval
from kervan.model.train import fit
from kervan.package.writing.fitted import Fitted

from .tables import real


@dataclass(frozen=True)
class Fixed:
    values: NDArray[np.float64]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.values


INPUTS = Schema((Column(name="x", type=Type.NUMBER),))
CLASSES = Signature(inputs=INPUTS, output=Column(name="y", type=Type.CATEGORY, allowed=("hayır", "evet")))
NUMBERS = Signature(inputs=INPUTS, output=Column(name="y", type=Type.NUMBER))


def evaluated(signature: Signature, truth: list[float], values: list[list[float]]) -> Evaluation:
    matrix = np.zeros((len(truth), 1), dtype=np.float64)
    codes = np.array(truth, dtype=np.int64 if signature.is_classification else np.float64)
    return evaluate(Fixed(np.array(values)), matrix, codes, signature)


def test_confusion_counts_true_classes_by_row() -> None:
    found = evaluated(CLASSES, [0, 0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    assert found.confusion == ((2, 1), (0, 1))
    assert found.classes == ("hayır", "evet")
    assert found.metrics["accuracy"] == 0.75


def test_calibration_compares_how_sure_with_how_often_right() -> None:
    found = evaluated(CLASSES, [0, 0, 1, 1], [[0.95, 0.05], [1.0, 0.0], [0.91, 0.09], [0.35, 0.65]])
    low, high = found.calibration
    assert (low.rows, low.confidence, low.accuracy) == (1, pytest.approx(0.65), 1.0)
    assert (high.rows, high.confidence, high.accuracy) == (3, pytest.approx(2.86 / 3), pytest.approx(2 / 3))


def test_residuals_are_quantiles_of_answer_minus_truth() -> None:
    found = evaluated(NUMBERS, [0.0] * 101, [[float(value)] for value in range(-50, 51)])
    assert found.residuals == pytest.approx((-50, -45, -25, 0, 25, 45, 50))


@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes"])
def test_an_evaluation_and_its_verdict_survive_as_json(name: str) -> None:
    signature, matrix, truth = real(name)
    model = Fitted(fit("tree", matrix[::2], truth[::2], signature, seed=0), signature)
    found = evaluate(model, matrix[1::2], truth[1::2], signature)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found
    verdict = accept(found, Goal())
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Acceptance) == verdict
    assert found.intervals.keys() == found.metrics.keys()
    for metric, value in found.metrics.items():
        assert found.intervals[metric].low <= value <= found.intervals[metric].high, metric


def test_no_rows_cannot_be_evaluated() -> None:
    with pytest.raises(InvalidData, match="no rows to evaluate on"):
        evaluated(NUMBERS, [], [])


def an_evaluation(value: float, low: float, high: float, rows: int = 1000) -> Evaluation:
    return Evaluation(
        task="classification",
        rows=rows,
        metrics={"roc_auc": value},
        intervals={"roc_auc": Interval(low=low, high=high)},
        classes=("hayır", "evet"),
        confusion=((rows // 2, 0), (0, rows // 2)),
    )


def test_a_goal_that_is_clearly_reached_passes() -> None:
    found = accept(an_evaluation(0.93, 0.92, 0.94), Goal(metric="roc_auc", at_least=0.9))
    assert found.verdict is Verdict.PASSED
    assert found.goal == "roc_auc ≥ 0.9"
    assert [finding.message for finding in found.findings] == [
        "roc_auc is 0.93 (95 % interval 0.92 to 0.94) on 1000 rows: the goal ≥ 0.9 is reached"
    ]


def test_a_goal_that_is_missed_fails_with_advice() -> None:
    found = accept(an_evaluation(0.88, 0.87, 0.89), Goal(metric="roc_auc", at_least=0.9))
    assert found.verdict is Verdict.FAILED
    assert found.findings[0].message.endswith("the goal ≥ 0.9 is missed")
    assert found.findings[0].hint


def test_a_goal_inside_the_interval_is_reached_with_a_warning() -> None:
    found = accept(an_evaluation(0.91, 0.88, 0.94), Goal(metric="roc_auc", at_least=0.9))
    assert found.verdict is Verdict.WARNED
    assert [finding.rule for finding in found.findings] == ["goal", "interval"]


def test_without_a_goal_the_usual_metric_is_told() -> None:
    found = accept(an_evaluation(0.91, 0.88, 0.94), Goal())
    assert (found.verdict, found.metric, found.value) == (Verdict.PASSED, "roc_auc", 0.91)
    assert found.findings[0].message.endswith("no bound is set")


def test_few_rows_rare_classes_and_a_useless_model_are_doubts() -> None:
    poor = replace(an_evaluation(0.5, 0.3, 0.7, rows=40), confusion=((35, 0), (5, 0)))
    found = accept(poor, Goal(metric="roc_auc", at_least=0.1))
    assert found.verdict is Verdict.WARNED
    assert {finding.rule for finding in found.findings} == {"goal", "rows", "class", "useless"}
    assert "class 'evet' has 5 rows" in " ".join(finding.message for finding in found.findings)


def test_a_goal_that_the_rows_cannot_tell_fails() -> None:
    found = accept(evaluated(CLASSES, [1, 1], [[0.2, 0.8]] * 2), Goal(metric="roc_auc", at_least=0.5))
    assert (found.verdict, found.value, found.interval) == (Verdict.FAILED, None, None)
    assert "roc_auc cannot be told from these 2 rows" in found.findings[0].message


def test_a_goal_for_the_other_task_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="does not fit"):
        accept(an_evaluation(0.9, 0.8, 1.0), Goal(metric="rmse", at_most=1.0))


def test_long_tails_are_told() -> None:
    found = evaluated(NUMBERS, [0.0] * 50, [[float(value)] for value in [*np.linspace(0.5, 1.5, 49), 80.0]])
    verdict = accept(found, Goal(metric="rmse"))
    (tails,) = (each for each in verdict.findings if each.rule == "tails")
    assert "one row makes up 99% of rmse" in tails.message


def test_errors_that_are_all_the_same_tell_no_interval() -> None:
    found = evaluated(NUMBERS, [1.0] * 200, [[2.0]] * 200)
    assert "rmse" not in found.intervals
    assert "these rows do not tell how far rmse may be off" in [
        finding.message for finding in accept(found, Goal(metric="rmse")).findings
    ]
