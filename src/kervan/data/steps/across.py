"""Steps that look across rows, or at another table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, first_line
from kervan.data.sql.expressions import expression
from kervan.data.steps.columns import known, new
from kervan.data.steps.remark import Counted, Remark

if TYPE_CHECKING:
    import polars as pl

    from kervan.core import shaping
    from kervan.data.pieces import Pieces
    from kervan.data.steps.shape import Around

_FUNCTIONS = ("sum", "mean", "median", "min", "max", "first", "last", "len")
MOST_COLUMNS = 1_000
_WAYS = ("left", "inner", "full")


def aggregate(
    table: pl.DataFrame, step: shaping.Aggregate, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """One row for each group, in the order in which the groups come."""
    wanted = figures(table, step, place)
    return grouped(table, list(step.by), wanted, place), []


def figures(table: pl.DataFrame | Pieces, step: shaping.Aggregate, place: str) -> list[pl.Expr]:
    """Return what is asked of each group, or raise `InvalidConfig`."""
    if not step.by:
        raise InvalidConfig(f"{place}: by is empty", hint='say by which columns: by = ["customer"]')
    known(step.by, table, place)
    if twice := [name for name in step.aggregate if name in step.by]:
        raise InvalidConfig(f"{place}: {twice[0]!r} is in `by` already", hint="choose another name")
    return [expression(text, table, f"{place}, {name}").alias(name) for name, text in step.aggregate.items()]


def grouped(
    table: pl.DataFrame | pl.LazyFrame, by: list[str], wanted: list[pl.Expr], place: str
) -> pl.DataFrame:
    """Return one row for each group with one value for each expression, or raise `InvalidConfig`.

    The groups of a lazy table come in any order.
    """
    import polars as pl

    try:
        if isinstance(table, pl.LazyFrame):
            found = table.group_by(by).agg(wanted).collect(engine="streaming")
        else:
            found = table.group_by(by, maintain_order=True).agg(wanted)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}", hint="write it like: sum(amount)") from error
    for name, kind in found.schema.items():
        if isinstance(kind, pl.List) and name not in by:
            raise InvalidConfig(
                f"{place}: {name!r} gives many values for one group", hint="write it like: max(amount)"
            )
    return found


def pivot(
    table: pl.DataFrame, step: shaping.Pivot, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """One column for each value of a column, called as the value is."""
    wanted = cells(table, step, place)
    check_few(table[step.pivot].n_unique(), step, place)
    together = grouped(table, [*step.by, step.pivot], wanted, place)
    return widened(together, step, place), [unnamed(table[step.pivot].null_count(), step)]


def cells(table: pl.DataFrame | Pieces, step: shaping.Pivot, place: str) -> list[pl.Expr]:
    """Return what joins the values that fall together, or raise `InvalidConfig`."""
    import polars as pl

    known([step.pivot, step.values, *step.by], table, place)
    if step.function not in _FUNCTIONS:
        raise InvalidConfig(f"{place}: function = {step.function!r} is none of {', '.join(_FUNCTIONS)}")
    value = pl.col(step.values)
    joined: Any = getattr(value, step.function)()
    # What falls to no row, or has no value there, is missing: a sum over nothing would be 0.
    return [pl.when(value.count() > 0).then(joined).alias(step.values)]


def check_few(many: int, step: shaping.Pivot, place: str) -> None:
    """Raise `InvalidConfig` if a pivot would make too many columns."""
    if many > MOST_COLUMNS:
        raise InvalidConfig(
            f"{place}: {step.pivot!r} has {many:,} values, which would be as many columns",
            hint=f"at most {MOST_COLUMNS:,}: choose another column, or filter before",
        )


def widened(together: pl.DataFrame, step: shaping.Pivot, place: str) -> pl.DataFrame:
    """Turn a row for each group and value into a row for each group."""
    import polars as pl

    try:
        return together.pivot(step.pivot, index=list(step.by), values=step.values, sort_columns=True)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}") from error


def unnamed(missing: int, step: shaping.Pivot) -> Remark:
    """Say how many rows belong to no column."""
    return Counted(text=f"{{count:,}} rows have no {_braced(repr(step.pivot))}", count=missing)


def _braced(text: str) -> str:
    """Return a text that `format` gives back as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def unpivot(
    table: pl.DataFrame, step: shaping.Unpivot, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """One row for each of some columns."""
    rest = index_of(table, step, place)
    return table.unpivot(list(step.unpivot), index=rest, variable_name=step.into, value_name=step.values), []


def index_of(table: pl.DataFrame | Pieces, step: shaping.Unpivot, place: str) -> list[str]:
    """Return the columns that stay, or raise `InvalidConfig`."""
    known(step.unpivot, table, place)
    rest = [name for name in table.columns if name not in step.unpivot]
    new([name for name in (step.into, step.values) if name in rest], table, place)
    kinds = {str(table.schema[name]) for name in step.unpivot}
    if len(kinds) > 1 and "String" in kinds:
        raise InvalidConfig(
            f"{place}: the columns hold {', '.join(sorted(kinds))}", hint="choose columns of one kind"
        )
    return rest


def join(
    table: pl.DataFrame, step: shaping.Join, place: str, around: Around
) -> tuple[pl.DataFrame, list[Remark]]:
    """Add the columns of another table; a column that both have keeps the value of the first."""
    import polars as pl

    other = around.tables[step.join]
    keys = [*step.on, *([step.as_of] if step.as_of else [])]
    if not keys:
        raise InvalidConfig(f"{place}: on is empty", hint='say where they meet: on = ["customer"]')
    if step.how not in _WAYS:
        raise InvalidConfig(f"{place}: how = {step.how!r} is none of {', '.join(_WAYS)}")
    known(keys, table, place)
    known(keys, other, f"{place}, {step.join}")
    for name in keys:
        _check_kinds(table[name], other[name], place)
    shared = [name for name in other.columns if name in table.columns and name not in keys]
    other = other.drop(shared)
    told = f"{', '.join(map(repr, shared))} of {step.join} are in the table already"
    noticed = [Remark(text=told)] if shared else []
    try:
        if step.as_of:
            return _as_of(table, other, step, place), noticed
        _check_once(other, step, place)
        how: Any = step.how
        found = table.join(
            other, on=list(step.on), how=how, coalesce=True, maintain_order="left_right", nulls_equal=False
        )
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}") from error
    alone = table.join(other, on=list(step.on), how="anti").height
    told = f"{{count:,}} of {{rows:,}} rows meet none of {_braced(step.join)}"
    return found, [*noticed, Counted(text=told, count=alone, rows=table.height)]


