"""PostgreSQL, by its own protocol for bulk reading (ADBC): columns come as Arrow, with their types."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, KervanError, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched
from kervan.data.connectors.batches import all_batches, estimate_by
from kervan.data.connectors.sql import fetch_rows, query_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.fetching import TableRequest, Tell

_SCHEME = re.compile(r"(postgresql|postgres)(\+\w+)?://")
_COPY = "adbc.postgresql.use_copy"
_ERROR = re.compile(r"\b(ERROR|FATAL):\s*(.+)")
_STOPPED = ("canceling statement", "terminating connection")
_MISSING = {"42P01": "table", "3F000": "schema", "3D000": "database", "42703": "column"}


class PostgresqlConnector:
    """A table, a query or a cube of a PostgreSQL server, which is asked for a transaction that only reads.

    Logins come as libpq finds them: `.pgpass`, `PGPASSWORD`, `pg_service.conf`, certificates.
    """

    def accepts(self, location: str) -> bool:
        """Say whether it is a URL of PostgreSQL."""
        return _SCHEME.match(location) is not None

    def estimate(self, request: TableRequest) -> Estimate:
        """Return what the server's planner thinks, and the sizes of some rows."""
        request.require_only("query", "table", "cube")
        query = query_of(request, "postgres")
        with _reading(request) as cursor:
            cursor.adbc_statement.set_options(**{_COPY: "false"})  # plans are no rows that could be copied
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query.text}")
            (plan,) = cursor.fetchone()
            rows = json.loads(plan)[0]["Plan"]["Plan Rows"]
            cursor.adbc_statement.set_options(**{_COPY: "true"})
            cursor.execute(query.sample)
            return estimate_by(all_batches(cursor.fetch_record_batch()), rows)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file while they come."""
        query = query_of(request, "postgres")
        with _reading(request) as cursor:
            cursor.execute(query.text)
            return fetch_rows(request, query, all_batches(cursor.fetch_record_batch()), folder, tell)


@contextmanager
def _reading(request: TableRequest) -> Iterator[Any]:
    """Open a transaction that reads, and say in words what its server complains about."""
    import adbc_driver_postgresql.dbapi as adbc
    from pyarrow import ArrowException

    location = _SCHEME.sub("postgresql://", request.location)
    try:
        with adbc.connect(location) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            yield cursor
    except KervanError:
        raise
    except (adbc.Error, ArrowException, OSError) as error:
        raise _told(error, request) from error


def _told(error: Exception, request: TableRequest) -> KervanError:
    state = getattr(error, "sqlstate", None) or ""
    found = _ERROR.search(str(error))
    words = found[2] if found else " ".join(str(error).split())
    if state in _MISSING:
        return NotFound(words, hint=f"check the name of the {_MISSING[state]}")
    is_refused = found is not None and found[1] == "ERROR" and not words.startswith(_STOPPED)
    if is_refused or state.startswith(("42", "22", "25", "0A")):
        return InvalidInput(f"PostgreSQL refuses the query: {words}", hint="mend `query` in [data]")
    if state.startswith("28"):
        return InvalidInput(words, hint="set PGPASSWORD, write .pgpass, or say ${NAME} in the address")
    return ServerFailed(
        f"PostgreSQL does not answer, or broke off: {words}", hint="check the address, and that it runs"
    )
