"""A rule that a query of SQL asks: the rows that it returns are those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.checking import REJECT
from kervan.core.errors import InvalidConfig
from kervan.data import fits
from kervan.data.checks.rule import FoundRule, rows_of
from kervan.data.checks.usable import tolerated
from kervan.data.pieces import Pieces
from kervan.data.sql.query import run_in_pieces, run_query

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


def query_rule(check: Check, asked: Asked) -> FoundRule:
    """Run a query over the table `data`, which can reach nothing else, and return what it found."""
    found = _found(check, asked)
    columns = asked.table.columns
    numbered = ((start, places(piece, found)) for start, piece in asked.numbered(columns))
    known = [(start, rows) for start, rows in numbered if rows is not None]
    rows = rows_of(known) if known else None
    if rows is None and check.severity == REJECT:
        raise InvalidConfig(
            f"{check.place}: the query does not return whole rows, so that nobody knows which to reject",
            hint="write `select * from data where …`",
        )
    return FoundRule(
        rule="sql",
        subject="",
        check=check,
        count=found.height if rows is None else len(rows),
        told=check.sql,
        rows=rows,
        tolerated=tolerated(check),
    )


def _found(check: Check, asked: Asked) -> pl.DataFrame:
    """Run the query; what it finds has to fit into memory."""
    import polars as pl

    if not isinstance(asked.table, Pieces):
        return run_query(check.sql, asked.table, check.place)
    found, size = [], 0
    for piece in run_in_pieces(check.sql, asked.table, check.place, asked.new_folder()):
        found.append(piece)
        size += int(piece.estimated_size())
        if size > fits.WHOLE_BYTES:
            raise InvalidConfig(
                f"{check.place}: the query finds more rows than fit into memory",
                hint="let it find fewer, or count them: `select … having count(*) > …`",
            )
    return pl.concat(found)


def places(table: pl.DataFrame, found: pl.DataFrame) -> pl.Series | None:
    """Return the places of all rows that equal one of those found, None if these are not whole rows."""
    if set(found.columns) != set(table.columns) or not found.height:
        return None if found.height else _no_places()
    numbered = table.with_row_index("\0row")
    same = numbered.join(found.select(table.columns).unique(), on=table.columns, how="semi", nulls_equal=True)
    return same["\0row"]


def _no_places() -> pl.Series:
    import polars as pl

    return pl.Series("\0row", [], dtype=pl.UInt32)
