from __future__ import annotations

import numpy as np
import pytest

from kervan.core.nouns import Verdict
from kervan.model.doubts import contradiction
from kervan.model.evaluate import Acceptance
from kervan.model.interval import Interval
from kervan.model.train import CandidateScore


def acceptance(value: float, low: float, high: float) -> Acceptance:
    return Acceptance(
        verdict=Verdict.PASSED,
        findings=(),
        goal="",
        metric="roc_auc",
        value=value,
        interval=Interval(low=low, high=high),
    )


def folds(*values: float) -> CandidateScore:
    return CandidateScore(
        family="tree",
        means={"roc_auc": float(np.mean(values))},
        deviations={"roc_auc": float(np.std(values, ddof=1))},
        values={"roc_auc": values},
        fit_seconds=0.0,
        predict_seconds=0.0,
    )


def test_folds_that_say_something_else_are_a_finding() -> None:
    (found,) = contradiction(acceptance(0.93, 0.9, 0.96), folds(0.5, 0.47, 0.53, 0.51, 0.49))
    assert found.rule == "contradiction"
    assert "0.93 here and was 0.5 on average over the 5 folds" in found.message


@pytest.mark.parametrize("value", [0.82, 0.85, 0.89])
def test_what_chance_explains_is_none(value: float) -> None:
    assert not list(contradiction(acceptance(value, value - 0.04, value + 0.04), folds(0.84, 0.86, 0.85)))


def test_chance_seldom_contradicts_itself() -> None:
    random = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        scores = random.normal(0.8, 0.03, 5)
        value = random.normal(0.8, 0.02)
        found += len(list(contradiction(acceptance(value, value - 0.04, value + 0.04), folds(*scores))))
    assert found <= 3
