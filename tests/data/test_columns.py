from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core.checking import Check
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.schema import Column, Type, Unseen
from kervan.data.columns import infer_schema, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = pl.DataFrame(
    {
        "yaş": [1, 2, 3, 4] * 25,
        "ücret": [0.5, None, 1.5, 2.5] * 25,
        "üye": [True, False, None, True] * 25,
        "şehir": ["İzmir", "ığdır", "Ağrı", None] * 25,
        "ad": [f"ad {number}" for number in range(100)],
        "gün": [date(2024, 1, 1)] * 100,
        "an": [datetime(2024, 1, 1)] * 100,
        "sabit": [7] * 100,
        "boş": pl.Series([None] * 100, dtype=pl.String),
        "gelir": ["az", "çok"] * 50,
    }
)


def test_each_type_is_found() -> None:
    schema = infer_schema(TABLE, DataSettings(units={"ücret": "TL"}))
    assert {column.name: column.type for column in schema} == {
        "yaş": Type.INTEGER,
        "ücret": Type.NUMBER,
        "üye": Type.BOOLEAN,
        "şehir": Type.CATEGORY,
        "ad": Type.TEXT,
        "gün": Type.DATE,
        "an": Type.DATETIME,
        "sabit": Type.INTEGER,
        "boş": Type.CATEGORY,
        "gelir": Type.CATEGORY,
    }
    assert schema["ücret"] == Column(name="ücret", type=Type.NUMBER, nullable=True, unit="TL")
    assert schema["şehir"].allowed == ("Ağrı", "İzmir", "ığdır")
    assert schema["şehir"].unseen is Unseen.AS_MISSING
    assert not schema["yaş"].nullable


@pytest.mark.parametrize(
    ("distinct", "rows", "kind"),
    [
        (50, 50, Type.CATEGORY),
        (51, 51, Type.TEXT),
        (51, 102, Type.CATEGORY),
        (1000, 2000, Type.CATEGORY),
        (1001, 9000, Type.TEXT),
    ],
)
def test_many_different_texts_are_no_category(distinct: int, rows: int, kind: Type) -> None:
    table = pl.DataFrame({"a": [f"ş{number % distinct}" for number in range(rows)]})
    assert infer_schema(table, DataSettings())["a"].type is kind


def test_checks_become_limits() -> None:
    checks = (
        Check(column="yaş", between=(0, 120)),
        Check(column="yaş", between=(1, 200)),
        Check(column="şehir", allowed=("İzmir", "Ağrı", "Van")),
        Check(column="ad", allowed=("ad 1", "ad 0")),
        Check(column="ücret", between=(0, 1), severity="warn"),
    )
    schema = infer_schema(TABLE, DataSettings(checks=checks))
    assert (schema["yaş"].minimum, schema["yaş"].maximum) == (1, 120)
    assert schema["şehir"].allowed == ("Ağrı", "Van", "İzmir")
    assert schema["şehir"].unseen is Unseen.REFUSE
    assert schema["ad"].type is Type.CATEGORY
    assert schema["ad"].allowed == ("ad 0", "ad 1")
    assert schema["ücret"].minimum is None


def test_checks_and_units_of_protected_columns_do_not_bind() -> None:
    settings = DataSettings(
        checks=(Check(column="tc", between=(0, 1)),), units={"tc": "no"}, protect={"tc": "drop"}
    )
    assert infer_schema(TABLE, settings).names == tuple(TABLE.columns)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DataSettings(units={"yas": "y"}), "units: the table has no column 'yas'"),
        (DataSettings(checks=(Check(column="yas", unique=True),)), "no such column"),
        (DataSettings(checks=(Check(column="şehir", between=(0, 1)),)), "between is for numbers"),
        (DataSettings(checks=(Check(column="yaş", allowed=("1",)),)), "allowed is for texts"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: DataSettings, words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        infer_schema(TABLE, settings)
    assert words in str(caught.value)
    assert caught.value.hint


def test_signature_takes_what_a_model_can_use() -> None:
    schema = infer_schema(TABLE, DataSettings())
    signature, findings = signature_of(TABLE, schema, "gelir", "classification")
    assert signature.inputs.names == ("yaş", "ücret", "üye", "şehir")
    assert signature.output == Column(name="gelir", type=Type.CATEGORY, allowed=("az", "çok"))
    assert [finding.subject for finding in findings] == ["ad", "gün", "an", "sabit", "boş"]
    assert "all values are equal" in findings[3].message


def test_signature_of_a_regression_and_of_numeric_classes() -> None:
    schema = infer_schema(TABLE, DataSettings())
    assert signature_of(TABLE, schema, "yaş", "regression")[0].output.type is Type.NUMBER
    assert signature_of(TABLE, schema, "yaş", "classification")[0].output.allowed == ("1", "2", "3", "4")


def test_missing_here_and_there_is_not_constant() -> None:
    table = pl.DataFrame({"a": ["x", None] * 5, "y": [1, 2] * 5})
    signature, _ = signature_of(table, infer_schema(table, DataSettings()), "y", "regression")
    assert signature.inputs.names == ("a",)


def test_no_input_at_all_is_refused() -> None:
    table = TABLE.select("ad", "sabit", "gelir")
    with pytest.raises(InvalidData, match="no column is left to predict 'gelir'"):
        signature_of(table, infer_schema(table, DataSettings()), "gelir", "classification")


@pytest.mark.data
def test_titanic(public: Callable[[str], pl.DataFrame]) -> None:
    table = public("titanic/titanic.csv")
    signature, left = signature_of(table, infer_schema(table, DataSettings()), "Survived", "classification")
    assert {finding.subject for finding in left} == {"Name", "Ticket", "Cabin"}
    assert signature.output.allowed == ("0", "1")
