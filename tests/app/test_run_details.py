"""One run whole, and several beside each other; a real one, one that goes on, and two of the user's own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from kervan.app.compared import compare_runs
from kervan.app.project import Project
from kervan.app.run_details import describe_run, log_since, run_log
from kervan.core.config import Config
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.nouns import Link, Run, Status, Verdict
from kervan.flow.track import Tracker
from store.make import make_dataset, make_run

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home
    from kervan.store.open import Store


@pytest.fixture
def project(local_store: Store) -> Project:
    return Project(config=Config(), store=local_store)


def test_a_real_run_is_described_whole(lived: Home) -> None:
    with lived.opened() as project:
        [run] = project.store.catalog.all(Run)
        found = describe_run(project, run.id)
    assert (found.run, found.is_alive, found.dataset) == (run, False, "müşteri-kaybı:1")
    names = {step.key: step.name for step in found.steps}
    fit = next(step for step in found.steps if step.name == "fit_candidate")
    assert {names[key] for key in fit.needs} >= {"describe", "encode"}
    assert "compare_candidate[linear]: finished" in found.log
    assert 0 < found.metrics["validation.roc_auc"] <= 1
    assert found.run.parameters["family"] == "linear"
    assert (found.curves, found.histories) == ((), ())
    kinds = {(each.kind, each.role) for each in found.made}
    assert kinds == {("model", "run"), ("package", "run"), ("report", "acceptance")}
    assert next(each.verdict for each in found.made if each.kind == "report") is not Verdict.FAILED
    assert msgspec.json.encode(found)


def test_the_log_of_a_run_is_read_while_it_goes_on(project: Project, tmp_path: Path) -> None:
    with Tracker(project.store, "a", folder=tmp_path) as tracker:
        ident = tracker.run.id
        tracker.log("ilk ı")
        first = log_since(project, ident, 0)
        assert first.text.endswith("ilk ı\n")
        assert not first.is_over
        assert log_since(project, ident, first.end).text == ""
        tracker.log("ikinci")
        second = log_since(project, ident, first.end)
        assert second.text.endswith("ikinci\n")
        tracker.log_metric("auc", 0.5)
        tracker.flush()
        found = describe_run(project, ident)
        assert (found.is_alive, found.run.status, found.metrics) == (True, Status.RUNNING, {"auc": 0.5})
        assert found.log.endswith("ikinci\n")
        assert found.log_end == second.end
        tracker.log("son")
    last = log_since(project, ident, second.end)
    assert last.text.endswith("son")
    assert last.is_over
    assert log_since(project, ident, last.end).text == log_since(project, ident, 10**9).text == ""
    assert run_log(project, ident)[1] == first.text + second.text + last.text


def test_curves_are_chosen_where_there_are_many(project: Project, tmp_path: Path) -> None:
    with Tracker(project.store, "a", folder=tmp_path) as tracker:
        for step in range(2):
            for number in range(40):
                tracker.log_metric(f"m{number:02d}", step)
        tracker.log_metric("auc", 0.5)
    found = describe_run(project, tracker.run.id)
    assert [curve.name for curve in found.curves] == [f"m{number:02d}" for number in range(24)]
    assert len(found.histories) == 40
    chosen = describe_run(project, tracker.run.id, curves=["m39", "auc"])
    assert [(curve.name, curve.total) for curve in chosen.curves] == [("m39", 2)]


def test_the_uncommitted_difference_is_shown(project: Project, tmp_path: Path) -> None:
    code = tmp_path / "kod"
    code.mkdir()
    (code / "a.py").write_text("x = 1\n")
    ask = ("git", "-C", str(code), "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "ilk"]):
        subprocess.run([*ask, *words], check=True)
    (code / "a.py").write_text("x = 2  # <img src=x onerror=alert(1)>\n")
    with Tracker(project.store, "a", folder=code) as tracker:
        pass
    assert "+x = 2  # <img src=x onerror=alert(1)>" in describe_run(project, tracker.run.id).difference


def test_a_run_that_nobody_knows_is_not_found(project: Project) -> None:
    for ask in (describe_run, run_log):
        with pytest.raises(NotFound, match="there is no run"):
            ask(project, "01M7XE67HTCS3Z0XT54D3Q2HZ9")


def test_what_differs_between_runs_comes_first(project: Project) -> None:
    dataset = make_dataset("gelir", "2")
    first = make_run(
        parameters={"a": 1, "lr": 0.1, "seed": 0},
        metrics={"auc": 0.5},
        environment={"polars": "1.0", "numpy": "2.0"},
        parents=(Link(parent=dataset.id, role="data"),),
    )
    second = make_run(
        parameters={"a": 1, "lr": 0.2, "yeni": [1]}, environment={"polars": "1.1", "numpy": "2.0"}
    )
    with project.store.catalog.transaction() as transaction:
        for record in (dataset, first, second):
            transaction.put(record)
    found = compare_runs(project, [second.id, first.id])
    assert [run.id for run in found.runs] == [second.id, first.id]
    lines = [(line.name, line.values, line.differs) for line in found.parameters]
    assert lines == [
        ("lr", (0.2, 0.1), True),
        ("seed", (None, 0), True),
        ("yeni", ([1], None), True),
        ("a", (1, 1), False),
    ]
    assert [(line.name, line.values) for line in found.environment] == [("polars", ("1.1", "1.0"))]
    assert (found.facts[0].name, found.facts[0].values) == ("dataset", ("", "gelir:2"))
    assert [line.differs for line in found.facts[1:]] == [False] * 7


def test_histories_are_compared_step_by_step(project: Project, tmp_path: Path) -> None:
    idents = []
    for steps in (range(3), range(1, 4), range(1)):
        with Tracker(project.store, "a", folder=tmp_path) as tracker:
            for step in steps:
                tracker.log_metric("loss", step * 10, step=step)
            tracker.log_metric("auc", 0.5)
        idents.append(tracker.run.id)
    [curve] = compare_runs(project, idents).curves
    assert (curve.name, curve.steps) == ("loss", (0, 1, 2, 3))
    assert curve.values == ((0, 10, 20, None), (None, 10, 20, 30), (None,) * 4)


@pytest.mark.parametrize("count", [0, 1, 11])
def test_two_to_ten_runs_are_compared(count: int, project: Project) -> None:
    with pytest.raises(InvalidInput, match=f"{count} runs cannot be compared"):
        compare_runs(project, [str(number) for number in range(count)])
