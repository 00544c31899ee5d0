"""Who decides by a threshold of its own answers by the class that it names, in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import score
from kervan.testing.sample import sample

if TYPE_CHECKING:
    from pathlib import Path

LINE = make_pipeline(StandardScaler(), LogisticRegression())
MODELS: dict[str, Any] = {
    "a rare class": FixedThresholdClassifier(LINE, threshold=0.2),
    "the other class": FixedThresholdClassifier(LINE, threshold=0.7, pos_label=0),
    "distances": FixedThresholdClassifier(RidgeClassifier(), threshold=-0.3),
    "distances of the other class": FixedThresholdClassifier(
        RidgeClassifier(), threshold="auto", response_method="decision_function", pos_label=0
    ),
    "found by folds": TunedThresholdClassifierCV(LINE, cv=3),
    "at the end of a pipeline": make_pipeline(
        StandardScaler(), FixedThresholdClassifier(LogisticRegression(), threshold=0.3)
    ),
    "trees": FixedThresholdClassifier(HistGradientBoostingClassifier(max_iter=5), threshold=0.123),
}


@pytest.fixture(params=MODELS)
def fitted(request: pytest.FixtureRequest) -> tuple[Fitted, Any]:
    matrix, signature, truth = sample("binary", 300)
    rows = np.nan_to_num(matrix)
    return Fitted(MODELS[request.param].fit(rows.astype(np.float64), truth), signature), rows


def test_the_answer_is_the_class_that_the_model_names(fitted: tuple[Fitted, Any]) -> None:
    found, rows = fitted
    nasty = proof_rows(found, rows, seed=0)
    named = found.model.predict(nasty.astype(np.float64))
    for answers in (found.predict(nasty), score(found.form, nasty)):
        np.testing.assert_array_equal(answers, np.eye(2)[named])


@pytest.mark.parametrize("name", ["c", "native", "onnx", "python", "sqlite"])
def test_formats_name_it_too(name: str, tmp_path: Path) -> None:
    matrix, signature, truth = sample("binary", 300)
    rows = np.nan_to_num(matrix)
    found = Fitted(MODELS["a rare class"].fit(rows.astype(np.float64), truth), signature)
    [proof, *_] = write_format(name, found, tmp_path / name, proof_rows(found, rows, seed=0))
    assert proof.holds
