"""What is told of features before anything is trained: formats that cannot hold them, and digits that go."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from kervan.core.errors import Refused
from kervan.core.features import Feature
from kervan.core.nouns import Verdict
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.carried import check_carried
from kervan.model.rounded import rounded

random = np.random.default_rng(0)
START = 1_760_000_000 + random.integers(0, 10**7, 300)
TOOK = random.integers(0, 100, 300)
TABLE = pl.DataFrame({"start": START, "end": START + TOOK, "late": np.where(TOOK > 50, "yes", "no")})
INPUTS = Schema(tuple(Column(name=name, type=Type.INTEGER) for name in ("start", "end")))
LATE = Column(name="late", type=Type.CATEGORY, allowed=("no", "yes"))
PLAIN = Signature(inputs=INPUTS, output=LATE)
ASKED = Signature(inputs=INPUTS, output=LATE, features=(Feature("took", "end - start"),))


@pytest.mark.parametrize("name", ["coreml", "mojo", "treelite"])
def test_a_format_that_holds_no_features_is_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match=f"'{name}' can hold no model with features"):
        check_carried(["onnx", name], TABLE, ASKED, seed=0)


def test_formats_that_hold_them_pass_also_where_rows_are_few() -> None:
    check_carried(["onnx", "native", "python", "sqlite", "pmml"], TABLE, ASKED, seed=0)
    check_carried(["onnx", "treelite"], TABLE.head(0), ASKED, seed=0)


def test_a_column_that_is_rounded_is_told_of_and_who_sees_it_whole() -> None:
    plain = rounded(TABLE, PLAIN, ["tree"], ["onnx"])
    assert [(each.subject, each.verdict) for each in plain] == [
        ("start", Verdict.WARNED),
        ("end", Verdict.WARNED),
    ]
    assert "let a feature say" in plain[0].hint
    asked = rounded(TABLE, ASKED, ["tree"], ["onnx"])
    assert [each.verdict for each in asked] == [Verdict.PASSED, Verdict.PASSED]
    assert "of took they see what every digit makes" in asked[0].message


def test_a_format_that_takes_float32_computes_from_less() -> None:
    found = rounded(TABLE, ASKED, ["linear"], ["onnx", "keras"])
    assert [(each.subject, each.verdict) for each in found] == [
        ("start", Verdict.WARNED),
        ("end", Verdict.WARNED),
    ]
    assert "keras takes rows in float32: there took is computed from less" in found[0].message
    assert rounded(TABLE, PLAIN, ["linear"], ["onnx", "keras"]) == []
