"""Tables out of real servers of PostgreSQL and MariaDB, also such as die in the middle."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import psycopg
import pymysql
import pytest

from kervan.core.config import CubeSettings, DataSettings
from kervan.core.errors import InvalidData, InvalidInput, KervanError, NotFound, Refused, ServerFailed
from kervan.core.fetching import nobody
from kervan.data.connectors.find import find_connector, request_of
from kervan.data.connectors.postgresql import PostgresqlConnector
from kervan.data.connectors.sqlalchemy import SqlalchemyConnector
from kervan.data.ingest import load, take

pytestmark = pytest.mark.service

ROWS = 200_000  # several batches, and more than what waits in a socket
_NAMES = (f"tablo_{number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def postgres(postgres_nothing: str) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    url = postgres_nothing.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield url, connection


@pytest.fixture
def maria(mysql_url: str) -> Iterator[tuple[str, Any]]:
    name = next(_NAMES)
    port = urlsplit(mysql_url).port
    with pymysql.connect(host="127.0.0.1", port=port or 0, user="root", autocommit=True) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        connection.select_db(name)
        yield f"{mysql_url.rpartition('/')[0]}/{name}", connection
        connection.cursor().execute(f"DROP DATABASE {name}")


def read(source: str, **what: Any) -> pl.DataFrame:
    return load(source, Path("/nowhere"), DataSettings(**what)).table


def fetched(source: str, **what: Any) -> pl.DataFrame:
    """What came, before its types are brought to the few that tables here have."""
    with take(source, Path("/nowhere"), DataSettings(**what)) as snapshot:
        return pl.read_parquet(snapshot.path)


TYPES = """
CREATE TABLE "tip ler" AS SELECT
  9007199254740993 + i AS büyük, i::smallint AS küçük, i / 3.0::float8 AS oran,
  (i / 7.0)::numeric(12, 2) AS tutar,
  CASE WHEN i = 5 THEN 'NaN' ELSE i::numeric / 8 END AS pay, '00' || i AS posta, i % 2 = 0 AS var,
  DATE '2024-02-29' AS gün, TIMESTAMPTZ '2024-03-31 01:30:00.123456+03' AS an,
  TIMESTAMP '2024-03-31 02:30:00' AS saat, CASE WHEN i % 3 = 0 THEN NULL ELSE i END AS boş,
  '{"a": 1}'::jsonb AS j, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS u
