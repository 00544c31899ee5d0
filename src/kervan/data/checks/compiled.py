"""Checks turned into rules, as expressions of Polars, so that one pass over the table answers them all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.checks.alike import alike
from kervan.data.checks.expression import expression_rule
from kervan.data.checks.fresh import freshness
from kervan.data.checks.query import query_rule
from kervan.data.checks.reference import reference_rule
from kervan.data.checks.rule import RowRule, TableRule
from kervan.data.checks.typed import column, has_type
from kervan.data.checks.usable import read_bound, tolerated
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from kervan.core.checking import Bound, Check
    from kervan.data.checks.rule import Asked, Rule

_LISTED = 5  # so many allowed values are written out


def rules_of(check: Check, asked: Asked) -> Iterator[Rule]:
    """Yield the rules of a check that `require_usable` let through, in the order in which they are told."""
    if check.type:
        bad = has_type(check.column, check.type, asked)
        yield _values("type", check, bad, f"of the type {check.type}")
    if check.column:
        yield from _of_column(check, asked)
    elif check.unique:
        yield _unique_together(check)
    if check.refers_to is not None:
        yield reference_rule(check, check.refers_to, asked)
    if check.like:
        yield alike(check, asked)
    if check.rows is not None:
        yield _rows(check, check.rows)
    if check.expression:
        yield expression_rule(check, asked)
    if check.sql:
        yield query_rule(check, asked)


def _of_column(check: Check, asked: Asked) -> Iterator[Rule]:
    import polars as pl

    values = column(check.column)
    if check.between is not None:
        yield _range(check, "between", check.between[0], check.between[1], asked)
    if check.least is not None:
        yield _range(check, "least", check.least, None, asked)
    if check.most is not None:
        yield _range(check, "most", None, check.most, asked)
    if check.allowed is not None:
        yield _allowed(check, check.allowed, asked)
    if check.pattern:
        bad = values.is_not_null() & ~values.str.contains(_pattern(check))
        yield _values("pattern", check, bad, f"of the pattern {check.pattern}")
    if check.length is not None:
        low, high = check.length
        bad = values.is_not_null() & ~values.str.len_chars().is_between(low, high)
        yield _values("length", check, bad, f"{low:,} to {high:,} characters long")
    if check.unique:
        bad = values.is_not_null() & values.is_duplicated()
        suspect = values.is_not_null().sum() - values.drop_nulls().n_unique()
        yield _values("unique", check, bad, "unique", suspect)
    if check.missing_at_most is not None:
        yield RowRule(
            rule="missing_at_most",
            subject=check.column,
            check=check,
            bad=_missing(check.column, asked),
            tolerated=check.missing_at_most,
        )
    if check.newest_within:
        yield replace(freshness(check, asked.now), asks=(values.max().cast(pl.Datetime("us")),))


def _missing(name: str, asked: Asked) -> pl.Expr:
    """Return where nothing was read; in a column whose texts were typed, other rows are null as well."""
    import polars as pl

    read = asked.read[name]
    return column(name).is_null() if read.dtype == asked.table[name].dtype else pl.lit(read.is_null())


def _values(rule: str, check: Check, bad: pl.Expr, wanted: str, suspect: pl.Expr | None = None) -> RowRule:
    return RowRule(
        rule=rule,
        subject=check.column,
        check=check,
        bad=bad,
        wanted=wanted,
        suspect=suspect,
        shown=(check.column,),
        tolerated=tolerated(check),
    )


def _range(check: Check, rule: str, low: Bound | None, high: Bound | None, asked: Asked) -> RowRule:
    import polars as pl

    values, kind = column(check.column), asked.table[check.column].dtype
    least = None if low is None else read_bound(check, low, kind)
    most = None if high is None else read_bound(check, high, kind)
    if least is not None and most is not None:
        good, wanted = (
            values.is_between(pl.lit(least), pl.lit(most)),
            f"between {_written(least)} and {_written(most)}",
        )
    elif least is not None:
        good, wanted = values >= pl.lit(least), f"at least {_written(least)}"
    else:
        good, wanted = values <= pl.lit(most), f"at most {_written(most)}"
    return _values(rule, check, values.is_not_null() & ~good, wanted)


def _written(bound: Bound | None) -> str:
    return f"{bound:g}" if isinstance(bound, int | float) else str(bound)


def _allowed(check: Check, allowed: tuple[str, ...], asked: Asked) -> RowRule:
    import polars as pl

    held = asked.table[check.column]
    if held.dtype == pl.String:
        texts = column(check.column)
        bad = texts.is_not_null() & ~texts.is_in(list(allowed))
    else:  # a target of numbers: its classes are known by their texts
        bad = pl.lit(held.is_not_null() & ~as_texts(held).is_in(list(allowed)))
    shown = ", ".join(allowed[:_LISTED]) + (", …" if len(allowed) > _LISTED else "")
    return _values("allowed", check, bad, f"one of {shown}")


def _pattern(check: Check) -> str:
    import polars as pl

    pattern = f"^(?:{check.pattern})$"
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError as error:
        reason = re.findall(r"^error: (.*)$", str(error), re.MULTILINE) or str(error).splitlines()
        raise InvalidConfig(
            f"{check.place}: pattern = {check.pattern!r} is no regular expression: {reason[0]}",
            hint="see https://docs.rs/regex for the syntax; in kervan.toml write it in '…'",
        ) from error
    return pattern


def _unique_together(check: Check) -> RowRule:
    import polars as pl

    together = pl.struct([column(name) for name in check.columns])
    return RowRule(
        rule="unique",
        subject=", ".join(check.columns),
        check=check,
        bad=together.is_duplicated(),
        wanted="unique together",
        suspect=pl.len().cast(pl.Int64) - together.n_unique().cast(pl.Int64),
        shown=check.columns,
        tolerated=tolerated(check),
    )


def _rows(check: Check, limits: tuple[int, ...]) -> TableRule:
    import polars as pl

    low, high = limits[0], limits[1] if len(limits) > 1 else None
    wanted = f"at least {low:,}" if high is None else f"{low:,} to {high:,}"

    def judge(rows: int) -> tuple[bool, str]:
        return low <= rows and (
            high is None or rows <= high
        ), f"the table has {rows:,} rows, {wanted} are wanted"

    hint = "look whether the source is whole, or change the check"
    return TableRule(rule="rows", subject="", check=check, judge=judge, asks=(pl.len(),), hint=hint)
