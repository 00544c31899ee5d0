"""The user's checks, looked at before they are used: known column, usable rule, fitting type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.nouns import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from kervan.core.config import Check

SEVERITIES = {"stop": Verdict.FAILED, "warn": Verdict.WARNED}


def require_usable(checks: Sequence[Check], table: pl.DataFrame, target: str) -> None:
    """Raise `InvalidConfig` that names the first check that cannot be used on this table."""
    for check in checks:
        if check.column not in table.columns:
            hint = did_you_mean(check.column, table.columns)
            raise InvalidConfig(f"{_place(check)}: the table has no such column", hint=hint)
        if check.severity not in SEVERITIES:
            hint = did_you_mean(check.severity, SEVERITIES)
            raise InvalidConfig(f"{_place(check)}: {check.severity!r} is no severity", hint=hint)
        _check_rules(check)
        _check_type(check, table[check.column].dtype, is_target=check.column == target)


def _check_rules(check: Check) -> None:
    rules = (check.between, check.allowed, check.missing_at_most)
    if not check.unique and all(rule is None for rule in rules):
        raise InvalidConfig(
            f"{_place(check)} says nothing", hint="give between, allowed, missing_at_most or unique"
        )
    if check.between is not None and (len(check.between) != 2 or not check.between[0] <= check.between[1]):
        raise InvalidConfig(
            f"{_place(check)}: between = {list(check.between)} is no range",
            hint="give the lowest and the highest allowed number, such as between = [0, 120]",
        )
    if check.allowed is not None and not check.allowed:
        raise InvalidConfig(f"{_place(check)}: allowed lists no value", hint="list what is allowed")
    if check.missing_at_most is not None and not 0 <= check.missing_at_most <= 1:
        raise InvalidConfig(
            f"{_place(check)}: missing_at_most = {check.missing_at_most:g} is no share",
            hint="give a share of the rows from 0 to 1, such as 0.05",
        )


def _check_type(check: Check, kind: pl.DataType, *, is_target: bool) -> None:
    import polars as pl

    if check.between is not None and not kind.is_numeric():
        raise InvalidConfig(
            f"{_place(check)}: between is for numbers, the column holds {_in_words(kind)}",
            hint="remove the check, or find the values that are no numbers and mend them",
        )
    if check.allowed is not None and kind != pl.String and not is_target:
        raise InvalidConfig(
            f"{_place(check)}: allowed is for texts, the column holds {_in_words(kind)}",
            hint="use between for numbers",
        )


def _in_words(kind: pl.DataType) -> str:
    if kind.is_numeric():
        return "numbers"
    return "dates" if kind.is_temporal() else "texts" if str(kind) == "String" else "booleans"


def _place(check: Check) -> str:
    return f"[[data.checks]] for {check.column!r}"
