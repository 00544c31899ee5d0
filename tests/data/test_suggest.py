"""Proposed checks hold on the table that they came from, and catch what is planted into it."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from kervan.core.checking import Check
from kervan.core.config import Config, DataSettings
from kervan.core.loading import _bind
from kervan.core.nouns import Verdict
from kervan.core.reading import composed
from kervan.data.checks.run import run_checks
from kervan.data.checks.suggest import suggest
from kervan.data.checks.written import as_lines
from kervan.data.columns import infer_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.data.checks.written import Suggestion

NOW = datetime(2026, 5, 10, tzinfo=UTC).timestamp()


def suggested(table: pl.DataFrame, **more: object) -> list[Suggestion]:
    return list(suggest(table, infer_schema(table, DataSettings()), **more).at(NOW))  # type: ignore[arg-type]


def read_again(found: list[Suggestion]) -> tuple[Check, ...]:
    """Read the lines as kervan.toml is read."""
    return _bind(Config, tomllib.loads(as_lines(found)), (), {}).data.checks


def broken(table: pl.DataFrame, checks: tuple[Check, ...]) -> list[str]:
    found = run_checks(table, DataSettings(checks=checks), now=NOW).findings
    return [each.message for each in found if each.verdict is not Verdict.PASSED]


def rents(size: int = 200) -> pl.DataFrame:
    days = [date(2026, 4, 1) + timedelta(days=place % 30) for place in range(size)]
    return pl.DataFrame(
        {
            "code": [f"AB-{place:05d}" for place in range(size)],
            "şehir": [["İzmir", "Van", None][place % 3] for place in range(size)],
            "m²": [40 + place % 100 for place in range(size)],
            "price": [-1.5 + place * 0.25 for place in range(size)],
            "start": days,
            "end": [day + timedelta(days=3) for day in days],
            "ok": [place % 2 == 0 for place in range(size)],
        }
    )


def test_planted_faults_are_caught() -> None:
    table = rents()
    checks = read_again(suggested(table))
    assert broken(table, checks) == []
    faults = {
        "code": "not of the pattern",
        "şehir": "not one of",
        "m²": "not between",
        "price": "not between",
        "start": "not at least",
    }
    planted = {"code": "AB-1", "şehir": "Rize", "m²": 4000, "price": 9e9, "start": date(1926, 1, 1)}
    for name, words in faults.items():
        spoilt = table.with_columns(
            pl.Series(name, [planted[name], *table[name][1:].to_list()], dtype=table[name].dtype)
        )
        assert any(words in each for each in broken(spoilt, checks)), name
    late = table.with_columns(pl.Series("end", [date(2026, 3, 1), *table["end"][1:].to_list()]))
    assert any("break" in each for each in broken(late, checks))
    assert any("are not unique" in each for each in broken(pl.concat([table, table]), checks))
    assert any("is wanted" in each or "are wanted" in each for each in broken(table.head(20), checks))
    empty = table.with_columns(pl.lit(None, pl.String).alias("şehir"))
    assert any("are missing" in each for each in broken(empty, checks))


def test_each_check_says_why_and_no_protected_value_is_written() -> None:
    lines = as_lines(suggested(rents(), hidden=("code", "şehir")))
    assert "# from 40 to 139 here" in lines
    assert "İzmir" not in lines
    assert "AB-" not in lines
    assert all(block.startswith("#") for block in lines.split("\n\n"))
    assert 'expression = "end >= start"' in lines


CELLS = st.one_of(
    st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=25, max_size=60),
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=25, max_size=60),
    st.lists(st.none() | st.text(max_size=50).map(composed), min_size=25, max_size=60),
    st.lists(st.none() | st.dates(), min_size=25, max_size=60),
    st.lists(st.none() | st.booleans(), min_size=25, max_size=60),
)


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=8).map(composed), CELLS)
def test_suggestions_hold_on_the_table_that_they_came_from(name: str, values: list[object]) -> None:
    table = pl.DataFrame({name: pl.Series(values, strict=False)})
    if table[name].dtype == pl.Null:
        return
    assert broken(table, read_again(suggested(table))) == []


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "adult/adult.csv.gz",
        "titanic/titanic.csv",
        "ames-housing/ames.csv.gz",
        "nyc-taxi/taxis_2019_03.csv.gz",
    ],
)
def test_suggestions_hold_on_public_tables(public: Callable[[str], pl.DataFrame], name: str) -> None:
    table = public(name)
    assert broken(table, read_again(suggested(table))) == []


def test_nothing_is_proposed_of_gaps_that_could_not_be_worse() -> None:
    table = pl.DataFrame({"note": ["uzun bir not", *[None] * 9] * 10})
    (line,) = [each.check for each in suggested(table) if each.check.column == "note"]
    assert line.missing_at_most is None
