"""Steps that look across rows, or at another table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidData, InvalidInput, first_line
from kervan.data.sql.expressions import expression
from kervan.data.steps.columns import known, new

if TYPE_CHECKING:
    import polars as pl

    from kervan.core import shaping
    from kervan.data.steps.shape import Around

_FUNCTIONS = ("sum", "mean", "median", "min", "max", "first", "last", "len")
_MOST_COLUMNS = 1_000
_WAYS = ("left", "inner", "full")


def aggregate(
    table: pl.DataFrame, step: shaping.Aggregate, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """One row for each group, in the order in which the groups come."""
    import polars as pl

    if not step.by:
        raise InvalidConfig(f"{place}: by is empty", hint='say by which columns: by = ["customer"]')
    known(step.by, table, place)
    wanted = [
        expression(text, table, f"{place}, {name}").alias(name) for name, text in step.aggregate.items()
    ]
    if twice := [name for name in step.aggregate if name in step.by]:
        raise InvalidConfig(f"{place}: {twice[0]!r} is in `by` already", hint="choose another name")
    try:
        found = table.group_by(list(step.by), maintain_order=True).agg(wanted)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}", hint="write it like: sum(amount)") from error
    for name in step.aggregate:
        if isinstance(found[name].dtype, pl.List):
            raise InvalidConfig(
                f"{place}: {name!r} gives many values for one group", hint="write it like: max(amount)"
            )
    return found, []


def pivot(
    table: pl.DataFrame, step: shaping.Pivot, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """One column for each value of a column, called as the value is."""
    import polars as pl

    known([step.pivot, step.values, *step.by], table, place)
    if step.function not in _FUNCTIONS:
        raise InvalidConfig(f"{place}: function = {step.function!r} is none of {', '.join(_FUNCTIONS)}")
    many = table[step.pivot].n_unique()
    if many > _MOST_COLUMNS:
        raise InvalidConfig(
            f"{place}: {step.pivot!r} has {many:,} values, which would be as many columns",
            hint=f"at most {_MOST_COLUMNS:,}: choose another column, or filter before",
        )
    value = pl.col(step.values)
    joined: Any = getattr(value, step.function)()
    try:
        # What falls to no row, or has no value there, is missing: a sum over nothing would be 0.
        groups = table.group_by([*step.by, step.pivot], maintain_order=True)
        together = groups.agg(pl.when(value.count() > 0).then(joined))
        found = together.pivot(step.pivot, index=list(step.by), values=step.values, sort_columns=True)
    except pl.exceptions.PolarsError as error:
        raise InvalidConfig(f"{place}: {first_line(error)}") from error
    missing = int(table[step.pivot].null_count())
    return found, [f"{missing:,} rows have no {step.pivot!r}"] if missing else []


def unpivot(
    table: pl.DataFrame, step: shaping.Unpivot, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
    """One row for each of some columns."""
    known(step.unpivot, table, place)
    rest = [name for name in table.columns if name not in step.unpivot]
    new([name for name in (step.into, step.values) if name in rest], table, place)
    kinds = {str(table[name].dtype) for name in step.unpivot}
    if len(kinds) > 1 and "String" in kinds:
        raise InvalidConfig(
            f"{place}: the columns hold {', '.join(sorted(kinds))}", hint="choose columns of one kind"
        )
    return table.unpivot(list(step.unpivot), index=rest, variable_name=step.into, value_name=step.values), []


def join(
    table: pl.DataFrame, step: shaping.Join, place: str, around: Around
) -> tuple[pl.DataFrame, list[str]]:
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
    noticed = [f"{', '.join(map(repr, shared))} of {step.join} are in the table already"] if shared else []
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
    if alone:
        noticed.append(f"{alone:,} of {table.height:,} rows meet none of {step.join}")
    return found, noticed


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
