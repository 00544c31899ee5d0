"""Steps of a table in pieces that look at more than a row: what each reads of the table, and in what order.

Each yields how many rows it took, what became of them, and what was noticed, once or piece by piece.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.core import shaping
from kervan.core.errors import InvalidConfig
from kervan.data import fits
from kervan.data.buckets import ROW, first_equals, groups, in_order
from kervan.data.fits import held
from kervan.data.sql.expressions import expression
from kervan.data.sql.query import run_in_pieces
from kervan.data.steps import across, columns, escape, rows, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any, TypeAlias

    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.pieces import Pieces
    from kervan.data.steps.remark import Remark
    from kervan.data.steps.shape import Around

    Changed: TypeAlias = Iterator[tuple[int, pl.DataFrame, list[Remark]]]

_OF_EXPRESSION = "write it without other rows, or as a `sql` step that groups; or filter or aggregate before"


def _derive(table: Pieces, step: shaping.Derive, place: str, around: Around, folder: Path) -> Changed:
    """Compute columns one after the other, each by all rows of the columns that it names."""
    import polars as pl

    made = pl.DataFrame(height=table.height)
    remarks: list[Remark] = []
    for name, text in step.derive.items():
        frame = _named(table, made, text, place)
        found, noticed = columns.derived(frame, name, text, place)
        made = made.with_columns(found)
        remarks += noticed
    for start, piece in zip(table.starts(), table, strict=True):
        yield piece.height, piece.with_columns(made.slice(start, piece.height).get_columns()), remarks


def _named(table: Pieces, made: pl.DataFrame, text: str, place: str) -> pl.DataFrame:
    """Return the columns that an expression names: those that were made, and others of the table."""
    known = table.at(0, table.columns).head(0).with_columns(made.head(0).get_columns())
    names = dict.fromkeys(expression(text, known, place).meta.root_names())
    read = [name for name in names if name not in made.columns]
    return held(table, read, place, hint=_OF_EXPRESSION).with_columns(
        [made[name] for name in names if name in made.columns]
    )


def _filter(table: Pieces, step: shaping.Filter, place: str, around: Around, folder: Path) -> Changed:
    import polars as pl

    answer = rows.answers(_named(table, pl.DataFrame(height=table.height), step.filter, place), step, place)
    for start, piece in zip(table.starts(), table, strict=True):
        yield piece.height, *rows.kept(piece, answer.slice(start, piece.height))


def _deduplicate(
    table: Pieces, step: shaping.Deduplicate, place: str, around: Around, folder: Path
) -> Changed:
    """Keep one row of each that are equal; numbers for each row are held, and the column of the order."""
    import polars as pl

    same = first_equals(table, rows.compared(table, step, place), folder / "same")
    if not step.by:
        mask = _kept(same, step.keep)
        for start, piece in zip(table.starts(), table, strict=True):
            yield piece.height, piece.filter(pl.Series(mask[start : start + piece.height])), []
        return
    order = _order(table, step, place)
    found = in_order(table, order[_kept(same[order], step.keep)], folder / "order")
    yield from _all_at_once(table, found, [])


def _order(table: Pieces, step: shaping.Deduplicate, place: str) -> NDArray[np.int64]:
    """Return the numbers of the rows in the order of a column."""
    numbered = held(table, [step.by], place, hint="leave `by` out, or filter before").with_row_index(ROW)
    ordered = numbered.sort(step.by, maintain_order=True, nulls_last=step.keep == "first")
    return ordered[ROW].to_numpy().astype(np.int64)


def _kept(same: NDArray[np.int64], keep: str) -> NDArray[np.bool_]:
    """Say which rows stay, where equal ones have the same number."""
    if keep == "none":
        return np.asarray(np.bincount(same)[same] == 1)
    rows_of = np.arange(len(same))
    chosen = np.empty(len(same), dtype=np.int64)
    way = slice(None, None, -1 if keep == "first" else 1)
    chosen[same[way]] = rows_of[way]  # where a number comes again, the last row is written
    return np.asarray(chosen[same] == rows_of)


def _aggregate(table: Pieces, step: shaping.Aggregate, place: str, around: Around, folder: Path) -> Changed:
    wanted = across.figures(table, step, place)
    yield table.height, _grouped(table, list(step.by), wanted, place, folder), []


def _window(table: Pieces, step: shaping.Window, place: str, around: Around, folder: Path) -> Changed:
    """Compute figures from the columns that they name, of which all rows are held."""
    frame = held(table, window.read_by(step, table, place), place, hint="filter or leave rows out before")
    found, remarks = window.window(frame, step, place, around)
    made = found.select(list(step.window))
    for start, piece in zip(table.starts(), table, strict=True):
        yield piece.height, piece.with_columns(made.slice(start, piece.height).get_columns()), remarks
        remarks = window.nothing_more(remarks)


def _pivot(table: Pieces, step: shaping.Pivot, place: str, around: Around, folder: Path) -> Changed:
    import polars as pl

    wanted = across.cells(table, step, place)
    asked = table.lazy().select(many=pl.col(step.pivot).n_unique(), missing=pl.col(step.pivot).null_count())
    many, missing = asked.collect(engine="streaming").row(0)
    across.check_few(many, step, place)
    together = _grouped(table, [*step.by, step.pivot], wanted, place, folder)
    yield table.height, across.widened(together, step, place), [across.unnamed(missing, step)]


def _grouped(table: Pieces, by: list[str], wanted: list[pl.Expr], place: str, folder: Path) -> pl.DataFrame:
    """Return one row for each group, in the order in which they come, as long as these fit into memory.

    A bucket that is too large, as few groups have all rows, is summed up by the streaming engine, which may
    round sums of floating numbers in another order.
    """
    import polars as pl

    names = [name for each in wanted for name in each.meta.root_names()]
    found: list[pl.DataFrame] = []
    for bucket in groups(table, by, names, folder):
        is_small = fits.bytes_of(bucket, bucket.columns) <= fits.WHOLE_BYTES
        rows_of = bucket.whole() if is_small else bucket.lazy()
        found.append(across.grouped(rows_of, by, [*wanted, pl.col(ROW).min()], place))
        if sum(each.estimated_size() for each in found) > fits.WHOLE_BYTES:
            raise InvalidConfig(
                f"{place}: there are more groups than fit into memory",
                hint="group by fewer columns, or filter before",
            )
    return pl.concat(found).sort(ROW).drop(ROW)


def _unpivot(table: Pieces, step: shaping.Unpivot, place: str, around: Around, folder: Path) -> Changed:
    """Write one column behind the other, so that each is read in a pass of its own."""
    rest = across.index_of(table, step, place)
    kinds = across.unpivot(table.at(0, table.columns).head(0), step, place, around)[0].schema
    for number, name in enumerate(step.unpivot):
        one = replace(step, unpivot=(name,))
        for piece in table.only([*rest, name]):
            found, remarks = across.unpivot(piece, one, place, around)
            yield 0 if number else piece.height, found.cast(kinds), remarks


def _join(table: Pieces, step: shaping.Join, place: str, around: Around, folder: Path) -> Changed:
    """Join what meets piece by piece, and then the rows of the other table that met none."""
    alone = around.tables[step.join]
    for piece in table:
        yield piece.height, *across.join(piece, replace(step, how="left"), place, around)
        alone = alone.join(piece.select(step.on), on=list(step.on), how="anti")
    rest = replace(around, tables={**around.tables, step.join: alone})
    yield 0, *across.join(piece.head(0), step, place, rest)


def _sql(table: Pieces, step: shaping.Sql, place: str, around: Around, folder: Path) -> Changed:
    yield from _all_at_once(table, run_in_pieces(step.sql, table, place, folder), [escape.OF_QUERY])


def _call(table: Pieces, step: shaping.Call, place: str, around: Around, folder: Path) -> Changed:
    hint = "write it as `sql` or by other steps, or filter, aggregate or leave columns out before"
    whole = held(table, table.columns, place, hint=hint)
    yield table.height, *escape.call(whole, step, place, around)


def _all_at_once(table: Pieces, found: Iterator[pl.DataFrame], remarks: list[Remark]) -> Changed:
    for number, frame in enumerate(found):
        yield 0 if number else table.height, frame, remarks


WHOLE_VERBS: dict[type[Any], Callable[[Pieces, Any, str, Around, Path], Changed]] = {
    shaping.Derive: _derive,
    shaping.Filter: _filter,
    shaping.Deduplicate: _deduplicate,
    shaping.Aggregate: _aggregate,
    shaping.Window: _window,
    shaping.Pivot: _pivot,
    shaping.Unpivot: _unpivot,
    shaping.Join: _join,
    shaping.Sql: _sql,
    shaping.Call: _call,
}
