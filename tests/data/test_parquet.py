from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import Corrupted, InvalidData
from kervan.core.ports import ReadOptions, Source
from kervan.data.content import content_hash
from kervan.data.sources.parquet import ParquetSource
from kervan.flow.table import from_parquet, to_parquet

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ReadOptions(missing=MISSING_TEXTS)
TABLE = pl.DataFrame(
    {
        "yaş": [1, None, 3],
        "ücret": [1.5, -0.0, None],
        "şehir": ["İstanbul", None, "ığdır"],
        "var": [True, False, None],
        "gün": [date(2024, 1, 1), None, date(1969, 1, 1)],
        "an": [datetime(2024, 1, 1, 1, 2, 3, 4), None, None],
    }
)

cells = {
    "n": st.none() | st.integers(-(2**63), 2**63 - 1),
    "x": st.none() | st.floats(allow_nan=False),
    "t": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "b": st.none() | st.booleans(),
}
KINDS = {"n": pl.Int64(), "x": pl.Float64(), "t": pl.String(), "b": pl.Boolean()}
tables = st.lists(st.fixed_dictionaries(cells), max_size=20).map(
    lambda rows: pl.DataFrame(rows, schema=KINDS)
)


def test_source_brings_types_to_the_few(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame(
        {
            "small": pl.Series([1, None], dtype=pl.UInt8),
            "float": pl.Series([0.5, float("nan")], dtype=pl.Float32),
            "money": pl.Series([Decimal("1.25"), None], dtype=pl.Decimal(10, 2)),
            "kind": pl.Series([" İ ", "?"], dtype=pl.Categorical),
            "nothing": [None, None],
            "an": pl.Series([datetime(2024, 1, 1), None], dtype=pl.Datetime("ns")),
        }
    ).write_parquet(path)
    table = ParquetSource().read(path, OPTIONS)
    assert isinstance(ParquetSource(), Source)
    assert table.dtypes == [pl.Int64, pl.Float64, pl.Float64, pl.String, pl.String, pl.Datetime("us")]
    assert table.row(0) == (1, 0.5, 1.25, "İ", None, datetime(2024, 1, 1))
    assert table.row(1) == (None,) * 6


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pl.Series("şey", [[1], [2]]), "'şey' holds List"),
        (pl.Series("şey", [b"x"]), "'şey' holds Binary"),
        (pl.Series("şey", [1.0, float("-inf")]), "'şey', row 2: -inf"),
        (pl.Series("şey", [1, 2**64 - 1], dtype=pl.UInt64), "'şey', row 2: 18446744073709551615"),
    ],
)
def test_source_refuses_what_no_table_can_have(tmp_path: Path, column: pl.Series, words: str) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame([column]).write_parquet(path)
    with pytest.raises(InvalidData, match=r"t\.parquet") as caught:
        ParquetSource().read(path, OPTIONS)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n" * 9, b"PAR1 nonsense \x10\0\0\0PAR1"])
def test_source_refuses_broken_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kötü.parquet"
    path.write_bytes(content)
    with pytest.raises(InvalidData, match=r"kötü\.parquet is no readable Parquet file"):
        ParquetSource().read(path, OPTIONS)


@given(table=tables)
@settings(max_examples=60)
def test_stored_tables_come_back(table: pl.DataFrame) -> None:
    content = to_parquet(table)
    back = from_parquet(content)
    assert back.equals(table)
    assert back.schema == table.schema
    assert to_parquet(back) == content
    assert content_hash(back) == content_hash(table)


def test_chunks_change_neither_bytes_nor_hash() -> None:
    pieces = pl.concat([TABLE[:1], TABLE[1:]], rechunk=False)
    assert to_parquet(pieces) == to_parquet(TABLE)
    assert content_hash(pieces) == content_hash(TABLE)


def test_content_hash_never_changes() -> None:
    """A new hash here gives every kept dataset a new identity."""
    assert content_hash(TABLE) == "cc342776b52baa76952973235f4109e8fc4dea0e8d40ea84caa57e620d1ad9f4"


@pytest.mark.parametrize(
    "other",
    [
        TABLE.reverse(),
        TABLE.rename({"yaş": "yas"}),
        TABLE.select(reversed(TABLE.columns)),
        TABLE.with_columns(pl.col("yaş").cast(pl.Float64)),
        TABLE.with_columns(pl.col("yaş").fill_null(0)),
        TABLE.with_columns(pl.col("şehir").fill_null("")),
        TABLE.with_columns(pl.Series("şehir", ["İstanbulı", None, "ğdır"])),
        TABLE[:2],
    ],
)
def test_other_content_has_another_hash(other: pl.DataFrame) -> None:
    assert content_hash(other) != content_hash(TABLE)


def test_broken_store_is_corrupted() -> None:
    with pytest.raises(Corrupted):
        from_parquet(to_parquet(TABLE)[:-9])
