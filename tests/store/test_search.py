"""Runs are found by columns, metrics, parameters and time, on each database alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kervan.core.nouns import Run, Status
from kervan.store.points import Point
from kervan.store.search import Comparison, Condition, Field, Junction, Known
from store.make import make_report, make_run

if TYPE_CHECKING:
    from kervan.store.open import Store

TIME = Field(Known.COLUMN, "time")
NAME = Field(Known.COLUMN, "name")
AUC = Field(Known.METRIC, "auc")
LR = Field(Known.PARAMETER, "lr")
CITY = Field(Known.PARAMETER, "şehir")
SECONDS = Field(Known.SECONDS, "seconds")


@pytest.fixture
def filled(store: Store) -> Store:
    """Five runs, the newest last, and a report that is none."""
    runs = [
        make_run(
            "gelir", time=1.0, ended=11.0, status=Status.FINISHED, parameters={"lr": 0.1, "şehir": "Iğdır"}
        ),
        make_run(
            "Gelir 2", time=2.0, ended=3.0, status=Status.FAILED, parameters={"lr": 1, "şehir": "İstanbul"}
        ),
        make_run("başka_100%", time=3.0, parameters={"lr": "auto", "derin": True, "liste": ["a", 1]}),
        make_run(
            "boş", time=4.0, ended=4.5, status=Status.FINISHED, parameters={"lr": 10**400, "lr\0": None}
        ),
        make_run("yarım", time=5.0, status=Status.INTERRUPTED),
    ]
    with store.catalog.transaction() as transaction:
        for run in runs:
            transaction.put(run)
        transaction.put(make_report("gelir"))
    for run, values in zip(runs, ([0.9, 0.7], [0.8], [0.95], [], []), strict=True):
        points = [Point(name="auc", step=step, value=value, time=1.0) for step, value in enumerate(values)]
        store.catalog.log_metrics(run.id, points)
    return store


def names(
    store: Store, condition: Condition | None = None, order: Field = TIME, ascending: bool = False
) -> str:
    rows, total = store.catalog.runs_where(condition, order, ascending=ascending, place=slice(0, 10))
    assert len(rows) == total
    return ", ".join(row.name for row in rows)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Comparison(AUC, ">", "0.75", 0.75), "başka_100%, Gelir 2"),
        (Comparison(AUC, "=", "0.7", 0.7), "gelir"),
        (Comparison(AUC, "!=", "0.7", 0.7), "başka_100%, Gelir 2"),
        (Comparison(LR, ">=", "0.1", 0.1), "Gelir 2, gelir"),
        (Comparison(LR, "=", "1", 1.0), "Gelir 2"),
        (Comparison(LR, "!=", "1", 1.0), "boş, başka_100%, gelir"),
        (Comparison(LR, "=", "auto"), "başka_100%"),
        (Comparison(CITY, "~", "stan"), "Gelir 2"),
        (Comparison(CITY, "!~", "stan"), "gelir"),
        (Comparison(Field(Known.PARAMETER, "derin"), "=", "true"), "başka_100%"),
        (Comparison(Field(Known.PARAMETER, "liste"), "~", '"a"'), "başka_100%"),
        (Comparison(NAME, "~", "GELIR"), "Gelir 2, gelir"),
        (Comparison(NAME, "~", "_100%"), "başka_100%"),
        (Comparison(NAME, "~", "g%r"), ""),
        (Comparison(NAME, "=", "gelir"), "gelir"),
        (Comparison(Field(Known.COLUMN, "state"), "=", "failed"), "Gelir 2"),
        (Comparison(TIME, "<=", "2", 2.0), "Gelir 2, gelir"),
        (Comparison(SECONDS, ">", "0.7", 0.7), "Gelir 2, gelir"),
        (Junction((Comparison(AUC, ">", "0", 0.0), Comparison(NAME, "~", "gelir"))), "Gelir 2, gelir"),
        (
            Junction((Comparison(NAME, "=", "boş"), Comparison(AUC, ">", "0.9", 0.9)), all=False),
            "boş, başka_100%",
        ),
        (Comparison(Field(Known.PARAMETER, "yok"), "=", "1", 1.0), ""),
    ],
)
def test_runs_are_found_by_what_is_known_of_them(condition: Condition, found: str, filled: Store) -> None:
    assert names(filled, condition) == found


@pytest.mark.parametrize(
    ("order", "down", "up"),
    [
        (TIME, "yarım, boş, başka_100%, Gelir 2, gelir", "gelir, Gelir 2, başka_100%, boş, yarım"),
        (AUC, "başka_100%, Gelir 2, gelir, yarım, boş", "gelir, Gelir 2, başka_100%, yarım, boş"),
        (SECONDS, "gelir, Gelir 2, boş, yarım, başka_100%", "boş, Gelir 2, gelir, yarım, başka_100%"),
    ],
)
def test_those_without_what_is_sorted_by_come_last(order: Field, down: str, up: str, filled: Store) -> None:
    assert names(filled, order=order) == down
    assert names(filled, order=order, ascending=True) == up


def test_parameters_are_sorted_as_numbers_before_texts(filled: Store) -> None:
    assert names(filled, order=LR, ascending=True).startswith("gelir, Gelir 2, ")
    assert names(filled, order=LR).startswith("Gelir 2, gelir, ")


def test_one_page_is_read_of_all_that_there_are(filled: Store) -> None:
    rows, total = filled.catalog.runs_where(None, TIME, ascending=False, place=slice(1, 3))
    assert ([row.name for row in rows], total) == (["boş", "başka_100%"], 5)
    assert rows[1].metrics == {"auc": 0.95}
    assert rows[1].parameters["liste"] == ["a", 1]
    assert (rows[0].seconds, rows[1].seconds) == (0.5, None)


def test_the_names_of_metrics_and_parameters_are_known(filled: Store) -> None:
    metrics, parameters = filled.catalog.run_names()
    assert metrics == ["auc"]
    assert parameters == ["derin", "liste", "lr", "şehir"]


def test_a_run_that_ended_is_found_by_what_it_says_then(store: Store) -> None:
    run = make_run("a", time=1.0, parameters={"lr": 1})
    with store.catalog.transaction() as transaction:
        transaction.put(run)
    with store.catalog.transaction() as transaction:
        ended = make_run("a", id=run.id, time=1.0, ended=5.0, parameters={"derin": 2})
        transaction.update(ended, action="finished")
    assert names(store, Comparison(SECONDS, "=", "4", 4.0)) == "a"
    assert store.catalog.run_names()[1] == ["derin"]


def test_long_and_strange_parameters_do_not_stop_a_run(store: Store) -> None:
    with store.catalog.transaction() as transaction:
        transaction.put(make_run("a", parameters={"ı" * 5_000: "ş" * 100_000, "b\0": "c\0d"}))
    [run] = store.catalog.all(Run)
    assert run.parameters["b\0"] == "c\0d"
    assert names(store, Comparison(Field(Known.PARAMETER, "b"), "=", "cd")) == "a"
