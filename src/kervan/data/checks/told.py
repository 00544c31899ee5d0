"""What a rule found, in words: which rows, which values, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.checking import REJECT
from kervan.core.nouns import Finding, Verdict
from kervan.data.checks.usable import SEVERITIES

if TYPE_CHECKING:
    import polars as pl

    from kervan.core.checking import Check
    from kervan.data.checks.rule import Asked, FoundRule, RowRule, TableRule

EXAMPLES = 3  # so many failing rows are shown
_MISSING = "missing_at_most"


def told(rule: RowRule | FoundRule, asked: Asked, count: int, rows: pl.Series | None) -> Finding:
    """Return the finding about a rule that `count` rows break, those in `rows` if they are known."""
    verdict = _verdict(rule, count, asked.table.height)
    if rule.rule == _MISSING:
        message = _missing(rule, count, asked.table.height)
    elif not count:
        message = _holds(rule)
    else:
        message = f"{_breaks(rule, count)}{_examples(rule, asked, rows)}{_tolerance(rule, verdict)}"
    hint = "" if verdict is Verdict.PASSED else _hint(rule, verdict)
    return _finding(rule, verdict, message, hint)


def table_finding(rule: TableRule, figures: tuple[object, ...]) -> Finding:
    """Return the finding about a rule of the whole table."""
    holds, message = rule.judge(*figures)
    verdict = Verdict.PASSED if holds else SEVERITIES[rule.check.severity]
    return _finding(
        rule, verdict, message, "" if holds else rule.hint or "mend the table, or change the check"
    )


def reason_of(rule: RowRule | FoundRule) -> str:
    """Say why a row that breaks a rule was kept aside, without its values."""
    if rule.rule == _MISSING:
        reason = f"{rule.subject!r} is missing"
    elif rule.wanted:
        reason = f"{_columns(rule)} {'is' if len(rule.shown) == 1 else 'are'} not {rule.wanted}"
    else:
        reason = (
            f"not so: {rule.told}"
            if rule.told and rule.rule != "sql"
            else f"found by {rule.told or rule.check.name}"
        )
    return f"{reason} ({rule.check.why})" if rule.check.why else reason


def _finding(rule: RowRule | FoundRule | TableRule, verdict: Verdict, message: str, hint: str) -> Finding:
    check: Check = rule.check
    return Finding(
        rule=rule.rule,
        subject=rule.subject,
        verdict=verdict,
        message=f"{check.name}: {message}" if check.name else message,
        hint=f"{hint} ({check.why})" if hint and check.why else hint,
    )


def _verdict(rule: RowRule | FoundRule, count: int, height: int) -> Verdict:
    check = rule.check
    if not count:
        return Verdict.PASSED
    is_within = count <= rule.tolerated * height + 1e-9
    if check.severity == REJECT:  # without a share that is tolerated, so many are kept aside as there are
        has_limit = check.at_least is not None or (rule.rule == _MISSING and rule.tolerated > 0)
        return Verdict.FAILED if has_limit and not is_within else Verdict.WARNED
    return Verdict.PASSED if is_within else SEVERITIES[check.severity]


def _columns(rule: RowRule | FoundRule) -> str:
    names = ", ".join(map(repr, rule.shown))
    return f"column {names}" if len(rule.shown) == 1 else f"columns {names}"


def _holds(rule: RowRule | FoundRule) -> str:
    if rule.wanted:
        return f"{_columns(rule)}: all {'values' if len(rule.shown) == 1 else 'rows'} are {rule.wanted}"
    return f"{rule.told}: no row is found" if rule.rule == "sql" else f"{rule.told or 'it'} holds in all rows"


def _breaks(rule: RowRule | FoundRule, count: int) -> str:
    rows = "1 row" if count == 1 else f"{count:,} rows"
    are = "is" if count == 1 else "are"
    if rule.wanted and len(rule.shown) == 1:
        values = "1 value" if count == 1 else f"{count:,} values"
        return f"{_columns(rule)}: {values} {are} not {rule.wanted}"
    if rule.wanted:
        return f"{_columns(rule)}: {rows} {are} not {rule.wanted}"
    if rule.rule == "sql":
        return f"{rule.told}: {rows} {are} found"
    return f"{rows} {'breaks' if count == 1 else 'break'} {rule.told or 'it'}"


def _examples(rule: RowRule | FoundRule, asked: Asked, rows: pl.Series | None) -> str:
    if rows is None or not len(rows):
        return ""
    first = ", ".join(_example(rule, asked, row) for row in rows.head(EXAMPLES).to_list())
    return f" ({first}{', …' if len(rows) > EXAMPLES else ''})"


def _example(rule: RowRule | FoundRule, asked: Asked, row: int) -> str:
    if not rule.shown or asked.hides(*rule.shown):
        return f"row {row + 1}"
    if len(rule.shown) == 1:
        return f"row {row + 1}: {_plain(asked.value(rule.shown[0], row))}"
    values = " and ".join(f"{name} {_plain(asked.value(name, row))}" for name in rule.shown)
    return f"row {row + 1}: {values}"


def _plain(value: object) -> str:
    return str(value) if hasattr(value, "isoformat") else repr(value)


def _tolerance(rule: RowRule | FoundRule, verdict: Verdict) -> str:
    aside = "; kept aside" if rule.check.severity == REJECT and verdict is Verdict.WARNED else ""
    if rule.check.at_least is None:
        return aside
    return f"{aside}; up to {rule.tolerated:.2%} of the rows may be"


def _missing(rule: RowRule | FoundRule, count: int, height: int) -> str:
    share = count / height if height else 0.0
    aside = "; kept aside" if rule.check.severity == REJECT and count else ""
    missing = f"{count:,} values ({share:.2%}) are missing, at most {rule.tolerated:.2%} may be"
    return f"column {rule.subject!r}: {missing}{aside}"


def _hint(rule: RowRule | FoundRule, verdict: Verdict) -> str:
    if rule.check.severity == REJECT and verdict is Verdict.WARNED:
        return "`kervan data rejects` shows these rows"
    if rule.rule == _MISSING:
        return "fill the values in, or change the check"
    return "mend or remove these rows, or change the check"
