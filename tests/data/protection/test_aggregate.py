"""Aggregates by OpenDP: near the truth, noisy, and from a budget."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import polars as pl
import pytest

from data.protection.persons import table_of_persons
from kervan.core.checking import Check
from kervan.core.errors import InvalidInput
from kervan.data.protection.aggregate import answer, read_question

if TYPE_CHECKING:
    from journeys.home import Home

TABLE = pl.DataFrame(
    {
        "age": [float(20 + n % 60) for n in range(6_000)],
        "city": [("Ankara", "Van", "İzmir")[n % 3] for n in range(6_000)],
    }
)


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
@pytest.mark.parametrize(
    ("question", "true"),
    [
        ("count()", 6_000),
        ("sum(age, 0, 100)", TABLE["age"].sum()),
        ("mean(age, 0, 100)", TABLE["age"].mean()),
    ],
)
def test_answers_are_as_near_as_they_say(question: str, true: float, epsilon: float) -> None:
    asked = read_question(question, TABLE.columns)
    found = [answer(TABLE, asked, epsilon=epsilon) for _ in range(60)]
    values = [next(iter(each.values.values())) for each in found]
    (within,) = found[0].within.values()
    assert sum(abs(value - true) <= 1.1 * within for value in values) >= 48  # 57 of 60 are expected
    assert len({round(value, 9) for value in values}) > 1
    assert statistics.median(values) == pytest.approx(true, rel=0.05)


def test_noise_is_what_epsilon_and_rows_ask_for() -> None:
    asked = read_question("sum(age, 0, 100)", TABLE.columns)
    one, ten, tenth = (
        next(iter(answer(TABLE, asked, epsilon=epsilon, rows=rows).within.values()))
        for epsilon, rows in ((1.0, 1), (1.0, 10), (0.1, 1))
    )
    assert one == pytest.approx(100 * 2.9957, rel=0.01)  # the sensitivity over epsilon, times log 20
    assert ten == pytest.approx(10 * one, rel=0.02)
    assert tenth == pytest.approx(10 * one, rel=0.02)


def test_categories_that_nobody_named_are_counted_together() -> None:
    asked = read_question("counts(city, Ankara, Rize)", TABLE.columns)
    found = answer(TABLE, asked, epsilon=1.0).values
    assert list(found) == ["Ankara", "Rize", "all others"]
    assert abs(found["Ankara"] - 2_000) < 60
    assert abs(found["Rize"]) < 60


def test_bounds_and_categories_come_from_checks_and_never_from_rows() -> None:
    checks = [Check(column="age", between=(18, 90)), Check(column="city", allowed=("Ankara",))]
    assert str(read_question("mean(age)", TABLE.columns, checks)) == "mean(age, 18, 90)"
    assert str(read_question("counts(city)", TABLE.columns, checks)) == "counts(city, Ankara)"
    for question, words in (
        ("mean(age)", "bounds are needed"),
        ("mean(age, 9, 1)", "no bounds"),
        ("counts(city)", "have to be named"),
        ("mean(agee, 0, 1)", "no column 'agee'"),
        ("max(age)", "no question"),
        ("mean(age", "no question"),
    ):
        with pytest.raises(InvalidInput, match=words):
            read_question(question, TABLE.columns)
    with pytest.raises(InvalidInput, match="holds no numbers"):
        answer(TABLE, read_question("mean(city, 0, 1)", TABLE.columns), epsilon=1)


def test_a_budget_is_spent_on_record_and_then_refused(home: Home) -> None:
    settings = '[project]\nname = "krediler"\n[data]\nsource = "k.csv"\ntarget = "ödedi"\nperson = "tckn"\n'
    protect = 'protect = { tckn = "pseudonymise", ad = "drop" }\n'
    table_of_persons(400).write_csv(home.folder / "k.csv")
    home.write("kervan.toml", settings + protect)
    home.ask("data", "ingest", "--quiet")
    ask = ("data", "release", "krediler", "--json", "--epsilon")
    assert "no budget" in home.ask(*ask, "0.5", "count()", code=2).problem["message"]
    home.write("kervan.toml", settings + protect + "privacy_budget = 1.0\n")
    first = home.ask(*ask, "0.5", "mean(gelir, 0, 100)", "--why", "yıllık rapor").json
    assert (first["spent"], first["known"]) == (0.5, False)
    assert first["protects"] == "persons (tckn), by at most 1 rows of each"
    again = home.ask(*ask, "0.5", "mean(gelir, 0, 100)").json
    assert (again["values"], again["spent"], again["known"]) == (first["values"], 0.5, True)
    refused = home.ask(*ask, "0.6", "count()", code=4).problem
    assert "0.5 of its privacy budget of 1 left" in refused["message"]
    events = [each for each in home.ask("audit", "--json").json if each["action"] == "released aggregate"]
    assert [(each["why"], each["body"]["epsilon"]) for each in events] == [("yıllık rapor", 0.5)]
    for epsilon in ("0", "-1", "nan"):
        home.ask(*ask, epsilon, "count()", code=2)
