"""Queries over one table, which is called `data`; they reach nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, first_line
from kervan.data.fits import held
from kervan.data.pieces import batch_rows
from kervan.data.room import writing_table
from kervan.data.sql.words import holds_all, is_of_one_row, reaching, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.data.pieces import Pieces

_TABLE = "data"


def run_query(text: str, table: pl.DataFrame, place: str) -> pl.DataFrame:
    """Run a query, or raise `InvalidConfig`: it begins like a select, reads no file, and fits the table."""
    import polars as pl

    _check(text, place)
    with _telling(place):
        return pl.SQLContext({_TABLE: table}, register_globals=False).execute(text, eager=True)


def run_in_pieces(text: str, table: Pieces, place: str, folder: Path) -> Iterator[pl.DataFrame]:
    """Run a query over a table in pieces and yield what it gives in pieces; raises as `run_query` does.

    Where each row comes of one row, it runs over one piece after the other. What sums up runs in the
    streaming engine; what sorts or joins all rows is refused unless they fit into memory. `folder` is a new
    one for what is between.
    """
    # What the query says of columns is asked first, by an empty table; one that names none has a row there.
    without_rows = run_query(text, table.at(0, table.columns).head(0), place)
    if is_of_one_row(text) and not without_rows.height:
        yield from (run_query(text, piece, place) for piece in table)
    elif holds_all(text):
        yield run_query(text, held(table, named(text, table.columns), place, hint=_HINT), place)
    else:
        yield from _streamed(text, table, place, folder)


def named(text: str, columns: list[str]) -> list[str]:
    """Return the columns that a query names; all of them where it has a star.

    >>> named('select "a b", c from data', ["a b", "c", "d"])
    ['a b', 'c']
    """
    found = {each.strip('"').lower() for each in tokens(text)}
    return columns if "*" in found else [name for name in columns if name.lower() in found]


def _streamed(text: str, table: Pieces, place: str, folder: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    folder.mkdir(parents=True)
    path, rows = folder / "found.parquet", batch_rows(table.width)
    with _telling(place):
        query = pl.SQLContext({_TABLE: table.lazy()}, register_globals=False).execute(text)
        with writing_table(folder):
            query.sink_parquet(path, compression="lz4", row_group_size=rows)
    found = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    height = int(found.select(pl.len()).collect().item())
    for start in range(0, max(1, height), rows):
        yield found.slice(start, rows).collect()


def _check(text: str, place: str) -> None:
    words = [each.lower() for each in tokens(text) if each.strip() and not each.startswith(("--", "/*"))]
    if not words or words[0] not in {"select", "with"}:
        raise _refused(place, "it is no select")
    if function := reaching(text):
        raise _refused(place, f"{function} would read a file, which nothing would put on record")


@contextmanager
def _telling(place: str) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _refused(place, first_line(error)) from error


def _refused(place: str, reason: str) -> InvalidConfig:
    return InvalidConfig(
        f"{place}: the query cannot be used: {reason}",
        hint="write a query over the table `data`: `select * from data where …`",
    )


_HINT = "leave out what sorts or joins all rows, filter or aggregate before, or name fewer columns"
