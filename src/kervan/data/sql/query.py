"""Queries over one table, which is called `data`; they reach nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, first_line
from kervan.data.sql.words import reaching, tokens

if TYPE_CHECKING:
    import polars as pl

_TABLE = "data"


def run_query(text: str, table: pl.DataFrame, place: str) -> pl.DataFrame:
    """Run a query, or raise `InvalidConfig`: it begins like a select, reads no file, and fits the table."""
    import polars as pl

    words = [each.lower() for each in tokens(text) if each.strip() and not each.startswith(("--", "/*"))]
    if not words or words[0] not in {"select", "with"}:
        raise _refused(place, "it is no select")
    if function := reaching(text):
        raise _refused(place, f"{function} would read a file, which nothing would put on record")
    try:
        return pl.SQLContext({_TABLE: table}, register_globals=False).execute(text, eager=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _refused(place, first_line(error)) from error


def _refused(place: str, reason: str) -> InvalidConfig:
    return InvalidConfig(
        f"{place}: the query cannot be used: {reason}",
        hint="write a query over the table `data`: `select * from data where …`",
    )
