"""Checks of a table in pieces: the same findings, rows and reasons as of the whole table; no more is held."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.data.chopped import chopped

from kervan.core.checking import Check, Reference
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, KervanError
from kervan.data import buckets, fits
from kervan.data import pieces as module
from kervan.data.checks.own import check as own_check
from kervan.data.checks.run import check_pieces, run_checks
from kervan.data.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.data.checks.own import OwnCheck

NOW = datetime(2026, 5, 10, tzinfo=UTC).timestamp()
TITANIC = "titanic/titanic.csv"
OTHER = pl.DataFrame(
    {
        "Embarked": ["S", "C"],
        "Sex": ["female", "male"],
        "Pclass": [1, 3],
        "Age": [20.0, 40.0],
        "Fare": [9.0, 50.0],
    }
)


def look(_location: str, *, whole: bool) -> pl.DataFrame:
    return OTHER


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pieces of a hundred rows, and several buckets of everything."""
    monkeypatch.setattr(module, "batch_rows", lambda _columns: 100)
    monkeypatch.setattr(buckets, "count_of", lambda _size: 3)


def same(
    table: pl.DataFrame,
    folder: Path,
    *checks: Check,
    own: tuple[OwnCheck, ...] = (),
    rows: int = 128,
    **more: Any,
) -> None:
    """Compare all that is found, or what is said of a check that cannot be used."""
    wanted = DataSettings(checks=checks, **more)
    pieces = chopped(table, folder / "source", rows)
    try:
        whole = run_checks(table, wanted, own, lookup=look, now=NOW)
    except KervanError as error:
        said = str(error)
    else:
        found = check_pieces(pieces, wanted, own, folder=folder / "checks", lookup=look, now=NOW)
        assert found.findings == whole.findings
        assert (found.rows, found.failing) == (whole.rows, whole.failing)
        assert_frame_equal(found.rejects, whole.rejects)
        assert_frame_equal(found.table.whole(), whole.table)
        assert_frame_equal(found.aside, table[(found.rejected - 1).to_list()])
        return
    with pytest.raises(KervanError) as caught:
        check_pieces(pieces, wanted, own, folder=folder / "checks", lookup=look, now=NOW)
    assert str(caught.value) == said


