"""Narrower numbers, each measured beside the original and taken only if they pay."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kervan.core.ports import Predictor
from kervan.package.proving.optimise import Question, optimise
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.onnx import MatrixPredictor
from kervan.testing.sample import fit_sample, sample


def share_right(truth: np.ndarray) -> object:
    rows = np.nan_to_num(sample("binary", 400)[0])

    def score(predictor: Predictor) -> float:
        return float((predictor.predict(rows).argmax(axis=1) == truth).mean())

    return score


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
def test_a_network_is_narrowed_in_every_way_and_measured(tmp_path: object) -> None:
    matrix, signature, truth = sample("binary", 400)
    rows = np.nan_to_num(matrix)
    network = MLPClassifier((64, 64), max_iter=60, random_state=0)
    fitted = Fitted(make_pipeline(StandardScaler(), network).fit(rows.astype(float), truth), signature)
    found = {each.name: each for each in optimise(fitted, Question(rows=rows, score=share_right(truth)))}  # type: ignore[arg-type]
    assert list(found) == ["original", "float64", "folded", "float32", "float16", "int8"]
    assert found["original"].score == found["float64"].score
    assert found["float64"].largest < 1e-6
    assert found["folded"].largest < 1e-6
    assert found["folded"].size < found["float64"].size
    assert found["float32"].largest < 1e-4
    assert found["float32"].size < 0.7 * found["float64"].size
    assert found["float16"].size < 0.7 * found["float32"].size
    assert found["int8"].size < found["float16"].size
    assert 1e-6 < found["float16"].largest < 0.1
    assert found["original"].size > 1_000
    for each in found.values():
        assert 0 < each.one < each.many * 10
        if each.name != "original":
            assert each.speedup_one == found["original"].one / each.one
            assert each.speedup_many == found["original"].many / each.many
        if each.name != "original":
            path = tmp_path / f"{each.name}.onnx"  # type: ignore[operator]
            path.write_bytes(each.content)
            given = MatrixPredictor(path, signature).predict(rows)
            assert np.abs(given - fitted.predict(rows)).max() == pytest.approx(each.largest)


@pytest.mark.parametrize("family", ["tree", "forest", "boosting"])
def test_float32_trees_take_the_same_branches(family: str) -> None:
    model, signature, matrix = fit_sample(family, "multi")
    found = optimise(Fitted(model, signature), Question(rows=matrix, score=lambda _: 1.0))
    named = {each.name: each for each in found}
    assert named["float32"].largest < 1e-5
    assert named["float32"].label_changes == 0
    assert not named["int8"].pays
    assert named["folded"].reason.startswith("nothing in front of its weights")
    assert named["float16"].reason == "trees have no weights to narrow"


def test_values_are_compared_as_in_every_proof() -> None:
    """A difference of 0.1 dollars in 200,000 is none: what counts is its share."""
    model, signature, matrix = fit_sample("boosting", "regression")
    fitted = Fitted(model, signature)
    found = optimise(fitted, Question(rows=matrix, score=lambda _: 1.0))
    for each in found[1:4]:
        if each.content:
            assert each.largest < 1e-5


def test_what_loses_too_much_does_not_pay() -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    scores = iter([0.9, 0.9, 0.9, 0.8])
    found = optimise(Fitted(model, signature), Question(rows=matrix, score=lambda _: next(scores)))
    assert "changes the score by 0.1" in {each.name: each for each in found}["float32"].reason


def test_what_cannot_be_scored_does_not_pay() -> None:
    model, signature, matrix = fit_sample("linear", "binary")
    scores = iter([0.9, 0.9, 0.9, float("nan")])
    found = optimise(Fitted(model, signature), Question(rows=matrix, score=lambda _: next(scores)))
    assert not {each.name: each for each in found}["float32"].pays
