"""How new the rows have to be: judged by the newest date, which lasts, and the time, which does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kervan.core.access import read_span
from kervan.core.shown import moment
from kervan.data.checks.rule import TableRule
from kervan.data.checks.told import table_finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kervan.core.checking import Check
    from kervan.core.nouns import Finding

FRESH = "newest_within"


def freshness(check: Check, now: float) -> TableRule:
    """Return the rule that judges a column's newest date, None without any, at a time (since 1970)."""
    span = read_span(check.newest_within)

    def judge(found: datetime | None) -> tuple[bool, str]:
        if found is None:
            return False, f"column {check.column!r} has no date, so nobody can say how old the rows are"
        then = found.replace(tzinfo=UTC).timestamp()
        told = f"column {check.column!r}: the newest is {found:%Y-%m-%d %H:%M}, looked at {moment(now)}"
        return now - then <= span, f"{told}; not older than {check.newest_within} is wanted"

    hint = "fetch newer rows, or change the check"
    return TableRule(
        rule=FRESH,
        subject=check.column,
        check=check,
        judge=judge,
        together=lambda found: max((each for each in found if each is not None), default=None),
        hint=hint,
    )


def judged_anew(
    findings: Iterable[Finding], checks: Sequence[Check], newest: Mapping[str, datetime | None], now: float
) -> tuple[Finding, ...]:
    """Return what `checks` found in a table, with what is about freshness as it is at another time.

    `newest` is the newest date of each column that has to be fresh.
    """
    asked = (check for check in checks if check.newest_within)
    again = iter([table_finding(freshness(each, now), (newest[each.column],)) for each in asked])
    return tuple(next(again) if each.rule == FRESH else each for each in findings)
