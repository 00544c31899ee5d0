from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core.config import DataSettings
from kervan.core.nouns import Finding, Verdict
from kervan.data.validate import validate, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable


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
    assert leaks == ["dolar", "lira"]  # the prices are sorted


@pytest.mark.data
def test_public_tables_raise_no_false_suspicion(public: Callable[[str], pl.DataFrame]) -> None:
    findings = validate(public("adult/adult.csv.gz"), DataSettings(target="income"))
    assert [finding.message for finding in findings] == [
        "57 of 48,842 rows repeat an earlier row",
        "10 rows are equal to a model and differ in the target 'income'",
    ]
    findings = validate(
        public("california-housing/housing.csv.gz"), DataSettings(target="median_house_value")
    )
    assert findings == ()
