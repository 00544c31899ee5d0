"""A rule about another table: the values have to be there, several of them in the same row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.data.checks.rule import FoundRule, rows_of
from kervan.data.checks.typed import column
from kervan.data.checks.usable import columns_of, in_words, tolerated

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check, Reference
    from kervan.data.checks.rule import Asked

_ROW = "\0row"


def reference_rule(check: Check, to: Reference, asked: Asked) -> FoundRule:
    """Look the values of each row up in the other table; a row without one of them keeps the rule."""
    names = columns_of(check)
    there = (to.column,) if to.column else to.columns or names
    if len(there) != len(names):
        raise InvalidConfig(
            f"{check.place}: {len(names)} columns here refer to {len(there)} there",
            hint="name as many columns in refers_to, in the same order",
        )
    whole = asked.lookup(to.source, whole=True)
    _check_columns(check, to, there, whole)
    known = _keys(whole, there)
    _check_kinds(check, to, _keys(asked.first, names), known)
    lost = rows_of((start, _lost(_keys(piece, names), known)) for start, piece in asked.numbered(names))
    return FoundRule(
        rule="refers_to",
        subject=", ".join(names),
        check=check,
        count=len(lost),
        wanted=f"in {', '.join(there)} of {to.source}",
        rows=lost,
        shown=names,
        tolerated=tolerated(check),
    )


def _lost(keys: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return the places of the rows that are not among those known."""
    asking = keys.with_row_index(_ROW).drop_nulls()
    kinds = {name: _common(asking[name].dtype, known[name].dtype) for name in known.columns}
    lost = asking.cast(kinds).join(known.cast(kinds).unique(), on=known.columns, how="anti")  # type: ignore[arg-type]
    return lost[_ROW].sort()


def _keys(table: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    return table.select([column(name).alias(str(place)) for place, name in enumerate(names)])


def _check_columns(check: Check, to: Reference, there: tuple[str, ...], whole: pl.DataFrame) -> None:
    for name in there:
        if name not in whole.columns:
            raise InvalidConfig(
                f"{check.place}: {to.source} has no column {name!r}", hint=did_you_mean(name, whole.columns)
            )


def _check_kinds(check: Check, to: Reference, here: pl.DataFrame, known: pl.DataFrame) -> None:
    for one, other in zip(here.dtypes, known.dtypes, strict=True):
        if in_words(one) != in_words(other):
            raise InvalidConfig(
                f"{check.place}: it holds {in_words(one)}, and {in_words(other)} in {to.source}",
                hint="write both in the same way, such as all with leading zeros",
            )


def _common(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    import polars as pl

    if one == other:
        return one
    return (
        pl.Int64() if one.is_integer() and other.is_integer() else pl.Float64() if one.is_numeric() else one
    )
