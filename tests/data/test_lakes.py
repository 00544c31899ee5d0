"""Tables of Delta Lake and Iceberg, written by their own libraries: as they are, and as they were."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal
from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table

from data.lakes import iceberg_catalog
from kervan.app.ingest import ingest_data
from kervan.app.project import open_project
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidInput, KervanError, NotFound
from kervan.core.nouns import Dataset
from kervan.data.connectors.find import find_connector, request_of
from kervan.data.ingest import take

MANY = 200_000


def rows(start: int, count: int) -> pl.DataFrame:
    numbers = range(start, start + count)
    return pl.DataFrame(
        {
            "id": numbers,
            "tutar": [Decimal(each) / 4 for each in numbers],
            "il": [f"{each % 81:02}" for each in numbers],
            "sonuç": ["evet" if each % 3 else "hayır" for each in numbers],
        },
        schema_overrides={"tutar": pl.Decimal(20, 2)},
    )


def read(source: str, folder: Path, version: str = "") -> tuple[pl.DataFrame, str]:
    """Return what a source holds, and the version that is on record."""
    settings = DataSettings(version=version)
    with take(source, folder, settings) as snapshot:
        return pl.read_parquet(snapshot.path), snapshot.retrieval.version


def refused(source: str, folder: Path, version: str = "") -> KervanError:
    with pytest.raises((NotFound, InvalidInput, InvalidConfig)) as caught:
        read(source, folder, version)
    assert caught.value.hint
    return caught.value


def ingested(folder: Path, source: str, version: str = "") -> Dataset:
    settings = {"source": source, "target": "sonuç", "version": version, "ignore": ["id"]}
    project = open_project(folder, flags={"data": settings, "project": {"name": "satış"}})
    try:
        return ingest_data(project)
    finally:
        project.store.close()


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    """A table of three versions: 100 rows, 150, and these without the first 20."""
    place = tmp_path / "göl"
    write_deltalake(place, rows(0, 100))
    write_deltalake(place, rows(100, 50), mode="append")
    DeltaTable(place).delete("id < 20")
    return place


@pytest.fixture
def iceberg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """A table of two snapshots, 100 rows and 150; the first has a tag."""
    catalog = load_catalog("lake", **iceberg_catalog(tmp_path, monkeypatch))
    catalog.create_namespace("satış")
    first = rows(0, 100).to_arrow()
    table = catalog.create_table("satış.sipariş", first.schema)
    table.append(first)
    table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, "ocak").commit()
    time.sleep(0.01)  # snapshots are told apart by milliseconds
    table.append(rows(100, 50).to_arrow())
    return table


def test_delta_is_read_as_of_a_version(delta: Path) -> None:
    for version, expected, seen in (
        ("0", rows(0, 100), "0"),
        ("1", rows(0, 150), "1"),
        ("", rows(20, 130), "2"),
        ("2999-01-01", rows(20, 130), "2"),
    ):
        table, recorded = read(f"delta:{delta.name}", delta.parent, version)
        assert_frame_equal(table.sort("id"), expected)
        assert recorded == seen


def test_delta_is_read_as_of_a_time(delta: Path) -> None:
    began = DeltaTable(delta).history()[-1]["timestamp"] / 1000
    moment = datetime.fromtimestamp(began, UTC)
    assert read(str(delta), delta, moment.isoformat())[1] == "0"
    earlier = (moment - timedelta(days=1)).isoformat()
    assert "was not there" in str(refused(str(delta), delta, earlier))


def test_rows_of_many_delta_files_come_in_the_same_order(tmp_path: Path) -> None:
    for start in range(0, 50_000, 5_000):
        write_deltalake(tmp_path / "t", rows(start, 5_000), mode="append", partition_by=["il"])
    first, second = (take("delta:t", tmp_path) for _ in range(2))
    with first, second:
        assert first.sha256 == second.sha256


def test_a_delta_version_that_is_not_there_is_named(delta: Path) -> None:
    error = refused(f"delta:{delta}", delta, "7")
    assert "no version 7" in str(error)
    assert "newest is 2" in error.hint
    assert "no version" in str(refused(f"delta:{delta}", delta, "dün"))


def test_a_delta_table_that_cannot_be_read_is_named(delta: Path) -> None:
    assert "no Delta table" in str(refused("delta:yok", delta.parent))
    for each in delta.glob("*.parquet"):
        each.unlink()
    with pytest.raises(KervanError, match="cannot be read"):
        read(f"delta:{delta}", delta)
    log = delta / "_delta_log" / "00000000000000000002.json"
    log.write_text("{", encoding="utf-8")
    with pytest.raises(KervanError, match="cannot be read"):
        read(f"delta:{delta}", delta)


def test_the_size_of_a_lake_is_known_before(delta: Path, iceberg: Table) -> None:
    for source, count in ((f"delta:{delta}", 130), ("iceberg:lake.satış.sipariş", 150)):
        estimate = find_connector(source).estimate(request_of(source, delta, None))
        assert estimate.rows == count
        assert estimate.fetched


def test_a_dataset_of_a_lake_is_new_when_its_rows_are(delta: Path) -> None:
    first = ingested(delta.parent, "göl", "1")
    assert (first.rows, first.origin.retrieval.version) == (150, "1")
    assert ingested(delta.parent, "delta:göl", "1").version == first.version
    newest = ingested(delta.parent, "göl")
    assert (newest.version, newest.rows, newest.origin.retrieval.version) == ("2", 130, "2")


def test_iceberg_is_read_as_of_a_snapshot(iceberg: Table, tmp_path: Path) -> None:
    source = "iceberg:lake.satış.sipariş"
    first, second = iceberg.history()
    between = datetime.fromtimestamp(first.timestamp_ms / 1000, UTC).isoformat()
    for version, count, snapshot in (
        ("", 150, second),
        ("ocak", 100, first),
        ("main", 150, second),
        (str(first.snapshot_id), 100, first),
        (between, 100, first),
    ):
        table, recorded = read(source, tmp_path, version)
        assert_frame_equal(table.sort("id"), rows(0, count))
        assert recorded == str(snapshot.snapshot_id)


def test_what_is_not_in_a_catalog_is_named(iceberg: Table, tmp_path: Path) -> None:
    source = "iceberg:lake.satış.sipariş"
    assert "no table satış.yok" in str(refused("iceberg:lake.satış.yok", tmp_path))
    assert "no table yok.yok" in str(refused("iceberg:lake.yok.yok", tmp_path))
    assert "lake" in refused("iceberg:lak.satış.sipariş", tmp_path).hint
    assert "names no table" in str(refused("iceberg:lake", tmp_path))
    for version in ("17", "2001-01-01"):
        assert str(iceberg.current_snapshot().snapshot_id) in refused(source, tmp_path, version).hint
    assert "no version" in str(refused(source, tmp_path, "dün"))


def test_an_iceberg_table_that_lost_a_file_is_refused(iceberg: Table, tmp_path: Path) -> None:
    for each in (tmp_path / "warehouse").rglob("*.parquet"):
        each.unlink()
    with pytest.raises(KervanError) as caught:
        read("iceberg:lake.satış.sipariş", tmp_path)
    assert caught.value.hint


def test_a_catalog_is_read_from_its_own_file(
    iceberg: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"catalog:\n  depo:\n    type: sql\n    uri: sqlite:///{tmp_path}/catalog.db\n"
    (tmp_path / ".pyiceberg.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYICEBERG_HOME", str(tmp_path))
    with pytest.raises(NotFound):  # the tables of an SQL catalog belong to its name
        read("iceberg:depo.satış.sipariş", tmp_path)
    (tmp_path / ".pyiceberg.yaml").write_text("catalog: [", encoding="utf-8")
    assert "cannot be read" in str(refused("iceberg:depo.satış.sipariş", tmp_path))


def test_types_of_a_lake_are_kept(tmp_path: Path) -> None:
    table = pa.table(
        {
            "büyük": pa.array([2**63 - 1] * 12),
            "pay": pa.array([Decimal("0.1")] * 12, pa.decimal128(38, 18)),
            "an": pa.array([datetime(2024, 3, 31, 2, 30, tzinfo=UTC)] * 12, pa.timestamp("us", "UTC")),
            "yerel": pa.array([datetime(2024, 3, 31, 2, 30)] * 12, pa.timestamp("us")),
            "kısa": pa.array([1, None] * 6, pa.int16()),
            "ikili": pa.array([b"\x00\xff"] * 12),
        }
    )
    write_deltalake(tmp_path / "t", table)
    found, _ = read("delta:t", tmp_path)
    assert_frame_equal(found, pl.DataFrame(table))


def test_a_table_without_rows_has_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = rows(0, 1).head(0)
    write_deltalake(tmp_path / "t", nothing)
    catalog = load_catalog("lake", **iceberg_catalog(tmp_path, monkeypatch))
    catalog.create_namespace("satış")
    catalog.create_table("satış.boş", nothing.to_arrow().schema)
    for source in ("delta:t", "iceberg:lake.satış.boş"):
        assert_frame_equal(read(source, tmp_path)[0], nothing)


def test_a_large_lake_passes_as_a_stream(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", rows(0, MANY))
    told: list[str] = []
    source = "delta:t"
    (tmp_path / "here").mkdir()
    find_connector(source).fetch(request_of(source, tmp_path, None), tmp_path / "here", told.append)
    assert len(told) > 1
    assert told[-1].startswith(f"{MANY:,} rows")
