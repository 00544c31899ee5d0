"""A file of SQLite, opened to read only. Its types are those that its tables declare."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from kervan.core.errors import InvalidData, InvalidInput, KervanError, NotFound, did_you_mean
from kervan.core.fetching import Estimate, Fetched
from kervan.data.connectors.batches import ROWS, estimate_by, rows_as_batches
from kervan.data.connectors.sql import Query, fetch_rows, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from kervan.core.fetching import TableRequest, Tell

SCHEME = "sqlite:///"
ENDINGS = (".sqlite", ".sqlite3", ".db")


class SqliteConnector:
    """A table, a query or a cube of an SQLite file: `sqlite:///shop.db`, or a name that ends in `.sqlite`."""

    def accepts(self, location: str) -> bool:
        """Say whether it is such a URL or name."""
        return location.startswith("sqlite://") or (
            "://" not in location and location.lower().endswith(ENDINGS)
        )

    def estimate(self, request: TableRequest) -> Estimate:
        """Count the rows, and judge their size by some."""
        request.require_only("query", "table", "cube")
        with _reading(request) as (connection, query):
            ((rows,),) = connection.execute(query.count).fetchall()
            return estimate_by(_batches(connection, query, query.sample), rows)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file."""
        with _reading(request) as (connection, query):
            return fetch_rows(request, query, _batches(connection, query, query.text), folder, tell)


def database_file(request: TableRequest, scheme: str) -> Path:
    """Return the file of a database in one file, or raise `NotFound`."""
    location = request.location
    name = unquote(location.removeprefix(scheme)) if "://" in location else location
    path = request.folder / Path(name).expanduser()
    if "://" in name:
        raise InvalidInput(
            f"{request.source} names no file", hint=f"write {scheme}name, or {scheme}/whole/path"
        )
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check its name")
    return path


def _batches(connection: sqlite3.Connection, query: Query, text: str) -> Iterator[pa.RecordBatch]:
    """Give the rows of a text, whose columns are those of the query; a view tells how these are declared."""
    connection.execute(f"CREATE TEMP VIEW IF NOT EXISTS kervan_view AS {query.text}")
    declared = [row[2].upper() for row in connection.execute("PRAGMA temp.table_info(kervan_view)")]
    cursor = connection.execute(text)
    names = [each[0] for each in cursor.description]
    reads = [_as_declared(each, name) for each, name in zip(declared, names, strict=True)]

    def groups() -> Iterator[list[list[Any]]]:
        while rows := cursor.fetchmany(ROWS):
            yield [
                [read(value) if value is not None else None for read, value in zip(reads, row, strict=True)]
                for row in rows
            ]

    return rows_as_batches(names, groups(), {})


def _as_declared(declared: str, name: str) -> Callable[[Any], Any]:
    """Return how a column's values are read: SQLite itself has no booleans and no dates."""
    if declared.startswith("BOOL"):
        return lambda value: _boolean(value, name)
    if declared == "DATE":
        return lambda value: _time(value, name, days=True)
    if declared.startswith(("DATETIME", "TIMESTAMP")):
        return lambda value: _time(value, name, days=False)
    return lambda value: value


def _boolean(value: Any, name: str) -> bool:
    if value in {0, 1}:
        return bool(value)
    raise InvalidData(f"column {name!r} is declared BOOLEAN and holds {value!r}", hint="cast it in the query")


def _time(value: Any, name: str, *, days: bool) -> date | datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidData(
            f"column {name!r} is declared as a date or time and holds {value!r}", hint="cast it in the query"
        ) from error
    if not days:
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    if moment != datetime.combine(moment.date(), datetime.min.time()):
        raise InvalidData(
            f"column {name!r} is declared DATE and holds {value!r}", hint="cast it in the query"
        )
    return moment.date()


@contextmanager
def _reading(request: TableRequest) -> Iterator[tuple[sqlite3.Connection, Query]]:
    path = database_file(request, SCHEME)
    query = query_of(request, "sqlite")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            _check_table(request, connection)
            yield connection, query
    except KervanError:
        raise
    except sqlite3.DatabaseError as error:
        raise InvalidInput(
            f"{path.name}: SQLite says: {error}", hint="check the file, and the query"
        ) from error


def _check_table(request: TableRequest, connection: sqlite3.Connection) -> None:
    if not request.table:
        return
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    names = [name for (name,) in rows]
    if request.table.lower() not in {each.lower() for each in names}:
        raise NotFound(f"there is no table {request.table!r}", hint=did_you_mean(request.table, names))
