from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidData, InvalidInput, NotFound
from kervan.data.ingest import load, take

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sales = tmp_path / "sales"
    sales.mkdir()
    for month in (3, 1, 2):
        rows = "".join(f"0{month},{month}{at},x\n" for at in range(ROWS))
        (sales / f"0{month}.csv").write_text(f"code,n,t\n{rows}", encoding="utf-8")
    (sales / "README.md").write_text("no table", encoding="utf-8")
    (sales / ".hidden.csv").write_text("no table", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("location", ["sales", "sales/", "sales/*.csv", "sal*/0[1-3].csv", "**/*.csv"])
def test_files_come_in_the_order_of_their_names(folder: Path, location: str) -> None:
    table = load(location, folder, DataSettings()).table
    assert table["code"].to_list() == [f"0{month}" for month in (1, 2, 3) for _ in range(ROWS)]
    assert table["n"].dtype == pl.Int64


def test_what_was_read_is_kept_and_one_changed_file_changes_it(folder: Path) -> None:
    with take("sales/*.csv", folder) as first, take("sales/*.csv", folder) as second:
        assert (first.sha256, first.size) == (second.sha256, second.size)
        with zipfile.ZipFile(first.path) as archive:
            assert archive.namelist() == ["01.csv", "02.csv", "03.csv"]
            assert archive.read("02.csv") == (folder / "sales/02.csv").read_bytes()
    assert not first.path.parent.exists()
    with (folder / "sales/02.csv").open("a", encoding="utf-8") as file:
        file.write("02,1,x\n")
    with take("sales/*.csv", folder) as third:
        assert third.sha256 != first.sha256


def test_texts_are_typed_by_the_values_of_all_files(folder: Path) -> None:
    (folder / "sales/04.csv").write_text("t,n,code\n" + ",1.5,34710\n" * ROWS, encoding="utf-8")
    table = load("sales", folder, DataSettings()).table
    assert table.columns == ["code", "n", "t"]
    assert table.row(0) == ("01", 10.0, "x")
    assert table.row(-1) == ("34710", 1.5, None)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("04.csv", "code,n\n1,2\n", "04.csv has no column 't', 01.csv has"),
        ("04.csv", "code,n,t,u\n1,2,3,4\n", "04.csv has a column 'u', 01.csv has none"),
        ("04.csv", "code,n,t\n1,2,3\n1,2\n", "04.csv: line 3 has 2 fields"),
        ("04.csv", '[{"code": 1}]', "04.csv is of another kind than 01.csv"),
    ],
)
def test_a_difference_is_named_by_file_and_column(folder: Path, name: str, content: str, words: str) -> None:
    (folder / "sales" / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidData) as caught:
        load("sales", folder, DataSettings())
    assert words in str(caught.value)
    assert caught.value.hint


def test_types_of_parquet_files_meet_without_a_loss_or_are_named(tmp_path: Path) -> None:
    pl.DataFrame({"x": range(ROWS), "key": [None] * ROWS}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"x": [0.5], "key": [2**62]}).write_parquet(tmp_path / "2.parquet")
    table = load("*.parquet", tmp_path, DataSettings()).table
    assert (table["x"][0], table["x"][-1], table["key"][-1]) == (0.0, 0.5, 2**62)
    pl.DataFrame({"x": [0.5], "key": [0.5]}).write_parquet(tmp_path / "3.parquet")
    with pytest.raises(InvalidData, match=r"2\.parquet: column 'key' has integers that would lose"):
        load("*.parquet", tmp_path, DataSettings())
    pl.DataFrame({"x": ["a"], "key": [1]}).write_parquet(tmp_path / "3.parquet")
    with pytest.raises(InvalidData, match="column 'x' holds"):
        load("*.parquet", tmp_path, DataSettings())


@pytest.mark.parametrize("location", ["none/*.csv", "empty", "sales/*.parquet", "*/../sales/*.csv"])
def test_no_table_is_said(folder: Path, location: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises((NotFound, InvalidInput)) as caught:
        load(location, folder, DataSettings())
    assert location in str(caught.value)
    assert caught.value.hint