def _as_of(table: pl.DataFrame, other: pl.DataFrame, step: shaping.Join, place: str) -> pl.DataFrame:
    """Add the row that was the newest at the time of each row; the rows keep their order."""
    import polars as pl

    if not (table[step.as_of].dtype.is_temporal() or table[step.as_of].dtype.is_numeric()):
        raise InvalidConfig(f"{place}: {step.as_of!r} is no time", hint="parse it in a step before")
    order = "\x00row"
    try:
        within = timedelta(seconds=read_span(step.within)) if step.within else None
    except (InvalidInput, OverflowError) as error:
        hint = "write 90d, 12w, 1h, 30m or 45s"
        raise InvalidConfig(f"{place}: within = {step.within!r} is no length of time", hint=hint) from error
    rows = table.with_row_index(order).filter(pl.col(step.as_of).is_not_null()).sort(step.as_of)
    later = other.drop_nulls([step.as_of]).sort(step.as_of)
    found = rows.join_asof(
        later,
        on=step.as_of,
        by=list(step.on) or None,
        strategy="backward",
        tolerance=within,
        check_sortedness=False,
    )
    without = table.with_row_index(order).filter(pl.col(step.as_of).is_null())
    return pl.concat([found, without], how="diagonal").sort(order).drop(order)


def _check_once(other: pl.DataFrame, step: shaping.Join, place: str) -> None:
    """Raise `InvalidData` if several rows of the other table meet one: the table would grow unseen."""
    keys = other.select(list(step.on)).drop_nulls()
    twice = int(keys.is_duplicated().sum())
    if twice:
        example = keys.filter(keys.is_duplicated()).row(0)
        raise InvalidData(
            f"{place}: {twice:,} rows of {step.join} have the same {', '.join(step.on)}, such as {example!r}",
            hint="name more columns in `on`, or join an aggregated table",
        )


def _check_kinds(left: pl.Series, right: pl.Series, place: str) -> None:
    kinds = left.dtype, right.dtype
    if kinds[0] != kinds[1] and not all(kind.is_integer() for kind in kinds):
        raise InvalidConfig(
            f"{place}: {left.name!r} holds {kinds[0]} here and {kinds[1]} there",
            hint="parse one of them before",
        )
