from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core.config import Check, DataSettings
from kervan.core.errors import InvalidConfig
from kervan.core.nouns import Finding, Verdict
from kervan.data.validate import validate, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = pl.DataFrame(
    {
        "yaş": [20, 200, None, -1, 30, 300],
        "şehir": ["İzmir", "Izmir", None, "İzmir", "Van", "izmir"],
        "kim": ["a", "b", "a", "c", None, None],
    }
)


def found(check: Check, **more: object) -> Finding:
    findings = validate(TABLE, DataSettings(checks=(check,), **more))  # type: ignore[arg-type]
    return findings[0]


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
    findings = validate(TABLE, DataSettings(checks=checks))
    assert [finding.verdict for finding in findings] == [Verdict.PASSED] * 3
    assert verdict_of(findings) is Verdict.PASSED


def test_one_check_may_have_several_rules() -> None:
    findings = validate(
        TABLE, DataSettings(checks=(Check(column="yaş", between=(0, 400), unique=True, missing_at_most=0),))
    )
    assert [finding.rule for finding in findings] == ["between", "unique", "missing_at_most"]


def test_severity_warns_only() -> None:
    findings = validate(TABLE, DataSettings(checks=(Check(column="yaş", between=(0, 1), severity="warn"),)))
    assert verdict_of(findings) is Verdict.WARNED


def test_values_of_protected_columns_are_not_shown() -> None:
    finding = found(Check(column="kim", unique=True), protect={"kim": "hash"})
    assert "(row 1, row 3)" in finding.message


def test_allowed_classes_of_a_numeric_target() -> None:
    table = pl.DataFrame({"y": [0.0, 1.0, 2.0]})
    settings = DataSettings(target="y", checks=(Check(column="y", allowed=("0", "1")),))
    assert "row 3: 2.0" in validate(table, settings)[0].message


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
    ],
)
def test_unusable_checks_are_refused(check: Check, words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        validate(TABLE, DataSettings(checks=(check,)))
    assert words in str(caught.value)
    assert repr(check.column) in str(caught.value)
    assert caught.value.hint


def test_suspicious_tables_are_warned_about() -> None:
    warning = Finding(rule="mixed", subject="a", verdict=Verdict.WARNED, message="…")
    table = pl.DataFrame({"a": [1, 1, 2], "b": ["x"] * 3, "c": pl.Series([None] * 3, dtype=pl.String)})
    findings = validate(table, DataSettings(), [warning])
    assert findings[0] is warning
    assert [(finding.rule, finding.subject) for finding in findings[1:]] == [
        ("duplicates", ""),
        ("constant", "b"),
        ("all_missing", "c"),
    ]
    assert "1 of 3 rows" in findings[1].message
    assert verdict_of(findings) is Verdict.WARNED


def test_columns_that_give_the_target_away_are_found() -> None:
    size = 200
    y = [number % 3 for number in range(size)]
    table = pl.DataFrame(
        {
            "y": y,
            "kopya": ["xyz"[value] for value in y],
            "kuruş": [value * 100 + 7 for value in y],
            "kimlik": list(range(size)),
            "gürültü": [number % 7 for number in range(size)],
        }
    )
    findings = validate(table, DataSettings(target="y"))
    assert {finding.subject for finding in findings if finding.rule == "leak"} == {"kopya", "kuruş"}
    prices = pl.DataFrame({"lira": [number * 1.5 for number in range(50)], "kur": [n % 9 for n in range(50)]})
    prices = prices.with_columns(dolar=pl.col("lira") / 32 + 1)
    leaks = [finding.subject for finding in validate(prices, DataSettings(target="lira"))]
    assert leaks == ["dolar"]


@pytest.mark.data
def test_public_tables_raise_no_false_suspicion(public: Callable[[str], pl.DataFrame]) -> None:
    findings = validate(public("adult/adult.csv.gz"), DataSettings(target="income"))
    assert [finding.message for finding in findings] == ["57 of 48,842 rows repeat an earlier row"]
    findings = validate(
        public("california-housing/housing.csv.gz"), DataSettings(target="median_house_value")
    )
    assert findings == ()
