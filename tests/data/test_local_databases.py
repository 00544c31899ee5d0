"""Tables out of SQLite and DuckDB files, by table, query and cube."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.config import CubeSettings, DataSettings
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, NotFound, Refused
from kervan.data.connectors.batches import rows_as_batches, write_batches
from kervan.data.connectors.find import find_connector, request_of
from kervan.data.connectors.sql import query_of
from kervan.data.ingest import load, take

NORTHWIND = "northwind/northwind.sqlite"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one table in SQLite and one in DuckDB."""
    with closing(sqlite3.connect(tmp_path / "dükkân.sqlite")) as connection:
        connection.execute(
            "CREATE TABLE satış (no INTEGER, ücret REAL, var BOOLEAN, gün DATE, an TIMESTAMP, "
            "şehir TEXT, posta TEXT)"
        )
        rows = [
            (2**53 + 1 + row, row / 3, row % 2, "2024-02-29", "2024-03-31 01:30:00", "İzmir", f"0{row:04}")
            for row in range(20)
        ]
        connection.executemany("INSERT INTO satış VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO satış VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL)")
        connection.commit()
    with duckdb.connect(str(tmp_path / "dükkân.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 9007199254740993 + i AS no, (i / 7)::DECIMAL(12, 2) AS tutar, "
            "TIMESTAMPTZ '2024-01-01 00:00:00+03' AS an, DATE '2024-02-29' AS gün, i % 2 = 0 AS var, "
            "CASE WHEN i % 3 = 0 THEN NULL ELSE i::INTEGER END AS n, i::HUGEINT AS büyük FROM range(20) r(i)"
        )
    return tmp_path


def read(folder: Path, source: str, **what: Any) -> pl.DataFrame:
    return load(source, folder, DataSettings(**what)).table


def test_sqlite_keeps_the_types_that_its_tables_declare(shop: Path) -> None:
    table = read(shop, "dükkân.sqlite", table="satış")
    zone = pl.Datetime("us")
    assert table.dtypes == [pl.Int64, pl.Float64, pl.Boolean, pl.Date, zone, pl.String, pl.String]
    assert table["no"][0] == 2**53 + 1
    assert table["posta"][3] == "00003"
    assert table.row(20) == (1, None, None, None, None, None, None)
    query = read(
        shop, "sqlite:///dükkân.sqlite", query="SELECT gün, var, count(*) AS n FROM satış GROUP BY no;"
    )
    assert query.dtypes == [pl.Date, pl.Boolean, pl.Int64]


def test_duckdb_keeps_its_types(shop: Path) -> None:
    for source in ("dükkân.duckdb", f"duckdb:///{shop / 'dükkân.duckdb'}"):
        table = read(shop, source, table="t")
        assert table.dtypes == [
            pl.Int64,
            pl.Float64,
            pl.Datetime("us", "UTC"),
            pl.Date,
            pl.Boolean,
            pl.Int64,
            pl.Int64,
        ]
        assert table["no"][0] == 2**53 + 1


@pytest.mark.data
def test_a_cube_over_a_real_star_keeps_its_dimensions(data_dir: Path) -> None:
    cube = CubeSettings(
        fact="Order Details",
        dimensions=("Products.CategoryID", "Products.ProductName"),
        measures=("sum(Quantity)", "avg(UnitPrice)", "count(*)"),
        joins={"Products": "ProductID"},
    )
    with take(NORTHWIND, data_dir, DataSettings(cube=cube)) as snapshot:
        assert snapshot.retrieval.dimensions == ("CategoryID", "ProductName")
        assert "GROUP BY" in snapshot.retrieval.query
    found = read(data_dir, NORTHWIND, cube=cube)
    assert found.columns == ["CategoryID", "ProductName", "sum_Quantity", "avg_UnitPrice", "rows"]
    with closing(sqlite3.connect(data_dir / NORTHWIND)) as connection:
        whole = connection.execute('SELECT sum(Quantity), count(*) FROM "Order Details"').fetchone()
    assert (found["sum_Quantity"].sum(), found["rows"].sum()) == whole


@pytest.mark.parametrize(
    ("cube", "words"),
    [
        (CubeSettings(fact="f", dimensions=("store.city",), measures=("count(*)",)), "joins says nothing"),
        (CubeSettings(fact="f", measures=("amount",)), "no measure"),
        (CubeSettings(fact="f", measures=("sum(*)",)), "no measure"),
        (CubeSettings(fact="f", dimensions=("a",)), "no measures"),
        (CubeSettings(fact="f", dimensions=("a", "s.a"), measures=("count(*)",), joins={"s": "x"}), "two"),
    ],
)
def test_a_cube_that_says_too_little_is_refused(shop: Path, cube: CubeSettings, words: str) -> None:
    with pytest.raises(InvalidConfig, match=words) as caught:
        read(shop, "dükkân.sqlite", cube=cube)
    assert caught.value.hint


@pytest.mark.parametrize("source", ["dükkân.sqlite", "dükkân.duckdb"])
def test_what_is_asked_wrongly_is_said(shop: Path, source: str, temporary: Path) -> None:
    with pytest.raises(InvalidConfig, match="what to read"):
        read(shop, source)
    with pytest.raises(InvalidConfig, match="query and table"):
        read(shop, source, query="SELECT 1", table="t")
    with pytest.raises(NotFound, match="yok"):
        read(shop, source, table="yok")
    with pytest.raises((NotFound, InvalidInput), match="yok"):
        read(shop, source, query="SELECT * FROM yok")
    with pytest.raises(InvalidData, match="two columns"):
        read(shop, source, query="SELECT 1 AS a, 2 AS a")
    with pytest.raises(InvalidData, match="no rows"):
        read(shop, source, query="SELECT 1 AS a WHERE 1 = 2")
    with pytest.raises(NotFound, match="there is no file"):
        read(shop, f"yok.{source}", table="t")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM satış",
        "INSERT INTO satış (no) VALUES (1)",
        "UPDATE satış SET no = 1",
        "DROP TABLE satış",
        "CREATE TABLE x AS SELECT 1",
        "WITH x AS (DELETE FROM satış RETURNING no) SELECT * FROM x",
        "SELECT 1; DELETE FROM satış",
        "PRAGMA writable_schema = 1",
        "ATTACH 'x' AS y",
        "COPY satış TO 'x.csv'",
        "VACUUM",
    ],
)
@pytest.mark.parametrize("source", ["dükkân.sqlite", "dükkân.duckdb", "postgresql://h/d", "mysql://h/d"])
def test_a_query_that_would_write_is_refused_before_it_is_asked(shop: Path, source: str, query: str) -> None:
    with pytest.raises((Refused, InvalidConfig)):
        read(shop, source, query=query)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"a,b\n1,2\n" * 1000)
    (tmp_path / "a.duckdb").write_bytes(b"a,b\n1,2\n" * 1000)
    for name in ("a.sqlite", "a.duckdb"):
        with pytest.raises(InvalidInput, match=name):
            read(tmp_path, name, table="t")


