"""Every connector of ours passes the suite of its port."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import polars as pl
import psycopg
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake
from pyiceberg.catalog import load_catalog

from data.lakes import iceberg_catalog
from data.web import Page, Site, site
from kervan.core.config import DataSettings
from kervan.core.fetching import TableRequest
from kervan.core.plugins import TABLE, plugin
from kervan.core.ports import Connector
from kervan.data.connectors.find import request_of
from kervan.testing import ConnectorSuite


def parquet(table: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    table.write_parquet(written)
    return written.getvalue()


class OurSuite(ConnectorSuite):
    name = ""

    def adapter(self) -> Connector:
        found: Connector = plugin("connector", self.name)
        return found


class TestFile(OurSuite):
    name = "file"
    locations = ("a.csv", "/nowhere/İstanbul ı.parquet", "sales/*.csv", "file:///a.csv", "")
    others = ("https://host/a.csv", "s3://bucket/a.csv", "postgresql://host/db")

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        table.write_parquet(folder / "tablo.parquet")
        return request_of("tablo.parquet", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("yok.parquet", folder, None)


class TestFolder(TestFile):
    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        table.head(20).write_parquet(folder / "1.parquet")
        table.tail(-20).write_parquet(folder / "2.parquet")
        return request_of("*.parquet", folder, None)

    def read(self, fetched: Any) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(each) for each in fetched.files)


class TestHttp(OurSuite):
    name = "http"
    locations = ("http://127.0.0.1:9/a.csv", "HTTPS://nowhere.invalid/")

    @pytest.fixture(autouse=True)
    def _site(self) -> Iterator[None]:
        with site() as self.web:
            yield

    web: Site

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        self.web.pages["/t"] = Page(parquet(table))
        return request_of(f"{self.web.url}/t", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of(f"{self.web.url}/yok", folder, None)


class TestBucket(OurSuite):
    name = "bucket"
    locations = (
        "s3://b/a.csv",
        "gs://b/*.csv",
        "az://b/f",
        "abfss://c@a.dfs.core.windows.net/x",
        "hdfs://h/a",
        "memory://x",
    )

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        fsspec.filesystem("memory").pipe("/kova/t.parquet", parquet(table))
        return request_of("memory://kova/t.parquet", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("memory://kova/yok.parquet", folder, None)


class TestDelta(OurSuite):
    name = "delta"
    locations = ("delta:sales", "delta:/nowhere/sales", "delta+s3://bucket/sales", "delta+az://c/t")
    others = ("deltas/a.csv", "sales", "s3://bucket/sales", "delta+sales")

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        write_deltalake(folder / "göl", table)
        return request_of("delta:göl", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("delta:yok", folder, None)


class TestDeltaFolder(TestFile):
    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        write_deltalake(folder / "göl", table)
        (folder / "göl" / "left-over.parquet").write_bytes(b"no file of the table")
        return request_of("göl", folder, None)


class TestIceberg(OurSuite):
    name = "iceberg"
    locations = ("iceberg:lake.sales.orders", "iceberg:a.b.c.d")
    others = ("lake.sales.orders", "icebergs.csv")

    @pytest.fixture(autouse=True)
    def _configured(self, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.properties = iceberg_catalog(tmp_path_factory.mktemp("lake"), monkeypatch)

    properties: dict[str, str]

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        catalog = load_catalog("lake", **self.properties)
        catalog.create_namespace("sales")
        rows = table.to_arrow()
        catalog.create_table("sales.orders", rows.schema).append(rows)
        return request_of("iceberg:lake.sales.orders", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("iceberg:lake.sales.yok", folder, None)


class DatabaseSuite(OurSuite):
    """Databases: a table that is put replaces the one before."""

    def request(self, source: str, folder: Path, table: str) -> TableRequest:
        return request_of(source, folder, DataSettings(table=table))


class TestSqlite(DatabaseSuite):
    name = "sqlite"
    locations = ("sqlite:///a.sqlite", "sqlite:////nowhere/a.db", "a.sqlite3", "a.db")
    source = "sqlite:///t.sqlite"

    def table(self) -> pl.DataFrame:
        """Return it without a zone, which SQLite has not."""
        return super().table().with_columns(pl.col("an").dt.replace_time_zone(None))

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        with closing(sqlite3.connect(folder / "t.sqlite")) as connection:
            connection.execute(
                "CREATE TABLE t (no INTEGER, gelir REAL, evli BOOLEAN, şehir TEXT, gün DATE, an TIMESTAMP)"
            )
            rows = [[str(each) if isinstance(each, date) else each for each in row] for row in table.rows()]
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.commit()
        return self.request(self.source, folder, "t")

    def absent(self, folder: Path) -> TableRequest:
        self.put(self.table(), folder)
        return self.request(self.source, folder, "yok")


class TestDuckdb(DatabaseSuite):
    name = "duckdb"
    locations = ("duckdb:///a.duckdb", "a.duckdb")

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        with duckdb.connect(str(folder / "t.duckdb")) as connection:
            connection.register("there", table.to_arrow())
            connection.execute("CREATE TABLE t AS SELECT * FROM there")
        return self.request("t.duckdb", folder, "t")

    def absent(self, folder: Path) -> TableRequest:
        self.put(self.table(), folder)
        return self.request("t.duckdb", folder, "yok")


@pytest.mark.service
class TestPostgresql(DatabaseSuite):
    name = "postgresql"
    locations = ("postgresql://h/d", "postgres://h/d", "postgresql+psycopg://h/d")

    @pytest.fixture(autouse=True)
    def _server(self, postgres_nothing: str) -> None:
        self.url = postgres_nothing

    url: str

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE t (no BIGINT, gelir FLOAT8, evli BOOLEAN, şehir TEXT, gün DATE, an TIMESTAMPTZ)"
            )
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", table.rows())
        return self.request(self.url, folder, "t")

    def absent(self, folder: Path) -> TableRequest:
        return self.request(self.url, folder, "yok")


class TestSqlalchemy(TestPostgresql):
    name = "sqlalchemy"
    locations = (
        "snowflake://u@a/d",
        "bigquery://p",
        "mssql+pyodbc://h/d",
        "redshift://h/d",
        "sqlite+pysqlite:///a",
    )


@pytest.mark.service
class TestMysql(DatabaseSuite):
    name = "mysql"
    locations = ("mysql://h/d", "mariadb://h/d", "mysql+pymysql://h/d")

    @pytest.fixture(autouse=True)
    def _server(self, mysql_url: str) -> None:
        self.url = mysql_url

    url: str

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        with sa.create_engine(self.url.replace("mysql:", "mysql+pymysql:")).begin() as connection:
            connection.exec_driver_sql("SET time_zone = '+00:00'")
            connection.exec_driver_sql(
                "CREATE OR REPLACE TABLE t (no BIGINT, gelir DOUBLE, evli TINYINT(1), şehir TEXT, gün DATE, "
                "an TIMESTAMP(6))"
            )
            rows = [(*row[:5], row[5].replace(tzinfo=None)) for row in table.rows()]
            connection.exec_driver_sql("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", rows)
        return self.request(self.url, folder, "t")

    def absent(self, folder: Path) -> TableRequest:
        return self.request(self.url, folder, "yok")


def test_none_of_our_connectors_is_left_out() -> None:
    suites = [each for each in globals().values() if isinstance(each, type) and issubclass(each, OurSuite)]
    elsewhere = {"spark"}  # tests/data/test_spark.py, which starts it once
    ours = {row.name for row in TABLE if row.kind == "connector"}
    assert ({each.name for each in suites} | elsewhere) - {""} == ours
