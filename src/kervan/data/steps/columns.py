"""Steps that change columns and leave the rows as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean, first_line
from kervan.data.sql.expressions import computed, expression, sees_other_rows
from kervan.data.steps.remark import Absent, Counted, Remark
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from kervan.core import shaping
    from kervan.data.pieces import Pieces
    from kervan.data.steps.shape import Around


def rename(
    table: pl.DataFrame, step: shaping.Rename, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Give columns other names."""
    known(step.rename, table, place)
    names = [step.rename.get(name, name) for name in table.columns]
    for name in names:
        if not name or names.count(name) > 1:
            what = f"two columns would be called {name!r}" if name else "a column would have no name"
            raise InvalidConfig(f"{place}: {what}", hint="choose another name")
    return table.rename(step.rename), []


def drop(
    table: pl.DataFrame, step: shaping.Drop, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Leave columns out."""
    known(step.drop, table, place)
    return table.select([column for column in table.get_columns() if column.name not in step.drop]), []


def select(
    table: pl.DataFrame, step: shaping.Select, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Keep some columns, in the order in which they are named."""
    known(step.select, table, place)
    return table.select([table[name] for name in dict.fromkeys(step.select)]), []


def replace(
    table: pl.DataFrame, step: shaping.Replace, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Write other texts for some values of a column."""
    known([step.replace], table, place)
    texts = as_texts(table[step.replace])
    absent = tuple(value for value in step.values if not bool((texts == value).any()))
    written = texts.replace(step.values).alias(step.replace)
    return table.with_columns(written), [Absent(text=f"in {step.replace!r}", values=absent)]


def extract(
    table: pl.DataFrame, step: shaping.Extract, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Take the named groups of a pattern out of a text."""
    import polars as pl

    known([step.extract], table, place)
    texts = as_texts(table[step.extract])
    try:
        parts = texts.str.extract_groups(step.pattern)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {step.pattern!r} is no pattern: {first_line(error)}") from error
    names = [name for name in parts.struct.fields if not name.isdecimal()]
    if not names:
        raise InvalidConfig(
            f"{place}: {step.pattern!r} names no group", hint=r"write it like (?<postcode>\d{5}) (?<city>.+)"
        )
    new(names, table, place)
    found = parts.struct.unnest().select(names)
    missed = int((texts.is_not_null() & found.to_series(0).is_null()).sum())
    noticed = Counted(
        text="{count:,} of {rows:,} texts do not fit the pattern", count=missed, rows=table.height
    )
    return table.with_columns(found.get_columns()), [noticed]


def combine(
    table: pl.DataFrame, step: shaping.Combine, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Write columns one behind the other; what is missing in all of them is missing."""
    import polars as pl

    known(step.combine, table, place)
    new([step.into], table, place)
    texts = pl.DataFrame([as_texts(table[name]).alias(str(at)) for at, name in enumerate(step.combine)])
    joined = texts.select(pl.concat_str(pl.all(), separator=step.between, ignore_nulls=True)).to_series()
    is_empty = texts.select(pl.all_horizontal(pl.all().is_null())).to_series()
    whole = joined.to_frame("text").select(pl.when(~is_empty).then(pl.col("text"))).to_series()
    return table.with_columns(whole.alias(step.into)), []


def derive(
    table: pl.DataFrame, step: shaping.Derive, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Compute columns; one that was there is replaced."""
    noticed: list[Remark] = []
    for name, text in step.derive.items():
        found, remarks = derived(table, name, text, place)
        table = table.with_columns(found)
        noticed += remarks
    return table, noticed


def derived(table: pl.DataFrame, name: str, text: str, place: str) -> tuple[pl.Series, list[Remark]]:
    """Compute one column by all rows of the columns that its expression names."""
    wanted = [expression(text, table, place).alias(name)]
    found = computed(table, wanted, text, place)
    if found.height != table.height:
        raise InvalidConfig(
            f"{place}: {text!r} gives {found.height:,} values for {table.height:,} rows",
            hint="write `aggregate` for sums and counts",
        )
    if not sees_other_rows(table, found, wanted):
        return found.to_series(), []
    told = f"{name!r} depends on other rows, those of the validation and test part among them"
    return found.to_series(), [Remark(text=told)]


def known(names: Iterable[str], table: pl.DataFrame | Pieces, place: str) -> None:
    """Raise `InvalidConfig` unless the table has all columns."""
    for name in names:
        if name not in table.columns:
            raise InvalidConfig(
                f"{place}: there is no column {name!r}", hint=did_you_mean(name, table.columns)
            )


def new(names: Iterable[str], table: pl.DataFrame | Pieces, place: str) -> None:
    """Raise `InvalidConfig` if the table has one of the columns already."""
    for name in names:
        if name in table.columns:
            raise InvalidConfig(f"{place}: there is a column {name!r} already", hint="choose another name")
