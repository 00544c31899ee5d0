from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from typing import TYPE_CHECKING

import polars as pl
import pytest

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, NotFound, StorageFailed
from kervan.core.nouns import Verdict
from kervan.data.connectors.local import copy_file
from kervan.data.ingest import load, read, take
from kervan.data.room import check_space
from kervan.data.sources.csv import CsvSource
from kervan.data.sources.find import find_source
from kervan.data.sources.parquet import ParquetSource

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = ("yaş,şehir\n" + "".join(f"{number},İzmir\n" for number in range(12))).encode()


def write(folder: Path, content: bytes | str, name: str = "kişiler.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give snapshots a folder of their own, to see what is left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_snapshot_keeps_the_bytes_and_goes(tmp_path: Path, temporary: Path) -> None:
    write(tmp_path, CONTENT)
    with take("kişiler.csv", tmp_path) as snapshot:
        assert snapshot.source == "kişiler.csv"
        assert snapshot.size == len(CONTENT)
        assert snapshot.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert snapshot.path.read_bytes() == CONTENT
        assert snapshot.path.parent.stat().st_mode & 0o077 == 0
        write(tmp_path, b"a,b\n")
        loaded = read(snapshot, DataSettings())
    assert loaded.table.shape == (12, 2)
    assert loaded.warnings == ()
    assert list(temporary.iterdir()) == []


def test_loads_by_absolute_path_and_through_a_link(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENT)
    (tmp_path / "link.csv").symlink_to(path)
    for location in (str(path), "link.csv"):
        loaded = load(location, tmp_path, DataSettings())
        assert loaded.table.height == 12


def test_chooses_the_adapter_by_name() -> None:
    assert isinstance(find_source("a/b.CSV.gz"), CsvSource)
    assert isinstance(find_source("b.parquet"), ParquetSource)
    for location in ("b.docx", "https://example.org/b.csv"):
        with pytest.raises(InvalidInput) as caught:
            find_source(location)
        assert location in str(caught.value)
        assert ".csv" in caught.value.hint
        assert ".parquet" in caught.value.hint


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, CONTENT)
    with pytest.raises(NotFound, match=r"kisiler\.csv") as caught:
        load("kisiler.csv", tmp_path, DataSettings())
    assert caught.value.hint == 'did you mean "kişiler.csv"?'
    with pytest.raises(NotFound) as caught:
        load("yok/a.csv", tmp_path, DataSettings())
    assert "there is no folder" in caught.value.hint


def test_what_is_no_file_is_refused(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name, words in {
        "folder.csv": "is a folder",
        "pipe.csv": "no file",
        "loop.csv": "cannot read",
    }.items():
        with pytest.raises(InvalidInput, match=words):
            load(name, tmp_path, DataSettings())
    for name in ("a\0.csv", "~nobody-is-called-so/a.csv", "a" * 300 + ".csv"):
        with pytest.raises(InvalidInput, match="cannot"):
            load(name, tmp_path, DataSettings())
    with pytest.raises(InvalidConfig, match="no data source"):
        load("", tmp_path, DataSettings())
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n", "a header and no rows"),
        ("a,b\n1,2\n", "only 1 row,"),
        ("a,b\n" + "1,2\n" * 9, "only 9 rows, at least 10"),
        ("a,b\n1,2\n1\n", "line 3"),
    ],
)
def test_too_small_or_broken_tables_leave_nothing_behind(
    tmp_path: Path, temporary: Path, content: str, words: str
) -> None:
    write(tmp_path, content)
    with pytest.raises(InvalidData, match=r"kişiler\.csv") as caught:
        load("kişiler.csv", tmp_path, DataSettings())
    assert words in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_ten_rows_are_enough(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n" + "1,2\n" * 10)
    loaded = load("kişiler.csv", tmp_path, DataSettings())
    assert loaded.table.height == 10


def test_separator_and_missing_texts_come_from_the_settings(tmp_path: Path) -> None:
    write(tmp_path, "a#b\n" + "1#yok\n" * 10)
    loaded = load("kişiler.csv", tmp_path, DataSettings(separator="#", missing=("yok",)))
    assert loaded.table["b"].null_count() == 10


def test_nearly_numeric_columns_are_reported(tmp_path: Path) -> None:
    write(tmp_path, "yaş,b\n" + "1,1\n" * 99 + "kırk,1\n")
    loaded = load("kişiler.csv", tmp_path, DataSettings())
    (finding,) = loaded.warnings
    assert (finding.rule, finding.subject, finding.verdict) == ("mixed", "yaş", Verdict.WARNED)
    assert "99 of 100" in finding.message
    assert "row 100: 'kırk'" in finding.message


def test_values_of_protected_columns_are_not_reported(tmp_path: Path) -> None:
    write(tmp_path, "tc,b\n" + "1,1\n" * 99 + "gizli,1\n")
    loaded = load("kişiler.csv", tmp_path, DataSettings(protect={"tc": "hash"}))
    (finding,) = loaded.warnings
    assert "gizli" not in finding.message
    assert "row 100" in finding.message


def test_decimal_commas_and_missing_headers_are_reported(tmp_path: Path) -> None:
    write(tmp_path, "39;ücret\n" + "1;1,5\n" * 20)
    loaded = load("kişiler.csv", tmp_path, DataSettings())
    assert {(finding.rule, finding.subject) for finding in loaded.warnings} == {
        ("decimal_comma", "ücret"),
        ("header", "39"),
    }


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENT * 200_000)
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"1,x\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(InvalidData, match="changed while it was read"):
            copy_file(path, tmp_path / "copy")
    finally:
        stop.set()
        writer.join()


def test_no_room_for_the_copy_is_said_in_figures(tmp_path: Path) -> None:
    check_space(1, tmp_path)
    with pytest.raises(StorageFailed, match=r"needs 1,152,921,504,\d{3} MB .* MB are free"):
        check_space(2**60, tmp_path)


def test_parquet_reads_like_text(tmp_path: Path) -> None:
    write(tmp_path, CONTENT)
    loaded = load("kişiler.csv", tmp_path, DataSettings())
    table = loaded.table
    table.write_parquet(tmp_path / "kişiler.parquet")
    loaded = load("kişiler.parquet", tmp_path, DataSettings())
    assert loaded.table.equals(table)
    assert loaded.table.schema == pl.Schema({"yaş": pl.Int64(), "şehir": pl.String()})
