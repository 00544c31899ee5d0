"""The checks of `[[data.checks]]`, each rule against planted faults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given

from kervan.core.checking import Check, Reference
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig
from kervan.core.nouns import Finding, Verdict
from kervan.data.checks.fresh import judged_anew
from kervan.data.checks.own import check as own_check
from kervan.data.checks.run import Checked, run_checks
from kervan.data.quality import quality_of, timely
from kervan.data.validate import verdict_of

if TYPE_CHECKING:
    from kervan.data.checks.own import OwnCheck

TABLE = pl.DataFrame(
    {
        "yaş": [20, 200, None, -1, 30, 300],
        "şehir": ["İzmir", "Izmir", None, "İzmir", "Van", "izmir"],
        "kim": ["a", "b", "a", "c", None, None],
    }
)


OTHER = pl.DataFrame({"kod": ["06", "34", "34"], "il": ["Ankara", "İstanbul", "Şile"], "yaş": [20, 30, 40]})
NOW = datetime(2026, 5, 10, tzinfo=UTC).timestamp()


def look(_location: str, *, whole: bool) -> pl.DataFrame:
    return OTHER


def findings_of(table: pl.DataFrame, settings: DataSettings) -> tuple[Finding, ...]:
    return run_checks(table, settings).findings


def checked(table: pl.DataFrame, *checks: Check, own: tuple[OwnCheck, ...] = ()) -> Checked:
    return run_checks(table, DataSettings(checks=checks), own, lookup=look, now=NOW)


def found(check: Check, **more: object) -> Finding:
    return findings_of(TABLE, DataSettings(checks=(check,), **more))[0]  # type: ignore[arg-type]


def test_rules_name_column_rows_and_values() -> None:
    finding = found(Check(column="yaş", between=(0, 120)))
    assert (finding.rule, finding.subject, finding.verdict) == ("between", "yaş", Verdict.FAILED)
    assert "3 values are not between 0 and 120 (row 2: 200, row 4: -1, row 6: 300)" in finding.message
    finding = found(Check(column="şehir", allowed=("İzmir", "Van")))
    assert "2 values are not one of İzmir, Van (row 2: 'Izmir', row 6: 'izmir')" in finding.message
    finding = found(Check(column="kim", unique=True))
    assert "2 values are not unique (row 1: 'a', row 3: 'a')" in finding.message
    finding = found(Check(column="kim", missing_at_most=0.3))
    assert finding.verdict is Verdict.FAILED
    assert "2 values (33.33%) are missing, at most 30.00% may be" in finding.message


def test_rules_that_hold_are_found_too() -> None:
    checks = (
        Check(column="yaş", between=(-1, 300)),
        Check(column="yaş", missing_at_most=1 / 6),
        Check(column="şehir", allowed=("İzmir", "Izmir", "izmir", "Van")),
    )
    findings = findings_of(TABLE, DataSettings(checks=checks))
    assert [finding.verdict for finding in findings] == [Verdict.PASSED] * 3
    assert verdict_of(findings) is Verdict.PASSED


def test_one_check_may_have_several_rules() -> None:
    findings = findings_of(
        TABLE, DataSettings(checks=(Check(column="yaş", between=(0, 400), unique=True, missing_at_most=0),))
    )
    assert [finding.rule for finding in findings] == ["between", "unique", "missing_at_most"]


def test_severity_warns_only() -> None:
    findings = findings_of(
        TABLE, DataSettings(checks=(Check(column="yaş", between=(0, 1), severity="warn"),))
    )
    assert verdict_of(findings) is Verdict.WARNED


def test_values_of_protected_columns_are_not_shown() -> None:
    finding = found(Check(column="kim", unique=True), protect={"kim": "hash"})
    assert "(row 1, row 3)" in finding.message


def test_allowed_classes_of_a_numeric_target() -> None:
    table = pl.DataFrame({"y": [0.0, 1.0, 2.0]})
    settings = DataSettings(target="y", checks=(Check(column="y", allowed=("0", "1")),))
    assert "row 3: 2.0" in findings_of(table, settings)[0].message


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check(column="yas", unique=True), "no such column"),
        (Check(column="yaş", unique=True, severity="stopp"), "'stopp' is no severity"),
        (Check(column="yaş"), "says nothing"),
        (Check(column="yaş", between=(1,)), "is no range"),
        (Check(column="yaş", between=(2, 1)), "is no range"),
        (Check(column="yaş", between=(float("nan"), 1)), "is no range"),
        (Check(column="yaş", missing_at_most=5), "is no share"),
        (Check(column="şehir", allowed=()), "lists no value"),
        (Check(column="şehir", between=(0, 1)), "holds texts"),
        (Check(column="yaş", between=(0, "z")), "'z' is neither a number nor a date"),
        (Check(column="yaş", least="2026-05-01"), "is no number"),
        (Check(column="yaş", pattern="a"), "pattern is for texts"),
        (Check(column="kim", pattern="(a"), "no regular expression: unclosed group"),
        (Check(column="kim", type="txt"), "is no type"),
        (Check(column="kim", length=(3, 1)), "is no range"),
        (Check(column="kim", unique=True, at_least="viel"), "is no share of the rows"),
        (Check(column="kim", unique=True, at_least="99.5"), "is no share of the rows"),
        (Check(column="kim", unique=True, at_least=1.5), "is no share of the rows"),
        (Check(column="kim", newest_within="2d"), "newest_within is for dates"),
        (Check(column="kim", psi_at_most=0.1, unique=True), "nothing to compare with"),
    ],
)
def test_unusable_checks_are_refused(check: Check, words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        findings_of(TABLE, DataSettings(checks=(check,)))
    assert words in str(caught.value)
    assert repr(check.column) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("check", "words", "hint"),
    [
        (Check(columns=("kim", "sehir"), unique=True), "no such column 'sehir'", "şehir"),
        (Check(columns=("kim",), between=(0, 1)), "between is for one column", "column ="),
        (Check(expression="yas > 3"), "no column 'yas'", "yaş"),
        (Check(expression="yaş >"), "cannot be used", "end >= start"),
        (Check(expression="yaş + 1"), "neither true nor false", "end >= start"),
        (Check(expression="1 = 1"), "it names no column", "end >= start"),
        (Check(expression="kim > 3"), "cannot be used", "end >= start"),
        (Check(expression="f(yaş) > 3"), "unsupported function 'f'", "end >= start"),
        (Check(sql="drop table data"), "it is no select", "select"),
        (Check(sql="select * from READ_CSV('/etc/passwd')"), "READ_CSV would read a file", "select"),
        (Check(sql="select * from dato"), "relation 'dato' was not found", "select"),
        (Check(sql="select * from data; select 1"), "one (and only one) statement", "select"),
        (Check(sql="select kim from data", severity="reject"), "does not return whole rows", "select *"),
        (Check(rows=(1, 9), severity="reject"), "it can reject no rows", "severity"),
        (Check(rows=(9, 1)), "is no range", "rows ="),
        (Check(), "says nothing", "rows"),
        (Check(column="kim", refers_to=Reference(source="x", column="kot")), "x has no column 'kot'", "kod"),
        (
            Check(column="yaş", refers_to=Reference(source="x", column="kod")),
            "holds numbers, and texts",
            "same",
        ),
        (
            Check(columns=("kim", "yaş"), refers_to=Reference(source="x", column="kod")),
            "2 columns here",
            "many",
        ),
        (Check(column="kim", like="x"), "x has no column 'kim'", ""),
    ],
)
def test_unusable_rules_about_rows_are_refused(check: Check, words: str, hint: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        checked(TABLE, check)
    assert words in str(caught.value)
    assert hint in caught.value.hint


def rows_of(found: Checked) -> list[int]:
    return found.rejected.to_list()


SHIPS = pl.DataFrame(
    {
        "start": ["2026-01-01", "2026-02-01", "2026-03-01", "gestern"],
        "end": ["2026-01-05", "2026-01-31", None, "2026-04-02"],
        "kod": ["06", "34", "99", None],
        "il": ["Ankara", "Ankara", "Şile", "Van"],
        "note": ["ok", "ok", "far too long", ""],
    }
)


def test_each_rule_rejects_the_rows_that_break_it() -> None:
    dates = Check(column="start", type="date", severity="reject")
    assert rows_of(checked(SHIPS, dates)) == [4]
    both = (
        Check(column="start", type="date", at_least=0.5),
        Check(column="end", type="date"),
        Check(expression="end >= start", severity="reject"),
    )
    assert rows_of(checked(SHIPS, *both)) == [2]
    early = Check(column="end", type="date", least=date(2026, 1, 6), severity="reject")
    assert rows_of(checked(SHIPS, early)) == [1]
    late = Check(column="end", type="date", most="2026-03-01", severity="reject")
    assert rows_of(checked(SHIPS, late)) == [4]
    known = Check(column="kod", refers_to=Reference(source="x"), severity="reject")
    assert rows_of(checked(SHIPS, known)) == [3]
    pairs = Check(columns=("kod", "il"), refers_to=Reference(source="x"), severity="reject")
    assert rows_of(checked(SHIPS, pairs)) == [2, 3]
    assert rows_of(checked(SHIPS, Check(column="note", length=(1, 5), severity="reject"))) == [3, 4]
    assert rows_of(checked(SHIPS, Check(column="kod", pattern=r"[0-8]\d", severity="reject"))) == [3]
    assert rows_of(checked(SHIPS, Check(column="kod", missing_at_most=0, severity="reject"))) == [4]
    assert rows_of(checked(SHIPS, Check(columns=("note", "il"), unique=True, severity="reject"))) == [1, 2]
    asked = Check(sql="select * from data where il = 'Van'", severity="reject")
    assert rows_of(checked(SHIPS, asked)) == [4]


def test_rejected_rows_have_a_reason_and_the_others_stay() -> None:
    found = checked(
        SHIPS,
        Check(column="start", type="date", severity="reject"),
        Check(column="kod", missing_at_most=0, severity="reject", name="plate", why="every ship has one"),
    )
    assert found.rejects.rows() == [
        (
            4,
            ["type", "plate"],
            ["column 'start' is not of the type date", "'kod' is missing (every ship has one)"],
        )
    ]
    assert found.table.height == 3
    assert found.table["start"].dtype == pl.Date  # all that is left are dates
    assert verdict_of(found.findings) is Verdict.WARNED
    assert "1 value is not of the type date (row 4: 'gestern'); kept aside" in found.findings[0].message
    assert found.findings[1].message.startswith("plate: column 'kod': 1 values")
    assert "kervan data rejects" in found.findings[0].hint


def test_some_rows_may_break_a_rule_where_that_is_said() -> None:
    table = pl.DataFrame({"a": [*range(998), -1, -1]})
    (finding,) = checked(table, Check(column="a", least=0, at_least="99.8 %")).findings
    assert finding.verdict is Verdict.PASSED
    assert "up to 0.20% of the rows may be" in finding.message
    (finding,) = checked(table, Check(column="a", least=0, at_least=0.999)).findings
    assert finding.verdict is Verdict.FAILED
    (finding,) = checked(table, Check(column="a", least=0, at_least=0.999, severity="reject")).findings
    assert finding.verdict is Verdict.FAILED
    found = checked(table, Check(column="a", least=0, at_least=0.998, severity="reject"))
    assert (found.table.height, rows_of(found)) == (998, [999, 1000])


def test_rows_that_are_kept_aside_stop_nothing() -> None:
    table = pl.DataFrame({"a": [1, 900, 5, 7], "b": [0, 950, 9, 1]})
    aside, stops = Check(column="a", most=100, severity="reject"), Check(expression="b <= a")
    found = checked(table, aside, stops)
    assert [each.verdict for each in found.findings] == [Verdict.WARNED, Verdict.FAILED]
    assert "1 row breaks b <= a (row 3: b 9 and a 5)" in found.findings[1].message
    assert (found.failing, found.rows) == (2, 4)


def test_rules_about_the_whole_table() -> None:
    day = pl.DataFrame({"gün": [date(2026, 5, 1), date(2026, 5, 9)]})
    verdicts = [
        checked(day, check).findings[0].verdict
        for check in (
            Check(rows=(2, 2)),
            Check(rows=(3,)),
            Check(column="gün", newest_within="2d"),
            Check(column="gün", newest_within="12h"),
        )
    ]
    assert verdicts == [Verdict.PASSED, Verdict.FAILED, Verdict.PASSED, Verdict.FAILED]
    ages = pl.DataFrame({"yaş": [20, 30, 40]})
    assert checked(ages, Check(column="yaş", like="x")).findings[0].verdict is Verdict.PASSED
    assert checked(ages + 100, Check(column="yaş", like="x")).findings[0].verdict is Verdict.FAILED
    tested = Check(column="yaş", like="x", p_at_least=0.1, severity="warn")
    assert checked(ages, tested).findings[0].verdict is Verdict.PASSED
    assert checked(ages + 100, tested).findings[0].verdict is Verdict.WARNED


@given(
    dates=st.lists(st.dates(date(2026, 1, 1), date(2026, 3, 1)), min_size=1),
    days=st.tuples(st.integers(-10, 90), st.integers(-10, 90)),
)
def test_freshness_judged_anew_is_as_if_looked_at_then(dates: list[date], days: tuple[int, int]) -> None:
    table = pl.DataFrame({"gün": dates, "yaş": range(len(dates))})
    checks = (
        Check(rows=(1,)),
        Check(column="gün", newest_within="20d", name="young"),
        Check(column="yaş", least=1, severity="warn"),
        Check(column="gün", newest_within="40d", severity="warn", why="they come monthly"),
    )
    start = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    then, now = (run_checks(table, DataSettings(checks=checks), now=start + each * 86_400) for each in days)
    at = start + days[1] * 86_400
    assert judged_anew(then.findings, checks, then.newest, at) == now.findings
    first, second = (quality_of(table, each.findings, valid=1) for each in (then, now))
    assert timely(first, now.findings) == second


def test_functions_check_too() -> None:
    @own_check(severity="reject")
    def adults_only(table: pl.DataFrame) -> pl.Series:
        """Children have no contract."""
        return table["yaş"] >= 18

    @own_check(name="few", severity="warn")
    def _(table: pl.DataFrame) -> bool:
        return table.height < 3

    @own_check
    def as_expression(_table: pl.DataFrame) -> pl.Expr:
        return pl.col("yaş") < 1000

    @own_check
    def as_rows(table: pl.DataFrame) -> pl.DataFrame:
        return table.filter(pl.col("kim") == "b")

    found = checked(TABLE, own=(adults_only, _, as_expression, as_rows))
    assert rows_of(found) == [4]
    assert found.rejects["reasons"].to_list() == [["found by adults only (Children have no contract.)"]]
    verdicts = [each.verdict for each in found.findings]
    assert verdicts == [Verdict.WARNED, Verdict.WARNED, Verdict.PASSED, Verdict.FAILED]
    assert "as rows: 1 row breaks it (row 2)" in found.findings[3].message
    assert adults_only(TABLE).to_list() == [True, True, None, False, True, True]


def test_a_function_that_fails_is_told_with_its_line() -> None:
    @own_check
    def broken(table: pl.DataFrame) -> object:
        return table["nope"]

    @own_check
    def odd(_table: pl.DataFrame) -> object:
        return [1, 2]

    with pytest.raises(
        InvalidConfig, match=r"test_checks\.py:\d+: the check 'broken' failed: ColumnNotFound"
    ):
        checked(TABLE, own=(broken,))
    with pytest.raises(InvalidConfig, match="the check 'odd' returned list"):
        checked(TABLE, own=(odd,))


def test_values_of_protected_columns_are_in_no_message_of_any_rule() -> None:
    checks = (
        Check(columns=("kim", "şehir"), refers_to=Reference(source="x", columns=("il", "kod"))),
        Check(expression="kim = 'zz'"),
    )
    settings = DataSettings(checks=checks, protect={"kim": "hash"})
    for finding in run_checks(TABLE, settings, lookup=look).findings:
        assert "'a'" not in finding.message
        assert "(row 1, row 2" in finding.message


NAMES = st.sampled_from(["a", "end", "^a$", "*", "şehir adı", "kervan"])
CELLS = st.one_of(st.none(), st.integers(-5, 5))


@given(NAMES, st.lists(CELLS, min_size=1, max_size=30), st.integers(-5, 5), st.integers(0, 5))
def test_ranges_reject_as_plain_python_does(name: str, values: list[int | None], low: int, more: int) -> None:
    table = pl.DataFrame({name: pl.Series(values, dtype=pl.Int64)})
    found = checked(table, Check(column=name, between=(low, low + more), severity="reject"))
    wanted = [n + 1 for n, each in enumerate(values) if each is not None and not low <= each <= low + more]
    assert rows_of(found) == wanted
    assert found.table[name].to_list() == [each for n, each in enumerate(values) if n + 1 not in wanted]
    once = checked(table, Check(column=name, unique=True, severity="reject"))
    doubled = [n + 1 for n, each in enumerate(values) if each is not None and values.count(each) > 1]
    assert rows_of(once) == doubled
