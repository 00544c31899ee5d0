"""A rule that no two rows have the same in a column, or in several together."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.buckets import first_equals
from kervan.data.checks.rule import FoundRule, RowRule
from kervan.data.checks.typed import column
from kervan.data.checks.usable import columns_of, tolerated
from kervan.data.pieces import Pieces

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked


def unique_rule(check: Check, asked: Asked) -> RowRule | FoundRule:
    """Return the rule; a row without a value keeps it, unless several columns are meant together."""
    names = columns_of(check)
    wanted = "unique" if check.column else "unique together"
    if isinstance(asked.table, Pieces):
        rows = _repeated(asked.table, check, asked)
        return FoundRule(
            rule="unique",
            subject=", ".join(names),
            check=check,
            count=len(rows),
            wanted=wanted,
            rows=rows,
            shown=names,
            tolerated=tolerated(check),
        )
    bad, suspect = _of_column(check.column) if check.column else _together(names)
    return RowRule(
        rule="unique",
        subject=", ".join(names),
        check=check,
        bad=bad,
        wanted=wanted,
        suspect=suspect,
        shown=names,
        tolerated=tolerated(check),
    )


def _of_column(name: str) -> tuple[pl.Expr, pl.Expr]:
    values = column(name)
    suspect = values.is_not_null().sum() - values.drop_nulls().n_unique()
    return values.is_not_null() & values.is_duplicated(), suspect


def _together(names: tuple[str, ...]) -> tuple[pl.Expr, pl.Expr]:
    import polars as pl

    together = pl.struct([column(name) for name in names])
    return together.is_duplicated(), pl.len().cast(pl.Int64) - together.n_unique().cast(pl.Int64)


def _repeated(table: Pieces, check: Check, asked: Asked) -> pl.Series:
    """Return the places of rows that are not the only ones with their values."""
    import polars as pl

    folder = asked.new_folder()
    same = first_equals(table, columns_of(check), folder)
    shutil.rmtree(folder)
    repeated = np.bincount(same, minlength=len(same))[same] > 1
    if check.column:
        for start, piece in asked.numbered([check.column]):
            repeated[start : start + piece.height] &= piece.to_series().is_not_null().to_numpy()
    return pl.Series("row", repeated).arg_true()
