"""What else about a table looks wrong than what the user's checks say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.leaks import leaks
from kervan.data.seen import different, proposals, seen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import polars as pl

    from kervan.core.config import DataSettings

EXAMPLES = 3  # so many columns are named


def validate(
    table: pl.DataFrame,
    settings: DataSettings,
    warnings: Sequence[Finding] = (),
    unseen: Collection[str] = (),
    *,
    whole: int = 0,
) -> tuple[Finding, ...]:
    """Look at a table before it is protected, and return everything that was noticed.

    First come `warnings`, such as what the user's checks found; then rows that a model cannot tell apart,
    empty and constant columns, columns that only name their rows, and those that give the target away. A
    model sees no column in `unseen`. Values of protected columns are not shown. Where the table is some rows
    of one with `whole` rows, that is said.
    """
    found: list[Finding] = []
    telling = seen(table, settings.target, unseen)
    found += _duplicates(table, telling, settings.target)
    found += _contradictions(table, telling, settings.target)
    for name in table.columns:
        if name not in settings.protect:
            found += _emptiness(table[name])
    found += proposals(table, settings.target, settings.protect)
    if settings.target in table.columns:
        found += leaks(table, settings)
    if whole > table.height:
        some = f" (in {table.height:,} rows spread over {whole:,})"
        found = [replace(each, message=each.message + some) for each in found]
    return (*warnings, *found)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict among some findings; without any, all is well."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.WARNED if Verdict.WARNED in verdicts else Verdict.PASSED


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


def _contradictions(table: pl.DataFrame, telling: Sequence[str], target: str) -> Iterator[Finding]:
    """Yield a finding if rows that are equal to a model have different targets."""
    inputs = [name for name in telling if name != target]
    if target not in table.columns or not inputs or table[target].dtype.is_float():
        return  # numbers are never told exactly
    known = table.select([table[name] for name in (*inputs, target)]).filter(table[target].is_not_null())
    pairs = known.unique()
    rows = int(known.join(_twice(pairs, inputs), on=inputs, how="semi", nulls_equal=True).height)
    if rows:
        yield Finding(
            rule="contradictions",
            subject=target,
            verdict=Verdict.WARNED,
            message=f"{rows:,} rows are equal to a model and differ in the target {target!r}",
            hint="no model can be right about all of them: look for a column that tells them apart, or for "
            "labels that are wrong",
        )


def _twice(pairs: pl.DataFrame, inputs: Sequence[str]) -> pl.DataFrame:
    found = pairs.select([pairs[name] for name in inputs])
    return found.filter(found.is_duplicated()).unique()


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