def test_a_value_that_is_not_what_its_column_declares_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t (d DATE, b BOOLEAN, n INTEGER)")
        connection.execute("INSERT INTO t VALUES ('31.12.2024', 7, 'x')")
        connection.execute("INSERT INTO t VALUES ('2024-12-31', 1, 1)")
        connection.commit()
    for column in ("d", "b", "n"):
        with pytest.raises(InvalidData, match=f"'{column}'"):
            read(tmp_path, "a.db", query=f"SELECT {column} FROM t")


def test_rows_and_bytes_are_known_beforehand(shop: Path) -> None:
    for source, table in (("dükkân.sqlite", "satış"), ("dükkân.duckdb", "t")):
        request = request_of(source, shop, DataSettings(table=table))
        estimate = find_connector(source).estimate(request)
        assert estimate.rows in {20, 21}
        assert estimate.fetched
        assert estimate.stored


def test_names_are_quoted_in_the_words_of_each_database() -> None:
    request = request_of("sqlite:///a", Path(), DataSettings(table='şema.a "b"'))
    assert query_of(request, "postgres").text == 'SELECT * FROM "şema"."a ""b"""'
    assert query_of(request, "mysql").text == 'SELECT * FROM `şema`.`a "b"`'


VALUES = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.decimals(-(10**12), 10**12, places=3)), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=1, max_size=40),
)


@given(VALUES, st.integers(1, 7))
def test_every_value_comes_through_however_the_rows_are_cut(values: list[Any], step: int) -> None:
    groups = [[(each,) for each in values[at : at + step]] for at in range(0, len(values), step)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        rows = write_batches(rows_as_batches(["a"], groups, {}), path, len)
        column = pl.read_parquet(path)["a"].to_list()
        assert [each.name for each in Path(folder).iterdir()] == ["rows.parquet"]
    assert rows == len(values)
    assert column == values


def test_types_widen_from_one_group_of_rows_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kervan.data.connectors.batches.ROWS", 2)
    kinds = [pa.array([None, None]), pa.array([1, 2]), pa.array([0.5, None])]
    batches = [pa.record_batch([each], names=["a"]) for each in kinds]
    write_batches(batches, tmp_path / "rows.parquet", len)
    assert pl.read_parquet(tmp_path / "rows.parquet")["a"].to_list() == [None, None, 1.0, 2.0, 0.5, None]
    far = [pa.record_batch([each], names=["a"]) for each in (pa.array([2**53 + 1, 1]), pa.array([0.5, 1.0]))]
    with pytest.raises(InvalidData, match="'a'"):
        write_batches(far, tmp_path / "other.parquet", len)
