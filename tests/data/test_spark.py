"""Tables and DataFrames of a real Spark, which this machine runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import kervan as kv
from kervan.core.errors import InvalidConfig, KervanError, NotFound
from kervan.core.fetching import TableRequest
from kervan.data.connectors.find import request_of
from kervan.data.connectors.spark import SparkConnector
from kervan.testing import ConnectorSuite

ROWS = 400


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.log.level": "OFF",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    yield found
    found.stop()


def test_a_dataframe_is_ingested(session: Any, tmp_path: Path) -> None:
    rows = [(at, float(at % 17), "evet" if at % 3 else "hayır") for at in range(ROWS)]
    frame = session.createDataFrame(rows, "no long, gelir double, bought string").repartition(3, "no")
    with kv.open(tmp_path) as workspace:
        first = workspace.ingest(frame, target="bought", name="spark")
        assert (first.dataset.rows, first.ref) == (ROWS, "spark:1")
        assert workspace.ingest(frame, target="bought", name="spark").ref == "spark:1"


def test_an_empty_dataframe_is_refused(session: Any, tmp_path: Path) -> None:
    frame = session.createDataFrame([], "no long, bought string")
    with kv.open(tmp_path) as workspace, pytest.raises(KervanError, match="no rows"):
        workspace.ingest(frame, target="bought", name="spark")


def test_types_of_spark_are_kept(session: Any, tmp_path: Path) -> None:
    pay, moment = "CAST(1.10 AS DECIMAL(10, 2)) AS pay", "TIMESTAMP'2024-03-31 01:30' AS an"
    text = f"SELECT {pay}, 9007199254740993L AS no, {moment}"
    session.sql(text).createOrReplaceTempView("kinds")
    found = SparkConnector().fetch(request_of("spark:kinds", tmp_path, None), tmp_path, lambda _: None)
    row = pl.read_parquet(found.path).row(0)
    assert (str(row[0]), *row[1:]) == (
        "1.10",
        9_007_199_254_740_993,
        datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
    )


def test_a_version_of_a_table_is_refused(session: Any, tmp_path: Path) -> None:
    request = TableRequest(source="spark:t", version="3")
    with pytest.raises(InvalidConfig, match="as they are"):
        SparkConnector().fetch(request, tmp_path, lambda _: None)


class TestConnector(ConnectorSuite):
    locations = ("spark:orders", "spark:sales.orders")
    others = ("spark://host:7077", "sparks.csv")

    @pytest.fixture(autouse=True)
    def _session(self, session: Any) -> None:
        self.session = session

    session: Any

    def adapter(self) -> SparkConnector:
        return SparkConnector()

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        table.write_parquet(folder / "t.parquet")
        self.session.read.parquet(str(folder / "t.parquet")).createOrReplaceTempView("orders")
        return request_of("spark:orders", folder, None)

    def absent(self, folder: Path) -> TableRequest:
        return request_of("spark:yok.yok", folder, None)

    def test_what_is_not_there_is_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="knows no table"):
            self.fetch(self.absent(tmp_path), tmp_path / "here")


def test_a_table_is_read_back_equal(session: Any, tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(20), "b": [f"ş{at}" for at in range(20)]})
    table.write_parquet(tmp_path / "t.parquet")
    session.read.parquet(str(tmp_path / "t.parquet")).createOrReplaceTempView("plain")
    (tmp_path / "here").mkdir()
    found = SparkConnector().fetch(
        request_of("spark:plain", tmp_path, None), tmp_path / "here", lambda _: None
    )
    assert_frame_equal(pl.read_parquet(found.path), table)
