"""What to do about what a profile shows: in words, and as lines of `kervan.toml` where a setting does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kervan.core.config import MISSING_TEXTS
from kervan.core.nouns import Finding, Verdict
from kervan.core.schema import Type, number_text
from kervan.data.profile.nouns import Advice, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.data.profile.nouns import ColumnProfile, ValueCount

RARE_SHARE = 0.1  # of the rows: a class below it is rare
FEWEST_OF_CLASS = 50  # rows, below which a class is hardly learned and never judged
ROWS_PER_COLUMN = 20
MOSTLY_MISSING = 0.5
_SEVERAL = 50
_LONG_TAILS = {"log-normal", "heavy-tailed", "exponential"}


def pasteable(advice: Sequence[Advice]) -> str:
    """Return all lines of some advice as one piece of `kervan.toml`, each table once.

    >>> pasteable([Advice(about=("id",), what="it names rows", table="data", lines='ignore = ["id"]')])
    '[data]\\nignore = ["id"]'
    """
    tables: dict[str, list[str]] = {}
    for each in advice:
        if each.lines:
            tables.setdefault(each.table, []).append(each.lines)
    return "\n\n".join(f"[{table}]\n" + "\n".join(lines) for table, lines in tables.items())


def advise(
    columns: Sequence[ColumnProfile],
    findings: Sequence[Finding],
    sentinels: Sequence[float],
    target: str,
    classes: Sequence[ValueCount],
) -> Iterator[Advice]:
    """Yield what to do, what matters most first: settings, then words, then which data would help."""
    inputs = [each for each in columns if each.name != target]
    yield from _ignore(inputs, findings)
    if sentinels:
        texts = (*MISSING_TEXTS, *sorted({number_text(value) for value in sentinels}))
        about = tuple(each.subject for each in findings if each.rule == "sentinel")
        what = "if these numbers mean missing, they are read like that, in every column"
        yield Advice(about=about, what=what, table="data", lines=f"missing = {_listed(texts)}")
    free = tuple(each.name for each in inputs if each.kind is Kind.TEXT and _is_free(each))
    if free:
        what = "the words of free text are counted, so that a model can learn from them"
        yield Advice(about=free, what=what, table="model", lines=f"texts = {_listed(free)}")
    rows = sum(each.count for each in classes)
    if _is_imbalanced(classes, rows):
        what = f"{classes[-1].value!r} is rare: judge by how well it is found, not by accuracy"
        line = 'goal = { metric = "average_precision" }' if len(classes) == 2 else 'goal = { metric = "f1" }'
        yield Advice(about=(target,), what=what, table="model", lines=line)
    yield from _in_words(inputs)
    yield from _more_data(columns, target, classes)


def imbalance(target: str, classes: Sequence[ValueCount]) -> Iterator[Finding]:
    """Yield a finding if a class of the target is rare."""
    rows = sum(each.count for each in classes)
    if _is_imbalanced(classes, rows):
        rare = classes[-1]
        yield Finding(
            rule="imbalance",
            subject=target,
            verdict=Verdict.WARNED,
            message=f"the target {target!r} is unbalanced: {rare.value!r} is in {rare.count:,} of {rows:,} "
            f"rows ({rare.count / rows:.2%})",
            hint="a model that never answers it looks good by accuracy; judge by another metric",
        )


def _is_imbalanced(classes: Sequence[ValueCount], rows: int) -> bool:
    return 2 <= len(classes) <= 20 and classes[-1].count < RARE_SHARE * rows


def _ignore(inputs: Sequence[ColumnProfile], findings: Sequence[Finding]) -> Iterator[Advice]:
    equal = {each.subject for each in findings if each.rule == "same_column"}
    reasons: dict[str, str] = {}
    for each in inputs:
        if each.count == 0:
            reasons[each.name] = "is empty"
        elif each.distinct == 1:
            reasons[each.name] = "has one value"
        elif each.kind is Kind.IDENTIFIER:
            reasons[each.name] = "names rows"
        elif each.kind is Kind.WEIGHT:
            reasons[each.name] = "weighs rows"
        elif each.name in equal:
            reasons[each.name] = "repeats another column"
    if reasons:
        groups: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            groups.setdefault(reason, []).append(name)
        told = "; ".join(f"{_some(names)} {reason}" for reason, names in groups.items())
        what = f"leave out what a model learns nothing from: {told}"
        yield Advice(about=tuple(reasons), what=what, table="data", lines=f"ignore = {_listed(reasons)}")


def _in_words(inputs: Sequence[ColumnProfile]) -> Iterator[Advice]:
    tails = tuple(
        each.name
        for each in inputs
        if each.numbers and each.distinct > _SEVERAL and each.numbers.family
        if each.numbers.family.name in _LONG_TAILS
        and each.numbers.minimum >= 0
        and (each.numbers.skew or 0) > 1
    )
    if tails:
        what = f"{_some(tails)}: a linear model learns more from the logarithm of such numbers"
        yield Advice(about=tails, what=what)
    gaps = tuple(each.name for each in inputs if each.count and each.missing_share > MOSTLY_MISSING)
    if gaps:
        what = f"more than half is missing in {_some(gaps)}: find out why, or leave such columns out"
        yield Advice(about=gaps, what=what)


def _more_data(
    columns: Sequence[ColumnProfile], target: str, classes: Sequence[ValueCount]
) -> Iterator[Advice]:
    rare = [each for each in classes if each.count < FEWEST_OF_CLASS]
    if 2 <= len(classes) <= 100 and rare:
        told = ", ".join(f"{each.value!r} ({each.count:,})" for each in rare[:5])
        what = f"more rows of rare classes would help: {told}; {FEWEST_OF_CLASS} of each at least"
        yield Advice(about=(target,), what=what)
    rows = max((each.count + each.missing for each in columns), default=0)
    if target and rows < ROWS_PER_COLUMN * (len(columns) - 1):
        what = (
            f"more rows would help: {rows:,} for {len(columns) - 1:,} columns; "
            f"{ROWS_PER_COLUMN} for each is a rule of thumb"
        )
        yield Advice(about=(), what=what)
    tells = [each.tells for each in columns if each.name != target and each.tells is not None]
    if target and tells and max(tells) < 0.01:
        what = "no column alone tells 1 % of the target: other columns would help more than other rows"
        yield Advice(about=(), what=what)


def _is_free(column: ColumnProfile) -> bool:
    return column.type is Type.TEXT and bool(column.texts) and (column.texts.mean_length or 0) > 20  # type: ignore[union-attr]  # there are texts


def _listed(names: Sequence[str] | dict[str, str] | tuple[str, ...]) -> str:
    return json.dumps(list(names), ensure_ascii=False)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
