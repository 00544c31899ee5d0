from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.nouns import Verdict
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.candidates import build
from kervan.model.families.family import Family, Parameters
from kervan.model.families.registry import BASELINE, FAMILIES, recipes_of
from kervan.model.folds import Folding
from kervan.model.train import CandidateScore, cross_validate, fit, leaderboard
from kervan.package.writing.fitted import Fitted

from .tables import real

OURS = [name for name, family in FAMILIES.items() if not family.needs]  # of other libraries: test_boosters


@pytest.mark.parametrize(
    ("name", "metric"), [("cancer", "roc_auc"), ("wine", "accuracy"), ("diabetes", "r2")]
)
def test_every_family_learns_more_than_the_baseline(name: str, metric: str) -> None:
    signature, matrix, truth = real(name)
    fitting = [family for family in OURS if FAMILIES[family].fits(signature)]
    found = {
        family: cross_validate(family, matrix, truth, signature, Folding(folds=3, seed=0))
        for family in fitting
    }
    lowest = {"cancer": 0.9, "wine": 0.8, "diabetes": 0.15}[name]
    for family in fitting:
        if family == BASELINE:
            continue
        assert found[family].means[metric] > max(lowest, found[BASELINE].means[metric]), family
        assert len(found[family].values[metric]) == 3
        assert np.mean(found[family].values[metric]) == pytest.approx(found[family].means[metric])
        assert found[family].fit_seconds > 0


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("family", "name"),
    [
        (family, name)
        for name, is_class in (("wine", True), ("diabetes", False))
        for family in OURS
        if (FAMILIES[family].classifies if is_class else FAMILIES[family].regresses)
    ],
)
def test_the_same_seed_gives_the_same_answers(family: str, name: str) -> None:
    signature, matrix, truth = real(name)
    one, two = (Fitted(fit(family, matrix, truth, signature, seed=3), signature) for _ in range(2))
    np.testing.assert_array_equal(one.predict(matrix), two.predict(matrix))
    first, again = (
        cross_validate(family, matrix, truth, signature, Folding(folds=2, seed=3)) for _ in range(2)
    )
    assert first.values == again.values


@pytest.mark.parametrize("family", ["neighbours", "tree", "forest", "boosting"])
def test_rows_that_repeat_teach_nothing_about_themselves(family: str) -> None:
    """With labels thrown by chance, only a row that is on both sides could be answered well."""
    chance = np.random.default_rng(0)
    matrix = np.repeat(chance.normal(size=(150, 4)).astype(np.float64), 4, axis=0)
    truth = np.repeat(chance.integers(0, 2, 150), 4)
    columns = tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(4))
    output = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
    signature = Signature(inputs=Schema(columns), output=output)
    order = chance.permutation(len(truth))
    score = cross_validate(family, matrix[order], truth[order], signature, Folding(folds=5, seed=0))
    assert score.means["roc_auc"] < 0.62


def test_a_score_survives_as_json() -> None:
    signature, matrix, truth = real("wine")
    score = cross_validate("tree", matrix, truth, signature, Folding(folds=2, seed=0))
    assert msgspec.json.decode(msgspec.json.encode(score), type=CandidateScore) == score


def test_what_the_library_warns_of_becomes_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
        return [LogisticRegression(max_iter=1, random_state=seed)]

    family = Family(name="impatient", build=impatient, space=lambda _: {}, rank=1)
    monkeypatch.setitem(FAMILIES, "impatient", family)
    signature, matrix, truth = real("wine")
    (finding,) = cross_validate("impatient", matrix, truth, signature, Folding(folds=3, seed=0)).findings
    assert (finding.rule, finding.subject) == ("ConvergenceWarning", "impatient")
    assert finding.verdict is Verdict.WARNED
    assert finding.message.endswith("(3 times)")
    assert cross_validate("linear", matrix, truth, signature, Folding(folds=3, seed=0)).findings == ()


def test_more_folds_than_rows_of_a_class_are_refused_before_training() -> None:
    signature, matrix, truth = real("wine")
    rare = np.concatenate([np.flatnonzero(truth != 2), np.flatnonzero(truth == 2)[:3]])
    with pytest.raises(InvalidData, match="column 'tür': class 'sınıf 2' has 3 rows for training, 5 are"):
        cross_validate("tree", matrix[rare], truth[rare], signature, Folding(folds=5, seed=0))
    cross_validate("tree", matrix[rare], truth[rare], signature, Folding(folds=3, seed=0))


def test_a_class_without_rows_is_refused() -> None:
    signature, matrix, truth = real("wine")
    some = truth != 1
    with pytest.raises(InvalidData, match="class 'sınıf 1' has 0 rows for training, 1 are needed"):
        fit("forest", matrix[some], truth[some], signature, seed=0)


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_fewer_than_two_folds_are_refused(folds: int) -> None:
    signature, matrix, truth = real("wine")
    with pytest.raises(InvalidConfig, match=f"{folds} folds cannot be compared"):
        cross_validate("tree", matrix, truth, signature, Folding(folds=folds, seed=0))


def test_too_few_rows_are_refused() -> None:
    signature, matrix, truth = real("diabetes")
    with pytest.raises(InvalidData, match="there are 4 rows for training, 5 are needed"):
        cross_validate("linear", matrix[:4], truth[:4], signature, Folding(folds=5, seed=0))
    with pytest.raises(InvalidData, match="there are 0 rows"):
        fit("linear", matrix[:0], truth[:0], signature, seed=0)


def test_an_unknown_family_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidConfig, match="no model family 'boostin'") as error:
        build("boostin", real("wine")[0], 0)
    assert error.value.hint == 'did you mean "boosting"?'
    with pytest.raises(InvalidConfig, match="no model family is named"):
        recipes_of([], Path())
    with pytest.raises(InvalidConfig, match="naive_bayes predicts no number, and 'ilerleme' is a number"):
        build("naive_bayes", real("diabetes")[0], 0)


@pytest.mark.parametrize("family", [name for name in OURS if FAMILIES[name].regresses])
def test_columns_without_a_value_and_categories_never_seen_are_borne(family: str) -> None:
    inputs = Schema(
        (
            Column(name="boş", type=Type.NUMBER, nullable=True),
            Column(name="sayı", type=Type.NUMBER),
            Column(name="şehir", type=Type.CATEGORY, allowed=("İstanbul", "Iğdır")),
            Column(name="yok", type=Type.CATEGORY),
        )
    )
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    random = np.random.default_rng(0)
    number, city = random.normal(size=80), random.integers(-1, 2, 80)
    matrix = np.column_stack([np.full(80, np.nan), number, city, np.full(80, -1)]).astype(np.float64)
    model = Fitted(fit(family, matrix, number + city, signature, seed=0), signature)
    strange = np.array([[1, 0, -1, -1], [np.nan, np.nan, -1, -1]], dtype=np.float64)
    assert np.isfinite(model.predict(strange)).all()


def scored(family: str, **means: float) -> CandidateScore:
    return CandidateScore(
        family=family, means=means, deviations={}, values={}, fit_seconds=0.0, predict_seconds=0.0
    )


def test_the_leaderboard_knows_the_direction_of_a_metric() -> None:
    tree, forest = scored("tree", rmse=3.0, r2=0.5), scored("forest", rmse=2.0, r2=0.7)
    silent = scored("linear", mae=1.0)
    assert leaderboard([tree, silent, forest], "rmse") == (forest, tree, silent)
    assert leaderboard([tree, silent, forest], "r2") == (forest, tree, silent)
