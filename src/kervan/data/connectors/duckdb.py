"""A file of DuckDB, opened to read only; columns come as Arrow, with their types."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, KervanError, NotFound
from kervan.core.fetching import Estimate, Fetched
from kervan.data.connectors.batches import ROWS, all_batches, estimate_by
from kervan.data.connectors.sql import Query, fetch_rows, query_of
from kervan.data.connectors.sqlite import database_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.fetching import TableRequest, Tell

SCHEME = "duckdb:///"


class DuckdbConnector:
    """A table, a query or a cube of a DuckDB file: `duckdb:///shop.duckdb`, or a name that ends so."""

    def accepts(self, location: str) -> bool:
        """Say whether it is such a URL or name."""
        return location.startswith("duckdb://") or (
            "://" not in location and location.lower().endswith((".duckdb", ".ddb"))
        )

    def estimate(self, request: TableRequest) -> Estimate:
        """Count the rows, and judge their size by some."""
        request.require_only("query", "table", "cube")
        with _reading(request) as (connection, query):
            ((rows,),) = connection.execute(query.count).fetchall()
            return estimate_by(all_batches(connection.sql(query.sample).to_arrow_reader(ROWS)), rows)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file."""
        with _reading(request) as (connection, query):
            batches = all_batches(connection.sql(query.text).to_arrow_reader(ROWS))
            return fetch_rows(request, query, batches, folder, tell)


@contextmanager
def _reading(request: TableRequest) -> Iterator[tuple[Any, Query]]:
    import duckdb

    path = database_file(request, SCHEME)
    query = query_of(request, "duckdb")
    try:
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection, query
    except KervanError:
        raise
    except duckdb.CatalogException as error:
        raise NotFound(_first(error), hint="check the names in [data] table or query") from error
    except duckdb.Error as error:
        raise InvalidInput(f"{path.name}: {_first(error)}", hint="check the file, and the query") from error


def _first(error: Exception) -> str:
    return " ".join(str(error).split("LINE 1")[0].split())
