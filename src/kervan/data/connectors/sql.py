"""The one query that is asked of a database: given, or made of a table or a cube. It only reads."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, Refused, first_line
from kervan.core.fetching import Fetched, Retrieval
from kervan.data.connectors.batches import write_batches
from kervan.data.connectors.cube import cube_query

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from kervan.core.fetching import TableRequest, Tell

SAMPLE = 1000  # rows by which the size of others is judged
_READING = re.compile(r"(?is)\s*(\(\s*)*(select|with|from|values|table)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query in the words of one database, and the columns of its result that are dimensions."""

    text: str
    dimensions: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """A query for a few rows of the result."""
        return f"SELECT * FROM ({self.text}) AS kervan_sample LIMIT {SAMPLE}"  # noqa: S608 - it was seen to read alone

    @property
    def count(self) -> str:
        """A query for the number of rows."""
        return f"SELECT count(*) FROM ({self.text}) AS kervan_count"  # noqa: S608


def query_of(request: TableRequest, dialect: str) -> Query:
    """Return the query that a request means.

    Raises `InvalidConfig` unless exactly one of query, table and cube is given, `Refused` for a query that
    would write.
    """
    given = [name for name in ("query", "table") if getattr(request, name)]
    given += ["cube"] if request.cube.fact else []
    if len(given) != 1:
        both = f"has {' and '.join(given)}" if given else "does not say what to read of the database"
        raise InvalidConfig(
            f"[data] {both}", hint='say one of these: table = "…", query = "SELECT …", or [data.cube]'
        )
    if request.query:
        return Query(text=_reading(request.query, dialect))
    if request.table:
        return Query(text=f"SELECT * FROM {quoted(request.table, dialect)}")  # noqa: S608
    return Query(
        text=cube_query(request.cube, dialect),
        dimensions=tuple(each.rpartition(".")[2] for each in request.cube.dimensions),
    )


def quoted(table: str, dialect: str) -> str:
    """Return a table's name, which may have that of a schema in front, as the database wants it.

    >>> quoted("shop.order lines", "postgres"), quoted("orders", "mysql")
    ('"shop"."order lines"', '`orders`')
    """
    mark = "`" if dialect == "mysql" else '"'
    return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in table.split("."))


def fetch_rows(
    request: TableRequest, query: Query, batches: Iterable[pa.RecordBatch], folder: Path, tell: Tell
) -> Fetched:
    """Write the rows of a query to a Parquet file while they come."""
    now = time.time()
    name = re.sub(r"[^\w.-]", "_", request.table or request.cube.fact or "query")
    path = folder / f"{name}.parquet"
    write_batches(batches, path, tell)
    retrieval = Retrieval(time=now, query=query.text, dimensions=query.dimensions)
    return Fetched(path=path, retrieval=retrieval)


def _reading(query: str, dialect: str) -> str:
    """Return a query without its last semicolon, or raise `Refused` if it does anything but read."""
    import sqlglot
    from sqlglot import exp

    text = query.strip().rstrip(";").rstrip()
    hint = "let it be one SELECT: Kervan changes nothing in a database"
    try:
        trees: list[Any] = sqlglot.parse(text, dialect=dialect or None)
    except sqlglot.errors.SqlglotError as error:
        if _READING.match(text) and ";" not in text:
            return text  # words that the parser does not know; the database itself is asked to read only
        raise InvalidConfig(f"[data] query is no SELECT: {first_line(error)}", hint=hint) from error
    if len(trees) != 1 or trees[0] is None:
        raise InvalidConfig(f"[data] query holds {len(trees)} statements", hint=hint)
    writes = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Drop, exp.Alter, exp.Copy, exp.Merge)
    reads = isinstance(trees[0], exp.Query)
    found = next((each for each in trees[0].find_all(*writes) if not isinstance(each, exp.Query)), None)
    if not reads or found is not None:
        what = type(found or trees[0]).__name__.upper()
        raise Refused(f"[data] query does more than read: {what}", hint=hint)
    return text
