"""The user's checks, looked at before they are used: known columns, usable rules, fitting types."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kervan.core.access import read_span
from kervan.core.checking import REJECT, STOP, WARN
from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.nouns import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from kervan.core.checking import Bound, Check

SEVERITIES = {STOP: Verdict.FAILED, WARN: Verdict.WARNED, REJECT: Verdict.WARNED}
TYPES = ("integer", "number", "text", "category", "boolean", "date", "datetime")
_OF_A_COLUMN = (
    *("type", "between", "least", "most", "allowed", "pattern", "length", "unique", "missing_at_most"),
    *("newest_within", "refers_to", "like"),
)
_OF_SEVERAL = ("unique", "refers_to")
_OF_ROWS = ("expression", "sql", "rows")
_WITHOUT_ROWS = ("rows", "newest_within", "like")


def require_usable(checks: Iterable[Check], columns: Mapping[str, pl.DataType], target: str) -> None:
    """Raise `InvalidConfig` that names the first check that cannot be used on a table of these columns."""
    checks = list(checks)
    types = {check.column: check.type for check in checks if check.type}
    for check in checks:
        for name in columns_of(check):
            if name not in columns:
                hint = did_you_mean(name, columns)
                raise InvalidConfig(
                    f"{check.place}: the table has no such column{_named(check, name)}", hint=hint
                )
        check_said(check)
        if check.column:
            kind = columns[check.column]
            _check_type(check, kind, types.get(check.column, ""), is_target=check.column == target)


def columns_of(check: Check) -> tuple[str, ...]:
    """Return the columns that a check names."""
    return (check.column,) if check.column else check.columns


def check_said(check: Check) -> None:
    """Raise `InvalidConfig` for a check that could be used on no table."""
    if check.severity not in SEVERITIES:
        hint = did_you_mean(check.severity, SEVERITIES)
        raise InvalidConfig(f"{check.place}: {check.severity!r} is no severity", hint=hint)
    _check_rules(check)
    for bound in (*(check.between or ()), check.least, check.most):
        if isinstance(bound, str):
            _read_moment(check, bound)
    _check_range(check, "between", check.between)
    _check_range(check, "length", check.length)
    if check.rows is not None and len(check.rows) == 1:
        _check_range(check, "rows", (*check.rows, *check.rows))
    else:
        _check_range(check, "rows", check.rows)
    _check_values(check)
    tolerated(check)


def tolerated(check: Check) -> float:
    """Return the share of the rows that may break a check, 0 to 1.

    >>> from kervan.core.checking import Check
    >>> round(tolerated(Check(column="age", least=0, at_least="99.5 %")), 6)
    0.005
    """
    wanted = check.at_least
    if wanted is None:
        return 0.0
    try:
        share = float(wanted.strip().removesuffix("%")) / 100 if isinstance(wanted, str) else wanted
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1 or (isinstance(wanted, str) and "%" not in wanted):
        raise InvalidConfig(
            f"{check.place}: at_least = {wanted!r} is no share of the rows",
            hint='give a number from 0 to 1, such as 0.995, or a text such as "99.5 %"',
        )
    return 1 - share


def in_words(kind: pl.DataType) -> str:
    """Say what a column of this type holds."""
    if kind.is_numeric():
        return "numbers"
    return "dates" if kind.is_temporal() else "texts" if str(kind) == "String" else "booleans"


def _named(check: Check, name: str) -> str:
    return "" if check.place.endswith(f"for {name!r}") else f" {name!r}"


def _said(check: Check, names: Sequence[str]) -> list[str]:
    defaults = type(check)()
    return [name for name in names if getattr(check, name) != getattr(defaults, name)]


def _check_rules(check: Check) -> None:
    if check.column and check.columns:
        raise InvalidConfig(f"{check.place}: it names column and columns", hint="name either")
    single, whole = _said(check, _OF_A_COLUMN), _said(check, _OF_ROWS)
    if not single and not whole:
        rules = "between, allowed, missing_at_most, unique" if check.column else "rows, expression, sql"
        raise InvalidConfig(f"{check.place} says nothing", hint=f"give a rule, such as {rules}")
    if not check.column:
        wrong = [name for name in single if not (check.columns and name in _OF_SEVERAL)]
        if wrong:
            raise InvalidConfig(
                f"{check.place}: {wrong[0]} is for one column", hint=f'add a line: column = "…" to {wrong[0]}'
            )
    if check.severity == REJECT and (without := _said(check, _WITHOUT_ROWS)):
        raise InvalidConfig(
            f"{check.place}: {without[0]} judges the table, so that it can reject no rows",
            hint='give it a check of its own with severity = "stop" or "warn"',
        )
    if not check.like and _said(check, ("psi_at_most", "p_at_least")):
        raise InvalidConfig(f"{check.place}: nothing to compare with", hint='add a line: like = "adult:1"')


def _check_range(check: Check, name: str, limits: Sequence[Bound] | None) -> None:
    if limits is None:
        return
    try:
        is_range = len(limits) == 2 and limits[0] <= limits[1]  # type: ignore[operator]  # told below
    except TypeError:
        is_range = False
    if not is_range:
        what = "the lowest and the highest allowed value, such as between = [0, 120]"
        hint = (
            f"give {what}" if name == "between" else f"give the least and the most, such as {name} = [1, 9]"
        )
        raise InvalidConfig(f"{check.place}: {name} = {[*limits]} is no range", hint=hint)


def _check_values(check: Check) -> None:
    if check.allowed is not None and not check.allowed:
        raise InvalidConfig(f"{check.place}: allowed lists no value", hint="list what is allowed")
    if check.type and check.type not in TYPES:
        raise InvalidConfig(f"{check.place}: {check.type!r} is no type", hint=did_you_mean(check.type, TYPES))
    for name in ("missing_at_most", "p_at_least"):
        share = getattr(check, name)
        if share is not None and not 0 <= share <= 1:
            raise InvalidConfig(
                f"{check.place}: {name} = {share:g} is no share",
                hint="give a number from 0 to 1, such as 0.05",
            )
    if check.psi_at_most is not None and not check.psi_at_most >= 0:
        raise InvalidConfig(
            f"{check.place}: psi_at_most = {check.psi_at_most:g} is no limit", hint="give 0.2"
        )
    if check.newest_within:
        try:
            read_span(check.newest_within)
        except InvalidInput as error:
            raise InvalidConfig(f"{check.place}: newest_within = {error}", hint=error.hint) from error


def _check_type(check: Check, kind: pl.DataType, wanted: str, *, is_target: bool) -> None:
    import polars as pl

    held = in_words(kind)
    if held == "texts" and wanted in {"integer", "number"}:
        held = "numbers"
    elif held == "texts" and wanted in {"date", "datetime"}:
        held = "dates"
    for name in _said(check, ("between", "least", "most")):
        if held not in {"numbers", "dates"}:
            raise InvalidConfig(
                f"{check.place}: {name} is for numbers and dates, the column holds {held}",
                hint="remove the check, or find the values that are no numbers and mend them",
            )
    if check.allowed is not None and kind != pl.String and not is_target:
        raise InvalidConfig(
            f"{check.place}: allowed is for texts, the column holds {in_words(kind)}",
            hint="use between for numbers",
        )
    for name in _said(check, ("pattern", "length")):
        if kind != pl.String:
            raise InvalidConfig(
                f"{check.place}: {name} is for texts, the column holds {held}",
                hint="use between for numbers and dates",
            )
    if check.newest_within and held != "dates":
        raise InvalidConfig(
            f"{check.place}: newest_within is for dates, the column holds {held}",
            hint='name a column of dates, or add type = "date" if its texts are some',
        )


def read_bound(check: Check, bound: Bound, kind: pl.DataType) -> Bound:
    """Return a bound as a value of the column's type, or raise `InvalidConfig`."""
    import polars as pl

    if kind.is_numeric():
        if isinstance(bound, int | float):
            return bound
        raise InvalidConfig(f"{check.place}: {str(bound)!r} is no number", hint="the column holds numbers")
    moment = _read_moment(check, str(bound))
    if kind == pl.Date:
        return moment.date()
    zone = getattr(kind, "time_zone", None)
    if moment.tzinfo is None and zone:
        from zoneinfo import ZoneInfo

        return moment.replace(tzinfo=ZoneInfo(zone))
    if moment.tzinfo is not None and not zone:
        raise InvalidConfig(
            f"{check.place}: {str(bound)!r} has a time zone, the column has none", hint="leave the zone out"
        )
    return moment


def _read_moment(check: Check, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidConfig(
            f"{check.place}: {text!r} is neither a number nor a date", hint='write 0.5, or "2026-05-01"'
        ) from error
