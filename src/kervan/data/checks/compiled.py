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
from kervan.data.checks.typed import as_read, column, has_type
from kervan.data.checks.unique import unique_rule
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
        yield unique_rule(check, asked)
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
        yield unique_rule(check, asked)
    if check.missing_at_most is not None:
        yield RowRule(
            rule="missing_at_most",
            subject=check.column,
            check=check,
            bad=as_read(check.column, asked).is_null(),
            tolerated=check.missing_at_most,
        )
    if check.newest_within:
        yield replace(freshness(check, asked.now), asks=(values.max().cast(pl.Datetime("us")),))


def _values(rule: str, check: Check, bad: pl.Expr, wanted: str) -> RowRule:
    return RowRule(
        rule=rule,
        subject=check.column,
        check=check,
        bad=bad,
        wanted=wanted,
        shown=(check.column,),
        tolerated=tolerated(check),
    )


def _range(check: Check, rule: str, low: Bound | None, high: Bound | None, asked: Asked) -> RowRule:
    import polars as pl

    values, kind = column(check.column), asked.table.schema[check.column]
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

    values = texts = column(check.column)
    if asked.table.schema[check.column] != pl.String:  # a target of numbers: its texts are its classes
        texts = values.map_batches(as_texts, return_dtype=pl.String)
    bad = values.is_not_null() & ~texts.is_in(list(allowed))
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