FROM generate_series(0, 29) AS r(i)
"""


def test_postgresql_keeps_types(postgres: tuple[str, psycopg.Connection[Any]]) -> None:
    url, connection = postgres
    connection.execute(TYPES)
    came = fetched(url, table="tip ler")
    assert came.schema["tutar"] == pl.Decimal(4, 2) or came.schema["tutar"].is_decimal()
    table = read(url, table="tip ler")
    assert table.row(4) == (
        9007199254740997,
        4,
        4 / 3,
        0.57,
        0.5,
        "004",
        True,
        date(2024, 2, 29),
        datetime(2024, 3, 30, 22, 30, 0, 123456, tzinfo=UTC),
        datetime(2024, 3, 31, 2, 30),
        4,
        '{"a": 1}',
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    )
    assert table["boş"].null_count() == 10
    assert table["pay"].null_count() == 1
    assert table.schema["an"] == pl.Datetime("us", "UTC")
    query = 'SELECT gün, count(*) AS n FROM "tip ler" GROUP BY büyük, gün;'
    assert read(url.replace("postgresql", "postgresql+psycopg"), query=query).shape == (30, 2)
    with pytest.raises(InvalidData, match="no rows"):
        read(url, query='SELECT * FROM "tip ler" WHERE küçük < 0')


def test_mariadb_keeps_types(maria: tuple[str, Any]) -> None:
    url, connection = maria
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE `tip ler` (büyük BIGINT, tutar DECIMAL(12, 2), oran DOUBLE, posta VARCHAR(9), "
        "an TIMESTAMP(6) NULL, saat DATETIME(6), gün DATE, var TINYINT(1), boş INT)"
    )
    cursor.execute("SET time_zone = '+03:00'")
    rows = [
        (
            2**53 + 1 + row,
            f"{row}.50",
            row / 3,
            f"ığ 00{row}",
            "2024-03-31 01:30:00.123456",
            "2024-03-31 02:30:00.5",
            "2024-02-29",
            row % 2,
            None if row % 3 == 0 else row,
        )
        for row in range(30)
    ]
    cursor.executemany(f"INSERT INTO `tip ler` VALUES ({', '.join(['%s'] * 9)})", rows)
    assert fetched(url, table="tip ler").schema["tutar"].is_decimal()
    table = read(url, table="tip ler")
    assert table.row(4) == (
        2**53 + 5,
        4.5,
        4 / 3,
        "ığ 004",
        datetime(2024, 3, 30, 22, 30, 0, 123456, tzinfo=UTC),
        datetime(2024, 3, 31, 2, 30, 0, 500_000),
        date(2024, 2, 29),
        False,
        4,
    )
    assert table["boş"].null_count() == 10
    cursor.execute("UPDATE `tip ler` SET var = 7 WHERE boş = 4")
    assert read(url, table="tip ler")["var"].max() == 7


def test_a_cube_of_a_server(postgres: tuple[str, psycopg.Connection[Any]], maria: tuple[str, Any]) -> None:
    statements = (
        "CREATE TABLE mağaza (id INT, şehir VARCHAR(20))",
        "CREATE TABLE satış (mağaza_id INT, tutar INT, ay INT)",
        "INSERT INTO mağaza VALUES (1, 'İzmir'), (2, 'Muş')",
        *(f"INSERT INTO satış VALUES ({1 + at % 2}, {at}, {at % 6})" for at in range(36)),
    )
    cube = CubeSettings(
        fact="satış",
        dimensions=("mağaza.şehir", "ay"),
        measures=("sum(tutar)", "count(*)"),
        joins={"mağaza": "mağaza_id = id"},
    )
    cursor = maria[1].cursor()
    for statement in statements:
        postgres[1].execute(statement)
        cursor.execute(statement)
    for url in (postgres[0], maria[0]):
        with take(url, Path(), DataSettings(cube=cube)) as snapshot:
            table = pl.read_parquet(snapshot.path)
            assert snapshot.retrieval.dimensions == ("şehir", "ay")
        assert table.columns == ["şehir", "ay", "sum_tutar", "rows"]
        assert int(table["sum_tutar"].sum()) == sum(range(36))


def test_the_database_itself_is_asked_to_read_only(postgres: tuple[str, psycopg.Connection[Any]]) -> None:
    url, connection = postgres
    connection.execute("CREATE SEQUENCE sıra")
    with pytest.raises(InvalidInput, match="read-only"):
        read(url, query="SELECT nextval('sıra') FROM generate_series(1, 20)")
    with pytest.raises(Refused):
        read(url, query="WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 'infinity'::timestamp AS an", "infinite times"),
        ("SELECT 'infinity'::date AS an", "infinite times"),
        ("SELECT 'infinity'::numeric AS an", "infinite numbers"),
        ("SELECT interval '1 day' AS an", "intervals"),
    ],
)
def test_values_that_no_table_has_are_named(
    postgres: tuple[str, psycopg.Connection[Any]], query: str, words: str
) -> None:
    with pytest.raises(InvalidData, match=words) as caught:
        read(postgres[0], query=query)
    assert caught.value.hint


def test_what_is_not_there_is_named(
    postgres: tuple[str, psycopg.Connection[Any]], maria: tuple[str, Any]
) -> None:
    for url in (postgres[0], maria[0]):
        with pytest.raises(NotFound, match="yok"):
            read(url, table="yok")
        with pytest.raises(KervanError, match="yok"):
            read(url.rpartition("/")[0] + "/yok", table="t")
    for url in ("postgresql://ayşe@127.0.0.1:9/d", "mysql://ayşe@127.0.0.1:9/d"):
        with pytest.raises(ServerFailed) as caught:
            read(url, table="t")
        assert caught.value.hint
    with pytest.raises(InvalidInput, match="denied"):
        read(maria[0].replace("root", "kimse"), table="t")


def test_a_password_of_the_environment_is_never_shown(
    maria: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, connection = maria
    connection.cursor().execute("CREATE OR REPLACE USER bakan@'%' IDENTIFIED BY 'gizli/şifre@1'")
    connection.cursor().execute("GRANT SELECT ON *.* TO bakan@'%'")
    connection.cursor().execute("CREATE TABLE t AS SELECT seq AS a FROM seq_1_to_20")
    monkeypatch.setenv("SIFRE", "gizli/şifre@1")
    source = url.replace("root@", "bakan:${SIFRE}@")
    with take(source, Path(), DataSettings(table="t")) as snapshot:
        assert snapshot.source == source
        assert "gizli" not in repr(snapshot)
    monkeypatch.setenv("BURASI", url.replace("root@", "bakan:yanlışgizli@"))
    with pytest.raises(InvalidInput) as caught:
        read("${BURASI}", table="t")
    assert "gizli" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def _cut(after: Callable[[], None]) -> Callable[[str], None]:
    """Do something once, when the first rows were written."""
    done: list[str] = []

    def tell(text: str) -> None:
        if not done:
            done.append(text)
            after()

    return tell


def test_a_server_that_dies_in_the_middle_leaves_nothing(
    postgres: tuple[str, psycopg.Connection[Any]], maria: tuple[str, Any], tmp_path: Path, temporary: Path
) -> None:
    wide = "repeat('x', 300)"
    postgres[1].execute(f"CREATE TABLE t AS SELECT i, {wide} AS s FROM generate_series(1, {ROWS}) r(i)")
    maria[1].cursor().execute(f"CREATE TABLE t AS SELECT seq AS i, {wide} AS s FROM seq_1_to_{ROWS}")

    def end_postgres() -> None:
        postgres[1].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE state = 'active' AND query LIKE 'COPY%'"
        )

    def end_maria() -> None:
        cursor = maria[1].cursor()
        cursor.execute("SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT * FROM `t`%'")
        for (process,) in cursor.fetchall():
            cursor.execute(f"KILL {process}")

    for (url, _), end in ((postgres, end_postgres), (maria, end_maria)):
        request = request_of(url, Path(), DataSettings(table="t"))
        folder = tmp_path / urlsplit(url).scheme
        folder.mkdir()
        with pytest.raises(ServerFailed, match="broke off"):
            find_connector(url).fetch(request, folder, _cut(end))
        assert not [each for each in folder.iterdir() if each.name == "t.parquet"]
        assert fetched(url, table="t").height == ROWS
    assert list(temporary.iterdir()) == []


def test_an_interrupt_leaves_nothing_and_starts_again(
    postgres: tuple[str, psycopg.Connection[Any]], temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, connection = postgres
    connection.execute(f"CREATE TABLE t AS SELECT i FROM generate_series(1, {ROWS}) r(i)")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kervan.data.ingest.Seldom", lambda _: interrupt)
        with pytest.raises(KeyboardInterrupt):
            take(url, Path(), DataSettings(table="t"))
    assert list(temporary.iterdir()) == []
    assert fetched(url, table="t").height == ROWS


def test_the_planner_says_how_much_it_will_be(postgres: tuple[str, psycopg.Connection[Any]]) -> None:
    url, connection = postgres
    connection.execute("CREATE TABLE t AS SELECT i, 'abc' AS s FROM generate_series(1, 5000) r(i)")
    connection.execute("ANALYZE t")
    estimate = PostgresqlConnector().estimate(request_of(url, Path(), DataSettings(table="t")))
    assert estimate.rows == 5000
    assert estimate.fetched
    assert estimate.stored


def test_any_dialect_of_sqlalchemy_is_read(
    postgres: tuple[str, psycopg.Connection[Any]], postgres_url: str, tmp_path: Path
) -> None:
    url, connection = postgres
    connection.execute(
        "CREATE TABLE t AS SELECT i, (i / 4.0)::numeric(9, 2) AS d FROM generate_series(1, 50) r(i)"
    )
    driven = url.replace("postgresql", "postgresql+psycopg")
    connector = SqlalchemyConnector()
    request = request_of(driven, Path(), DataSettings(table="t"))
    assert connector.estimate(request).rows == 50
    came = pl.read_parquet(connector.fetch(request, tmp_path, nobody).path)
    assert came["i"].to_list() == list(range(1, 51))
    assert came.schema["d"].is_decimal()
    with pytest.raises(InvalidInput, match="yok"):
        connector.fetch(request_of(driven, Path(), DataSettings(table="yok")), tmp_path, nobody)
    with pytest.raises(InvalidInput, match="package") as caught:
        read("snowflake://u@account/db", table="t")
    assert "snowflake-sqlalchemy" in caught.value.hint
