"""Whether a table keeps the user's rules, and what else about it looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.leaks import leaks
from kervan.data.rules import SEVERITIES, require_usable
from kervan.data.seen import different, proposals, seen
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import polars as pl

    from kervan.core.config import Check, DataSettings

EXAMPLES = 3  # so many failing rows are shown


def validate(
    table: pl.DataFrame,
    settings: DataSettings,
    warnings: Sequence[Finding] = (),
    unseen: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Check a table, as it was read and before it is protected, and return everything that was noticed.

    First come `warnings`, then a finding for each rule of the user's checks (also for those that hold),
    then rows that a model cannot tell apart, empty and constant columns, columns that only name their rows,
    and those that give the target away. A model sees no column in `unseen`. Rows count from 1 without the
    header; values of protected columns are not shown. Raises `InvalidConfig` if a check cannot be used.
    """
    require_usable(settings.checks, table, settings.target)
    found = list(warnings)
    for check in settings.checks:
        found += _check(table[check.column], check, is_hidden=check.column in settings.protect)
    found += _duplicates(table, seen(table, settings.target, unseen), settings.target)
    for name in table.columns:
        if name not in settings.protect:
            found += _emptiness(table[name])
    found += proposals(table, settings.target, settings.protect)
    if settings.target in table.columns:
        found += leaks(table, settings)
    return tuple(found)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict among some findings; without any, all is well."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.WARNED if Verdict.WARNED in verdicts else Verdict.PASSED


def _check(column: pl.Series, check: Check, *, is_hidden: bool) -> Iterator[Finding]:
    present = column.is_not_null()
    if check.between is not None:
        low, high = check.between
        bad = present & ~column.is_between(low, high)
        yield _judged("between", column, bad, check, f"between {low:g} and {high:g}", is_hidden=is_hidden)
    if check.allowed is not None:
        bad = present & ~as_texts(column).is_in(check.allowed)
        shown = ", ".join(check.allowed[:5]) + (", …" if len(check.allowed) > 5 else "")
        yield _judged("allowed", column, bad, check, f"one of {shown}", is_hidden=is_hidden)
    if check.unique:
        yield _judged(
            "unique", column, present & column.is_duplicated(), check, "unique", is_hidden=is_hidden
        )
    if check.missing_at_most is not None:
        yield _missing(column, check, check.missing_at_most)


def _judged(
    rule: str, column: pl.Series, bad: pl.Series, check: Check, wanted: str, *, is_hidden: bool
) -> Finding:
    rows = bad.arg_true().to_list()
    if not rows:
        message = f"column {column.name!r}: all values are {wanted}"
        return Finding(rule=rule, subject=column.name, verdict=Verdict.PASSED, message=message)
    first = ", ".join(
        f"row {row + 1}" if is_hidden else f"row {row + 1}: {column[row]!r}" for row in rows[:EXAMPLES]
    )
    more = ", …" if len(rows) > EXAMPLES else ""
    values = "1 value is" if len(rows) == 1 else f"{len(rows):,} values are"
    message = f"column {column.name!r}: {values} not {wanted} ({first}{more})"
    hint = "mend or remove these rows, or change the check"
    return Finding(
        rule=rule, subject=column.name, verdict=SEVERITIES[check.severity], message=message, hint=hint
    )


def _missing(column: pl.Series, check: Check, at_most: float) -> Finding:
    missing = column.null_count()
    holds = missing <= at_most * len(column)
    share = missing / len(column) if len(column) else 0.0
    return Finding(
        rule="missing_at_most",
        subject=column.name,
        verdict=Verdict.PASSED if holds else SEVERITIES[check.severity],
        message=f"column {column.name!r}: {missing:,} values ({share:.2%}) are missing, "
        f"at most {at_most:.2%} may be",
        hint="" if holds else "fill the values in, or change the check",
    )


def _duplicates(table: pl.DataFrame, telling: Sequence[str], target: str) -> Iterator[Finding]:
    doubled = table.height - different(table, telling)
    if doubled:
        message = f"{doubled:,} of {table.height:,} rows repeat an earlier row"
        others = [name for name in table.columns if name not in telling and name != target]
        if others:
            shown = ", ".join(map(repr, others[:EXAMPLES])) + (", …" if len(others) > EXAMPLES else "")
            message += f" in all that a model learns from (not in {shown})"
        hint = "they stay on one side of the split, so that no row is learned and tested"
        yield Finding(rule="duplicates", subject="", verdict=Verdict.WARNED, message=message, hint=hint)


def _emptiness(column: pl.Series) -> Iterator[Finding]:
    if column.null_count() == len(column):
        rule, message = "all_missing", f"column {column.name!r} has no values at all"
    elif column.n_unique() == 1:
        rule, message = "constant", f"column {column.name!r} has the same value in all rows"
    else:
        return
    yield Finding(
        rule=rule,
        subject=column.name,
        verdict=Verdict.WARNED,
        message=message,
        hint="it tells a model nothing; leave it out or look why",
    )