OF_ONE_ROW = [
    Check(column="Age", between=(1, 60)),
    Check(column="Fare", least=7, at_least="90 %"),
    Check(column="Fare", most=100, severity="reject"),
    Check(column="Embarked", allowed=("S", "C"), severity="warn"),
    Check(
        column="Name", pattern=r".*(Mr|Mrs|Miss)\..*", severity="reject", name="titles", why="all have one"
    ),
    Check(column="Name", length=(3, 40)),
    Check(column="Cabin", missing_at_most=0.2),
    Check(column="Age", missing_at_most=0, severity="reject"),
    Check(column="Ticket", type="integer"),
    Check(column="Ticket", type="number", between=(1000, 400_000), missing_at_most=0, severity="reject"),
    Check(column="Age", type="integer", severity="reject"),
    Check(expression="SibSp + Parch < 6", severity="reject"),
    Check(column="Embarked", refers_to=Reference(source="o")),
    Check(columns=("Sex", "Pclass"), refers_to=Reference(source="o"), severity="reject"),
    Check(rows=(800, 900)),
    Check(rows=(900,)),
    Check(column="Age", like="o"),
    Check(column="Sex", like="o", psi_at_most=5.0),
    Check(sql="select * from data where Fare > 200", severity="reject"),
]
TOGETHER = [
    Check(column="Ticket", unique=True),
    Check(column="Cabin", unique=True, severity="reject"),
    Check(columns=("Cabin", "Pclass"), unique=True),
    Check(column="PassengerId", unique=True),
    Check(expression="Fare <= 5 * avg(Fare)", severity="reject"),
    Check(column="Fare", like="o", p_at_least=0.1),
    Check(sql="select Ticket from data group by Ticket having count(*) > 6", severity="warn"),
    Check(sql="select * from data order by Fare desc limit 3", severity="reject"),
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("check", [*OF_ONE_ROW, *TOGETHER], ids=lambda check: check.place[18:50])
def test_a_check_finds_what_it_finds_in_the_whole_table(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, check: Check
) -> None:
    same(public(TITANIC), tmp_path, check)


@pytest.mark.usefixtures("small")
def test_all_checks_together(public: Callable[[str], pl.DataFrame], tmp_path: Path) -> None:
    same(public(TITANIC), tmp_path, *OF_ONE_ROW, *TOGETHER, protect={"Name": "hash", "Ticket": "drop"})


@pytest.mark.usefixtures("small")
def test_a_large_table(public: Callable[[str], pl.DataFrame], tmp_path: Path) -> None:
    same(
        public("adult/adult.csv.gz").head(9_000),
        tmp_path,
        Check(column="age", between=(18, 80), severity="reject"),
        Check(columns=("age", "fnlwgt", "education"), unique=True),
        Check(column="hours-per-week", most=90),
        Check(column="workclass", missing_at_most=0.05),
        rows=1_000,
    )


@pytest.mark.usefixtures("small")
def test_rules_of_one_row_hold_a_piece(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_table: Pieces) -> None:
        raise AssertionError("the whole table is read")

    table = chopped(public(TITANIC), tmp_path / "source", 128)
    monkeypatch.setattr(Pieces, "whole", refuse)
    monkeypatch.setattr(fits, "WHOLE_BYTES", 100_000)
    checks = DataSettings(checks=tuple(OF_ONE_ROW))
    found = check_pieces(table, checks, folder=tmp_path / "checks", lookup=look, now=NOW)
    assert max(found.table.heights) <= 128
    assert found.table.height + found.aside.height == 891


@own_check(severity="reject")
def cheap(table: pl.DataFrame) -> pl.Series:
    """Nobody paid so much."""
    return table["Fare"] < 20 * table["Fare"].mean()


@own_check
def few(table: pl.DataFrame) -> bool:
    return table.height < 9


@pytest.mark.usefixtures("small")
def test_functions_see_all_rows_or_are_refused(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = public(TITANIC).head(300)
    same(table, tmp_path, own=(cheap, few))
    monkeypatch.setattr(fits, "WHOLE_BYTES", 1_000)
    for number, (checks, own) in enumerate([((), (cheap,)), ((TOGETHER[4],), ())]):
        with pytest.raises(InvalidConfig, match="needs 300 rows of") as caught:
            check_pieces(
                chopped(table, tmp_path / f"source {number}", 100),
                DataSettings(checks=checks),
                own,
                folder=tmp_path / f"checks {number}",
            )
        assert caught.value.hint


DAYS = pl.DataFrame(
    {
        "day": ["2026-05-01", None, "2026-05-09", "2026-05-02", "gestern"],
        "yes": ["true", "FALSE", "true", None, "false"],
        "y": [0.0, 1.0, 2.0, 1.0, None],
    }
)


@pytest.mark.parametrize(
    "checks",
    [
        (Check(column="day", type="date", severity="reject"), Check(column="day", newest_within="2d")),
        (Check(column="day", type="date"), Check(column="day", newest_within="12h")),
        (Check(column="day", type="date", least="2026-05-02", severity="reject"),),
        (Check(column="yes", type="boolean"), Check(column="yes", missing_at_most=0)),
        (Check(column="yes", type="boolean"), Check(column="day", type="datetime")),
        (Check(column="y", allowed=("0", "1"), severity="reject"),),
        (Check(sql="select zz from data"),),
        (Check(sql="select day from data", severity="reject"),),
        (Check(sql="select sum(zz) from data"),),
        (Check(expression="1 = 1"),),
        (Check(expression="y + 1"),),
        (Check(expression="cast(day as integer) > 3"),),
        (Check(column="y", refers_to=Reference(source="o", column="Sex")),),
        (Check(column="yes", like="o"),),
        (Check(column="nope", unique=True),),
    ],
    ids=lambda checks: checks[0].place[18:40],
)
def test_types_are_decided_by_all_pieces(tmp_path: Path, checks: tuple[Check, ...]) -> None:
    same(DAYS, tmp_path, *checks, rows=2, target="y")


CELLS = st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, "", "1", "x", "2"]))


@settings(max_examples=30)
@given(st.lists(CELLS, min_size=1, max_size=30), st.integers(1, 7))
def test_any_small_table(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[int | None, str | None]], rows: int
) -> None:
    table = pl.DataFrame(cells, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    same(
        table,
        tmp_path_factory.mktemp("t"),
        Check(column="n", unique=True, severity="reject"),
        Check(columns=("n", "t"), unique=True),
        Check(column="t", type="integer", most=1, severity="reject"),
        Check(expression="n < 2", at_least=0.5),
        rows=rows,
    )
