from __future__ import annotations

import hmac
from collections.abc import Mapping

import polars as pl
import pytest

from kervan.core.errors import InvalidConfig, InvalidInput
from kervan.core.protecting import Rule
from kervan.data.protection.apply import Protection
from kervan.data.protection.apply import protect as protect_by

KEY = b"0123456789abcdef"
TABLE = pl.DataFrame(
    {
        "ad": ["Şule", "İpek", None, "Şule"],
        "tc": [1, 2, None, 1],
        "oran": [1.0, 0.5, 2.0, None],
        "y": [1, 2, 3, 4],
    }
)


def protect(table: pl.DataFrame, rules: Mapping[str, Rule], key: bytes, target: str = "") -> pl.DataFrame:
    return protect_by(table, Protection(rules=rules, key=key, target=target))


def test_hash_is_a_keyed_one_and_keeps_missing_values() -> None:
    table = protect(TABLE, {"ad": "hash", "tc": "hash"}, KEY)
    assert table.columns == TABLE.columns
    expected = hmac.new(KEY, "Şule".encode(), "sha256").hexdigest()[:32]
    assert table["ad"].to_list()[0] == table["ad"].to_list()[3] == expected
    assert table["ad"][2] is None
    assert table["tc"].to_list()[0] == hmac.new(KEY, b"1", "sha256").hexdigest()[:32]
    assert table["ad"].n_unique() == 3
    assert table["oran"].equals(TABLE["oran"])
    assert protect(TABLE, {"ad": "hash"}, b"f" * 16)["ad"][0] != expected


def test_numbers_hash_the_same_in_integer_and_float_columns() -> None:
    floats = protect(TABLE.with_columns(pl.col("tc").cast(pl.Float64)), {"tc": "hash"}, KEY)
    assert floats["tc"].equals(protect(TABLE, {"tc": "hash"}, KEY)["tc"])


def test_drop_removes_the_column() -> None:
    assert protect(TABLE, {"ad": "drop", "tc": "hash"}, KEY).columns == ["tc", "oran", "y"]
    assert protect(TABLE, {"ad": "drop"}, b"").columns == ["tc", "oran", "y"]


def test_column_without_values_can_be_protected() -> None:
    table = pl.DataFrame({"a": pl.Series([None, None], dtype=pl.String)})
    assert protect(table, {"a": "hash"}, KEY)["a"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"at": "hash"}, "no column 'at'"),
        ({"ad": "hashh"}, "'hashh' for 'ad' is no action"),
        ({"y": "hash"}, "'y' is the target"),
        ({"y": "drop"}, "'y' is the target"),
    ],
)
def test_rules_that_cannot_work_are_refused(rules: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        protect(TABLE, rules, KEY, target="y")
    assert words in str(caught.value)
    assert caught.value.hint


def test_short_keys_are_refused() -> None:
    with pytest.raises(InvalidInput, match="key of 3 bytes"):
        protect(TABLE, {"ad": "hash"}, b"abc")
