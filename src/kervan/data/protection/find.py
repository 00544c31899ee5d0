"""Columns that tell of persons, and what to do about them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.protection.judge import Found, judge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import polars as pl

    from kervan.core.config import DataSettings

RULE = "personal_data"
SURE = 0.7  # from here on a finding is a warning


def find_personal(table: pl.DataFrame, *, hidden: Collection[str] = ()) -> tuple[Found, ...]:
    """Look at every column but those that are `hidden`, and return what tells of persons, surest first.

    In tables of more than 5,000 rows as many, spread over the table, stand for all.
    """
    found = [judge(column) for column in table.get_columns() if column.name not in hidden]
    return tuple(sorted((each for each in found if each), key=lambda each: -each.sure))


def proposed_line(found: Sequence[Found]) -> str:
    """Return the line for `[data]` in `kervan.toml` that protects what was found; "" if nothing was."""
    if not found:
        return ""
    return f"protect = {{ {', '.join(f'{_key(each.column)} = {each.rule}' for each in found)} }}"


def findings(found: Sequence[Found]) -> Iterator[Finding]:
    """Yield a warning for each column that surely tells of persons."""
    for each in found:
        if each.sure >= SURE:
            yield Finding(
                rule=RULE,
                subject=each.column,
                verdict=Verdict.WARNED,
                message=f"column {each.column!r} seems to hold personal data: {each.label} ({each.why})",
                hint=f"protect it: `[data] {proposed_line([each])}`",
            )


def private_columns(settings: DataSettings, found: Iterable[Finding]) -> frozenset[str]:
    """Return the columns that are protected, name the person, or were found to tell of persons."""
    told = {each.subject for each in found if each.rule == RULE}
    return frozenset({*settings.protect, *told, settings.person} - {""})


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
