from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

import kervan as kv
from kervan.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def logging(tmp_path: Path) -> Iterator[Path]:
    kv.autolog(tmp_path)
    yield tmp_path
    kv.autolog(on=False)


def test_every_outermost_fit_is_a_run(logging: Path) -> None:
    matrix, truth = load_iris(return_X_y=True)
    RandomForestClassifier(n_estimators=3, random_state=0).fit(matrix, truth)
    with kv.open(logging) as ws:
        (run,) = ws.runs()
    assert run.parameters["class"] == "RandomForestClassifier"
    assert (run.parameters["n_estimators"], run.parameters["rows"], run.parameters["columns"]) == (3, 150, 4)
    assert run.metrics["training_score"] > 0.9
    assert run.metrics["fit_seconds"] > 0


def test_what_is_logged_by_hand_and_by_itself_is_one_run(logging: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("not", encoding="utf-8")
    with kv.open(logging) as ws, ws.track("mine"):
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, cv=2).fit(
            *load_iris(return_X_y=True)
        )
        kv.log_params({"why": "try"})
        kv.log_metric("loss", 0.5)
        kv.log_artifact(tmp_path / "note.txt")
        with pytest.raises(NotFound, match="there is no file"):
            kv.log_artifact(tmp_path / "nothing.txt")
    with kv.open(logging) as ws:
        (run,) = ws.runs()
    assert (run.name, run.parameters["best.max_depth"], run.parameters["why"]) == ("mine", 3, "try")
    assert run.metrics["loss"] == 0.5
    assert run.metrics["best_score"] > 0.9
    assert [link.role for link in run.parents] == ["artifact note.txt"]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    before = RandomForestClassifier.fit
    kv.autolog(tmp_path)
    kv.autolog(tmp_path)
    assert RandomForestClassifier.fit is not before
    kv.autolog(on=False)
    assert RandomForestClassifier.fit is before
    with pytest.raises(InvalidInput, match="no run goes on"):
        kv.log_metric("loss", 1.0)
