from __future__ import annotations

import polars as pl
import pytest

from kervan.core.config import DataSettings, SplitSettings, WatchSettings
from kervan.core.nouns import Verdict
from kervan.data.columns import infer_schema, signature_of
from kervan.data.page import profile_page
from kervan.data.profile import profile
from kervan.data.protection.apply import Protection, protect
from kervan.data.split import assign, check_split, split
from kervan.data.target import check_target, values_of
from kervan.data.validate import validate
from kervan.monitor.drift import drift
from kervan.monitor.page import drift_page


@pytest.mark.parametrize(
    "name", ["^.*$", "*", "rows", "count", "value", "label", "İl <b>", "0", "a.b", "target"]
)
def test_no_column_name_is_special(name: str) -> None:
    size = 400
    table = pl.DataFrame(
        {
            "a": [number % 7 for number in range(size)],
            name: ["az", "çok", "orta", "az"] * (size // 4),
            "gizli": [str(number) for number in range(size)],
        }
    )
    settings = DataSettings(target=name, protect={"gizli": "drop"})
    assert check_target(values_of(table, name), "classification") == ()
    assert {finding.rule for finding in validate(table, settings)} <= {"duplicates"}
    guarded = protect(table, Protection(rules=settings.protect, key=b"", target=name))
    assert guarded.columns == ["a", name]
    assert protect(table, Protection(rules={name: "drop"}, key=b"")).columns == ["a", "gizli"]
    schema = infer_schema(guarded, settings)
    signature, _ = signature_of(guarded, schema, name, "classification")
    assert signature.output.allowed == ("az", "orta", "çok")
    check_split(split(table, assign(table, SplitSettings())), name, "classification", 2)
    figures = profile(guarded, schema, name)
    assert [each.count for each in figures.classes] == [200, 100, 100]
    profile_page(figures)
    report = drift(figures, guarded[:200].to_dicts(), WatchSettings(), schema)
    assert report.verdict is Verdict.PASSED
    drift_page(report)
