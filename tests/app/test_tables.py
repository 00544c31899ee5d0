"""Starting from a folder: which tables are there, what is in one, and what somebody brings is kept safely."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.home import as_csv, customers
from kervan.app.ingest import ingest_data
from kervan.app.init import init
from kervan.app.project import open_project
from kervan.app.tables import keep_table, look_into, safe_name, table_files
from kervan.core.errors import InvalidData, InvalidInput, NotFound, StorageFailed
from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

CSV = as_csv(customers(60)).encode()
HOSTILE = "<img src=x onerror=alert(1)>"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(st.text(min_size=1, max_size=400))
def test_no_name_is_a_path_or_hidden(name: str) -> None:
    try:
        safe = safe_name(name)
    except InvalidInput:
        return
    assert safe_name(safe) == safe
    assert not set(safe) & set("/\\\0:<>&'\" \n")
    assert not safe.startswith((".", "-"))
    assert ".." not in safe
    assert len(safe.encode()) <= 120


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\Users\\ayşe\\satış 2024.csv", "satış-2024.csv"),
        (f"{HOSTILE}.csv", "img-src-x-onerror-alert-1.csv"),
        (".kervan.csv", "kervan.csv"),
        ("a..b...csv", "a.b.csv"),
        ("train_data.csv.gz", "train_data.csv.gz"),
        ("ш" * 300 + ".csv", "ш" * 58 + ".csv"),
    ],
)
def test_a_file_is_kept_under_a_safe_name(tmp_path: Path, given: str, kept: str) -> None:
    content = gzip.compress(CSV) if given.endswith("gz") else CSV
    file = keep_table(tmp_path, given, [content[:10], content[10:]])
    assert (file.name, file.size, file.is_new) == (kept, len(content), True)
    assert (tmp_path / kept).read_bytes() == content
    assert names(tmp_path) == [kept]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_bytes(b"theirs")
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "linked.csv").symlink_to(outside)
    assert [keep_table(folder, "a.csv", [CSV]).name for _ in range(2)] == ["a.csv", "a.csv"]
    assert not keep_table(folder, "x/a.csv", [CSV]).is_new
    other = keep_table(folder, "a.csv", [CSV, CSV])
    assert (other.name, other.is_new) == ("a-2.csv", True)
    assert keep_table(folder, "a.csv", [CSV, CSV]).name == "a-2.csv"
    assert keep_table(folder, "linked.csv", [b"theirs"]).name == "linked-2.csv"
    assert outside.read_bytes() == b"theirs"
    assert names(folder) == ["a-2.csv", "a.csv", "linked-2.csv", "linked.csv"]


def test_what_is_too_large_empty_or_no_table_leaves_nothing(tmp_path: Path) -> None:
    for name, pieces in (
        ("a.csv", [b"x" * 60, b"x" * 60]),
        ("a.csv", []),
        ("a.exe", [CSV]),
        ("kervan.toml", [CSV]),
        ("...", [CSV]),
    ):
        with pytest.raises(InvalidInput):
            keep_table(tmp_path, name, pieces, most=100)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_nothing(small_disk: Callable[[str], AbstractContextManager[Path]]) -> None:
    with small_disk("size=1m") as folder:
        with pytest.raises(StorageFailed):
            keep_table(folder, "a.csv", [b"x" * 2_000_000])
        assert names(folder) == []


def test_tables_are_listed_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / ".kervan").mkdir()
    for place in ("b.csv", "data/a.parquet", "data/deep/c.csv", ".kervan/d.csv", "e.py", ".f.csv"):
        (tmp_path / place).write_bytes(CSV)
    (tmp_path / "out").symlink_to(tmp_path / "data")
    os.mkfifo(tmp_path / "pipe.csv")
    found = table_files(tmp_path)
    assert [each.name for each in found] == ["b.csv", "data/a.parquet"]
    assert found[0].size == len(CSV)


def test_a_table_is_looked_into_and_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "müşteriler.csv").write_bytes(CSV)
    seen = look_into(tmp_path, "müşteriler.csv")
    assert (seen.rows, len(seen.columns)) == (60, 6)
    assert (seen.target, seen.task) == ("ayrıldı", "classification")
    assert seen.target_why == "it is the last column and has two different values"
    by_name = {each.name: each for each in seen.columns}
    assert by_name["yaş"].type is Type.INTEGER
    assert by_name["müşteri"].no_target.startswith("it only names its rows")
    assert by_name["ayrıldı"].no_target == ""
    assert set(by_name["ayrıldı"].examples) == {"evet", "hayır"}
    assert by_name["0"].missing > 0
    assert names(tmp_path) == ["müşteriler.csv"]


@pytest.mark.parametrize("name", ["../a.csv", "/etc/passwd", "yok.csv", "", "kervan.toml", "./a.csv"])
def test_only_what_is_listed_is_looked_into(tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "a.csv").write_bytes(CSV)
    (tmp_path / "kervan.toml").write_text("")
    with pytest.raises(NotFound):
        look_into(tmp_path, name)


@pytest.mark.parametrize(
    ("columns", "target", "why"),
    [
        ({"y": [1.5, 2.0], "z": ["a", "b"]}, "y", "it is called 'y'"),
        ({"Sınıf": ["a", "b"], "z": ["c", "d"]}, "Sınıf", "it is called 'Sınıf'"),
        ({"a": ["k", "m"], "b": [1, 2, 3]}, "a", "no other column has just two different values"),
        ({"a": [1.0, 2.5, 4.0], "b": [5.5, 6.0, 7.0]}, "b", "it is the last column"),
        ({"a": [1.0, 2.5, 4.0], "b": [None] * 3}, "a", "it is the last column that can be predicted"),
        ({"a": [1.0], "b": ["k"]}, "", ""),
    ],
)
def test_the_target_is_guessed_with_a_reason(
    tmp_path: Path, columns: dict[str, list[object]], target: str, why: str
) -> None:
    rows = {name: (values * 60)[:60] for name, values in columns.items()}
    pl.DataFrame(rows).write_csv(tmp_path / "t.csv")
    seen = look_into(tmp_path, "t.csv")
    assert (seen.target, seen.target_why) == (target, why)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n3\n")
    with pytest.raises(InvalidData):
        look_into(tmp_path, "a.csv")


def test_from_a_file_to_a_dataset(tmp_path: Path) -> None:
    kept = keep_table(tmp_path, f"{HOSTILE} müşteriler.csv", [CSV])
    seen = look_into(tmp_path, kept.name)
    init(tmp_path, name="deneme", source=kept.name, target=seen.target)
    project = open_project(tmp_path)
    try:
        assert ingest_data(project).rows == seen.rows
    finally:
        project.store.close()


@pytest.mark.parametrize(("name", "pack"), [("a.ndjson.gz", gzip.compress), ("a.csv", bytes)])
def test_a_table_of_another_kind_is_kept_and_looked_into(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    lines = "".join(f'{{"age": {at}, "city": "0{at % 3}"}}\n' for at in range(30))
    kept = keep_table(tmp_path, name, [pack(lines.encode())])
    assert [each.name for each in table_files(tmp_path)] == [kept.name] == [name]
    seen = look_into(tmp_path, name)
    assert (seen.rows, [each.name for each in seen.columns]) == (30, ["age", "city"])
