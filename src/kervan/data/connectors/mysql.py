"""MySQL and MariaDB: rows stream from the server while they are written."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kervan.core.errors import InvalidInput, KervanError, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched
from kervan.data.connectors.batches import ROWS, estimate_by, rows_as_batches
from kervan.data.connectors.sql import fetch_rows, query_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from kervan.core.fetching import TableRequest, Tell

_SCHEMES = ("mysql", "mariadb")
_PORT = 3306
_MISSING = {1146: "table", 1049: "database", 1054: "column"}
_LOGIN = {1044, 1045, 1698}
_LOST = {2002, 2003, 2006, 2013, 2055, 1927, 1053, 1317}
_TINY, _TIMESTAMP = 1, 7
_BINARY = 63  # the character set of bytes


class MysqlConnector:
    """A table, a query or a cube of a MySQL or MariaDB server, in a transaction that only reads.

    Logins that the address leaves out come from `~/.my.cnf`.
    """

    def accepts(self, location: str) -> bool:
        """Say whether it is a URL of MySQL or MariaDB."""
        scheme, mark, _ = location.partition("://")
        return bool(mark) and scheme.partition("+")[0] in _SCHEMES

    def estimate(self, request: TableRequest) -> Estimate:
        """Let the server count the rows, and judge their size by some."""
        request.require_only("query", "table", "cube")
        query = query_of(request, "mysql")
        with _reading(request) as cursor:
            cursor.execute(query.count)
            ((rows,),) = cursor.fetchall()
            cursor.execute(query.sample)
            return estimate_by(_batches(cursor), rows)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Write the rows to a Parquet file while they come."""
        query = query_of(request, "mysql")
        with _reading(request) as cursor:
            cursor.execute(query.text)
            return fetch_rows(request, query, _batches(cursor), folder, tell)


def _batches(cursor: Any) -> Iterator[pa.RecordBatch]:
    names = [each[0] for each in cursor.description]
    return rows_as_batches(names, iter(lambda: cursor.fetchmany(ROWS), ()), _types(cursor.description))


def _types(description: Sequence[Sequence[Any]]) -> dict[str, pa.DataType]:
    """Return the types that values alone do not tell: booleans, and times that have a zone."""
    import pyarrow as pa

    found = {}
    for name, code, _, length, *_ in description:
        if code == _TINY and length == 1:
            found[name] = pa.bool_()
        elif code == _TIMESTAMP:
            found[name] = pa.timestamp("us", tz="UTC")
    return found


@contextmanager
def _reading(request: TableRequest) -> Iterator[Any]:
    """Open a transaction that reads, and say in words what its server complains about."""
    import pymysql
    from pymysql.cursors import SSCursor

    parts = urlsplit(request.location)
    own = Path("~/.my.cnf").expanduser()
    login: dict[str, Any] = {"read_default_file": str(own)} if own.is_file() else {}
    given = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or "").encode(),  # a text would be sent as Latin-1
        "host": parts.hostname,
        "port": parts.port,
    }
    login |= {name: value for name, value in given.items() if value}
    try:
        connection = pymysql.connect(
            database=unquote(parts.path.strip("/")) or None, cursorclass=SSCursor, charset="utf8mb4", **login
        )
        cursor = connection.cursor()
        try:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute("START TRANSACTION READ ONLY")
            yield cursor
        finally:
            if cursor._result is not None:
                cursor._result.unbuffered_active = False  # what is left of a stream is not read to its end
            connection._force_close()
    except KervanError:
        raise
    except (pymysql.MySQLError, OSError) as error:
        raise _told(error) from error


def _told(error: Exception) -> KervanError:
    code = error.args[0] if error.args else 0
    words = str(error.args[-1] if error.args else error)
    if code in _MISSING:
        return NotFound(words, hint=f"check the name of the {_MISSING[code]}")
    if code in _LOGIN:
        return InvalidInput(words, hint="write the login to ~/.my.cnf, or say ${NAME} in the address")
    if code in _LOST or isinstance(error, OSError):
        return ServerFailed(
            f"the server does not answer, or broke off: {words}", hint="check the address, and that it runs"
        )
    return InvalidInput(f"the server refuses the query: {words}", hint="mend `query` in [data]")
