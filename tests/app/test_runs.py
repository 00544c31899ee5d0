"""Runs are searched by a line that people write; what is wrong with it is named by its place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kervan.app.project import Project
from kervan.app.runs import find_runs, run_value, search
from kervan.core.config import Config
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Run, Status
from kervan.store.points import Point
from store.make import make_run

if TYPE_CHECKING:
    from kervan.store.open import Store

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def project(store: Store) -> Project:
    now = time.time()
    day = 86_400.0
    runs = [
        make_run("gelir", time=now - 9 * day, ended=now - 9 * day + 400, status=Status.FINISHED),
        make_run("gelir", time=now - day, ended=now - day + 20, status=Status.FAILED, parameters={"lr": 0.1}),
        make_run("kayıp", time=now, parameters={"family": "forest", "lr": 0.2, "öğrenme hızı": 3}),
        make_run(HOSTILE, time=now + 1, creator="mehmet", parameters={HOSTILE: "a b", "and": 1, "auc": "x"}),
    ]
    with store.catalog.transaction() as transaction:
        for run in runs:
            transaction.put(run)
    for run, value in zip(runs, (0.91, 0.95, 0.5, 0.7), strict=True):
        points = [Point(name=name, step=0, value=value, time=now) for name in ("validation.roc_auc", "auc")]
        store.catalog.log_metrics(run.id, points)
    return Project(config=Config(), store=store)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", 4),
        ("  ", 4),
        ("roc_auc > 0.9", 2),
        ("validation.roc_auc>0.9 and status=failed", 1),
        ("metrics.auc < .6 AND family = forest", 1),
        ("auc > 0.9 or family = 'forest'", 3),
        ("(auc > 0.9 or family = forest) and name ~ geli", 2),
        ("auc > 0.9 or family = forest and name ~ geli", 2),
        ("name = gelir and (status = failed or (seconds > 5m))", 2),
        ("seconds >= 20", 2),
        ("time > 2d", 3),
        ("started < 2d", 1),
        ("time > 2020-01-01 and time < 2100-01-01T00:00+00:00", 4),
        ("lr != 0.1", 1),
        ('"öğrenme hızı" == 3', 1),
        ("parameters.auc = x", 1),
        ("params.lr <= 0.1", 1),
        ("creator != mehmet", 3),
        (f"name = '{HOSTILE}'", 1),
        (f"\"{HOSTILE}\" = 'a b'", 1),
        ('name !~ "\\"" and "and" = 1', 1),
    ],
)
def test_a_line_says_which_runs(where: str, found: int, project: Project) -> None:
    page = find_runs(project, where=where)
    assert (page.total, len(page.rows), page.asked) == (found, found, where.strip())


@pytest.mark.parametrize(
    ("where", "words", "hint"),
    [
        ("rocauc > 0.9", "letter 1: no run has a field 'rocauc'", "roc_auc"),
        ("auc > 0.9 and famly = forest", "letter 15: no run has a field 'famly'", 'mean "family"?'),
        ("metric.lr = 1", "letter 1: no run has a field", ""),
        ("auc 0.9", "letter 5: here one of = !=", "roc_auc > 0.9"),
        ("auc >", "letter 6: here a value is missing", ""),
        ("> 0.9", "letter 1: here a name is missing", ""),
        ("auc > viel", "letter 7: 'viel' is no number", "0.9"),
        ("auc > nan", "letter 7: 'nan' is no number", "0.9"),
        ("auc ~ 9", "letter 7: ~ looks into texts", ">"),
        ("auc > 0.9 family = forest", "letter 11: here `and` or `or` is missing", ""),
        ("(auc > 0.9", "letter 11: here a ) is missing", ""),
        ("auc > 0.9)", "letter 10: here `and`", ""),
        ("name = 'gelir", 'letter 8: "\'gelir" cannot be read', "pairs"),
        ("status = faild", "letter 10: there is no status 'faild'", 'mean "failed"?'),
        ("time > gestern", "letter 8: 'gestern' is no time", "7d"),
        ("seconds > lange", "letter 11: 'lange'", ""),
        ("(" * 400 + "auc > 1", "letter 31: brackets stand in brackets 30 times", ""),
        ("auc > 1 and " * 300, "2,000 letters at most", ""),
    ],
)
def test_what_is_wrong_is_named_by_its_place(where: str, words: str, hint: str, project: Project) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_runs(project, where=where)
    assert words in str(caught.value)
    assert hint in caught.value.hint


def test_columns_are_named_as_lines_name_them(project: Project) -> None:
    page = find_runs(project, where="id != x")
    for name in (*page.metrics, *page.parameters):
        assert find_runs(project, sort=name).total == page.total
    row = page.rows[0]
    assert (run_value(row, "auc"), run_value(row, "parameter.auc")) == (0.7, "x")
    assert (run_value(row, "status"), run_value(row, "creator"), run_value(row, "x")) == (
        Status.RUNNING,
        "mehmet",
        None,
    )


def test_pages_of_an_order(project: Project) -> None:
    first = find_runs(project, sort="roc_auc", size=3)
    assert [row.metrics["auc"] for row in first.rows] == [0.95, 0.91, 0.7]
    assert (first.total, first.pages, first.sorted_by) == (4, 2, "validation.roc_auc")
    second = find_runs(project, sort="roc_auc", size=3, page=2)
    assert [row.metrics["auc"] for row in second.rows] == [0.5]
    assert find_runs(project, page=99).rows == ()
    assert find_runs(project, sort="time", ascending=True).rows[0].name == "gelir"
    assert find_runs(project, sort="status").sorted_by == "status"
    assert set(first.metrics) == {"auc", "validation.roc_auc"}
    assert set(first.parameters) == {"lr", "family", "öğrenme hızı", HOSTILE, "and", "parameter.auc"}


def test_programs_get_whole_runs_by_the_same_line(project: Project) -> None:
    found = search(project, metric="roc_auc", where="name = gelir", ascending=True)
    assert [(run.name, value) for run, value in found] == [("gelir", 0.91), ("gelir", 0.95)]
    assert all(isinstance(run, Run) for run, _ in found)
    assert [value for _, value in search(project, where="lr > 0")] == [None, None]


@pytest.mark.parametrize(
    "asked", [{"page": 0}, {"size": 0}, {"size": 10**6}, {"page": 10**30}, {"sort": "yok"}]
)
def test_what_is_no_page_is_refused(asked: dict[str, int], project: Project) -> None:
    with pytest.raises(InvalidInput):
        find_runs(project, **asked)  # type: ignore[arg-type]
