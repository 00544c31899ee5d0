"""Texts that look like something else: said in words, with what to do, and never guessed at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

NEARLY_ALL = 0.95  # from this share of the values on, the column looks like that
MOST = 0.5  # from this share of numbers on, a few other texts may be signs for a missing value
FEW_SIGNS = 3

_MONEY = "[$€£¥₺₽₹]"
_SIGN = "[+-]?"
_POINTS = rf"^{_SIGN}\d{{1,3}}(?:(?:\.\d{{3}})+,\d+|(?:\.\d{{3}}){{2,}})$"
_AMOUNT = rf"^(?:{_SIGN}{_MONEY}\s?{_SIGN}\d[\d.,]*|{_SIGN}\d[\d.,]*\s?{_MONEY})$"
_DAY_OR_MONTH = r"^\d{1,2}[-./]\d{1,2}[-./](?:\d{2}|\d{4})"
_OF_THE_DAY = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
_ABOVE_12 = r"(?:1[3-9]|2\d|3[01])"  # what no month is
_DAY_FIRST, _MONTH_FIRST = rf"^{_ABOVE_12}[-./]", rf"^\d{{1,2}}[-./]{_ABOVE_12}[-./]"
_DATES = r"^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}|(?:19|20)\d{6})$"
_UNIT = (
    r"(?:kg|g|mg|t|lb|lbs|oz|km|m|cm|mm|mi|ft|in|m²|m2|m³|m3|l|ml|°C|°F|h|min|s|ms|W|kW|kWh|TL|TRY|USD|EUR)"
)
_MEASURE = rf"(?i)^{_SIGN}\d[\d.,]*\s?{_UNIT}$"
# What it looks like, the texts, how to have it read, and the rule's name: by a step with these options, or
# written otherwise.
_NUMBER, _DATE, _TIME = "", 'to = "date"', 'to = "datetime"'
_KINDS = (
    (
        "times, some with an offset from UTC and some without",
        r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}",
        _TIME,
        "mixed_offsets",
    ),
    ("times without separators", r"^\d{8}T\d{4,6}(?:\.\d+)?Z?$", _TIME, "basic_times"),
    ("dates", r"^\d{4}[/.]\d{1,2}[/.]\d{1,2}$", _DATE, "dates"),
    ("dates in several notations", _DATES, _DATE, "dates"),
    ("amounts of money", _AMOUNT, _NUMBER, "money"),
    ("percentages", rf"^{_SIGN}\d[\d.,]*\s?%$", _NUMBER, "percent"),
    ("numbers with points between thousands", _POINTS, _NUMBER, "thousands"),
    ("numbers in the base of 16", r"^[+-]?0[xX][0-9a-fA-F]+$", None, "hexadecimal"),
    ("numbers with underscores", r"^[+-]?\d+(?:_\d+)+$", None, "underscores"),
)
_READ_AS = {_NUMBER: "number", _DATE: "date", _TIME: "datetime"}
_THOUSANDS = rf"^{_SIGN}\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?$"
_AMBIGUOUS = rf"^{_SIGN}\d{{1,3}},\d{{3}}$"
_DECIMAL_COMMA = rf"^{_SIGN}(?:\d+|\d{{1,3}}(?:\.\d{{3}})+),\d+$"
_ENDLESS = ("inf", "infinity")
_MISSING = frozenset(
    {
        *("-", "--", "---", ".", "..", "*", "#n/a", "#na", "n.a.", "n/a", "na", "nan", "nil", "none", "null"),
        *("missing", "unknown", "not available", "not applicable", "undefined", "empty", "blank", "tbd"),
        *("yok", "bilinmiyor", "belirsiz", "boş", "bos", "mevcut değil"),
    }
)


def looks(
    column: pl.Series, numbers: pl.Series, places: Sequence[int] = (), *, is_hidden: bool = False
) -> Iterator[Finding]:
    """Yield what a column of texts looks like, if not like texts; `numbers` are those among its values.

    Values of a hidden column are not shown. Of a column of only some rows `places` says which, from 0.
    """
    present = column.drop_nulls()
    if not len(present):
        return
    found = _day_or_month(present) or _kind(present) or _commas(present)
    if found:
        like, options, rule = found
        shown = "" if is_hidden else f" ({present[0]!r})"
        message = f"column {column.name!r} looks like {like}{shown}, so it is taken as text"
        yield _warned(rule, column.name, message, step_line(column.name, options))
    else:
        yield from _nearly_numbers(column, numbers, places, is_hidden=is_hidden)


def look_of(present: pl.Series) -> str:
    """Say in words what texts look like, or "" if they look like texts."""
    found = _day_or_month(present) or _kind(present) or _commas(present)
    return found[0] if found else ""


def reads_as(present: pl.Series) -> str:
    """Say as what a step reads texts: "number", "date" or "datetime"; "" where none does without help."""
    found = (_day_or_month(present) or _kind(present) or _commas(present)) if len(present) else None
    return _READ_AS.get(found[1], "") if found and found[1] is not None else ""


def is_missing(sign: str) -> bool:
    """Whether a text that stands among numbers or dates is known to say that there is none."""
    return sign.strip().casefold() in _MISSING


def step_line(name: str, options: str | None) -> str:
    """Say by which step a column is read, or that none reads it."""
    if options is None:
        return "no step reads them: write plain numbers"
    also = f" and {options}" if options else ""
    return (
        f"read them by a step: `[[data.steps]]` with parse = {json.dumps([name], ensure_ascii=False)}{also}"
    )


def missing_line(texts: Iterable[str]) -> str:
    """Return the line of `[data]` that lists the texts that mean missing."""
    return f"missing = {json.dumps(list(texts), ensure_ascii=False)}"


def _kind(present: pl.Series) -> tuple[str, str | None, str] | None:
    for like, pattern, options, rule in _KINDS:
        if int(present.str.contains(pattern).sum()) >= NEARLY_ALL * len(present):
            return like, options, rule
    return None


def _day_or_month(present: pl.Series) -> tuple[str, str | None, str] | None:
    least = NEARLY_ALL * len(present)
    kinds = (("dates", "", _DATE), ("times", _OF_THE_DAY, _TIME))
    found = (each for each in kinds if int(present.str.contains(f"{_DAY_OR_MONTH}{each[1]}$").sum()) >= least)
    what, _, options = next(found, ("", "", ""))
    if not what:
        return None
    is_day, is_month = (bool(present.str.contains(each).any()) for each in (_DAY_FIRST, _MONTH_FIRST))
    if is_day != is_month:
        return f"{what} with the {'day' if is_day else 'month'} first", options, "dates"
    return f"{what} in an order of day and month that nobody can tell", options, "dates"


def _commas(present: pl.Series) -> tuple[str, str | None, str] | None:
    least = NEARLY_ALL * len(present)
    measured = int(present.str.contains(_MEASURE).sum())
    if measured >= MOST * len(present):
        return "numbers with units", _NUMBER, "units"
    if bool(present.str.contains(_AMBIGUOUS).all()):
        like = "numbers, and nobody can tell whether the comma parts thousands or is a decimal one"
        return like, 'decimal = "," or "."', "ambiguous_comma"
    if int(present.str.contains(_THOUSANDS).sum()) >= least:
        return "numbers with commas between thousands", _NUMBER, "thousands"
    if int(present.str.contains(_DECIMAL_COMMA).sum()) >= least:
        return "numbers with a decimal comma", _NUMBER, "decimal_comma"
    return None


def _nearly_numbers(
    column: pl.Series, numbers: pl.Series, places: Sequence[int], *, is_hidden: bool
) -> Iterator[Finding]:
    others = (numbers.is_null() & column.is_not_null()).arg_true()
    present = len(column) - column.null_count()
    share = 1 - len(others) / present
    signs = sorted(column[others].unique().to_list()) if share > 0 else []
    are_missing = all(map(is_missing, signs))
    is_known = are_missing or (share >= MOST and (share >= NEARLY_ALL or len(signs) <= FEW_SIGNS))
    if not signs or not is_known:
        return
    row = int(others[0])
    place = places[row] if places else row
    value = "a value that is not shown" if is_hidden else repr(column[row])
    hint = "mend these values, or list them in `[data] missing` if they mean that"
    if (are_missing or len(signs) <= FEW_SIGNS) and not is_hidden:
        listed = json.dumps(signs, ensure_ascii=False)[1:-1]
        hint = f"mend these values, or add {listed} to `[data] missing` if they mean that"
    if any(sign.strip("+-").lower() in _ENDLESS for sign in signs):
        hint += "; no model takes an infinite number"
    message = (
        f"column {column.name!r} is taken as text: {present - len(others):,} of {present:,} values are "
        f"numbers, {len(others):,} are not, first in row {place + 1}: {value}"
    )
    yield _warned("mixed", column.name, message, hint)


def _warned(rule: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(rule=rule, subject=subject, verdict=Verdict.WARNED, message=message, hint=hint)
