"""Checks proposed from a table: what holds there, with a margin for the next one."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import permutations
from typing import TYPE_CHECKING, Any

from kervan.core.checking import WARN, Check
from kervan.core.schema import Type
from kervan.data.checks.written import Suggestion
from kervan.data.seen import names_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import polars as pl

    from kervan.core.schema import Schema

_FEW = 30  # so many different values may be listed
_FEWEST_ROWS = 20  # fewer rows say little about order, patterns and uniqueness
_MARGIN = 0.1  # of the range that was seen, on either side
_LEAST_ROOM, _MOST_ROOM = 1e-200, 1e200  # beyond, doubles have no room for a margin
_SHAPES = 3  # so many patterns a column of codes may have
_LONGEST = 40  # characters: longer texts are no codes
_SOON = 90  # days: a table whose newest row is older is no stream
_DAY = 86_400.0
_MANY_DATES = 8  # so many columns of dates are compared in pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Checks that hold on a table, and the newest date of each column of dates, as it is written."""

    suggestions: tuple[Suggestion, ...]
    newest: Mapping[str, str]

    def at(self, now: float) -> Iterator[Suggestion]:
        """Yield what is proposed at a time (seconds since 1970): fresh rows too, if the newest is new."""
        for each in self.suggestions:
            yield each
            if each.check.column in self.newest:
                yield from _fresh(each.check.column, self.newest[each.check.column], now)


def suggest(
    table: pl.DataFrame, schema: Schema, *, target: str = "", hidden: Collection[str] = ()
) -> Proposed:
    """Propose checks that hold on this table; of columns in `hidden` no value is written."""
    newest: dict[str, str] = {}
    found = [
        Suggestion(
            check=Check(rows=(max(1, table.height // 2),), severity=WARN),
            reasons=(f"{table.height:,} rows here; far fewer are worth a look",),
        )
    ]
    for column in schema:
        values = table[column.name]
        if values.null_count() == len(values):
            continue
        found.append(_of_column(values, column.type, is_hidden=column.name in hidden))
        if column.type in {Type.DATE, Type.DATETIME} and column.name not in hidden:
            newest[column.name] = str(values.max())
    visible = [name for name in table.columns if name not in hidden and name != target]
    return Proposed(suggestions=(*found, *_orders(table, schema, visible)), newest=newest)


def _of_column(values: pl.Series, kind: Type, *, is_hidden: bool) -> Suggestion:
    check, reasons = Check(column=values.name), []
    present = values.drop_nulls()
    if kind not in {Type.TEXT, Type.CATEGORY}:
        check = replace(check, type=str(kind))
    is_name = len(present) >= _FEWEST_ROWS and bool(names_rows(values))
    if is_name and present.n_unique() == len(present):
        check = replace(check, unique=True)
        reasons.append("no value is there twice, as they only name rows")
    share = values.null_count() / len(values)
    if _more(share) < 1:
        check = replace(check, missing_at_most=_more(share))
    reasons.append(f"{share:.2%} missing here" if share else "nothing is missing here")
    if not is_hidden and (not is_name or kind in {Type.TEXT, Type.CATEGORY}):
        check, reason = _by_values(check, present, kind)
        reasons += [reason] if reason else []
    return Suggestion(check=check, reasons=tuple(reasons))


def _more(share: float) -> float:
    """Return a share that may be missing, where so much is missing here."""
    return 0.0 if share == 0 else min(1.0, math.ceil(100 * (1.5 * share + 0.01)) / 100)


def _by_values(check: Check, present: pl.Series, kind: Type) -> tuple[Check, str]:
    if kind in {Type.INTEGER, Type.NUMBER}:
        return _range(check, present, is_whole=kind is Type.INTEGER)
    if kind is Type.CATEGORY and present.n_unique() <= _FEW:
        allowed = tuple(sorted(present.unique().to_list()))
        return replace(check, allowed=allowed), f"{len(allowed)} different values in {len(present):,} rows"
    if kind in {Type.CATEGORY, Type.TEXT}:
        return _shape(check, present)
    if kind in {Type.DATE, Type.DATETIME}:
        first: Any = present.min()
        return replace(check, least=f"{first.year:04}-01-01"), f"the first is {first}"
    return check, ""


def _range(check: Check, present: pl.Series, *, is_whole: bool) -> tuple[Check, str]:
    finite = present if is_whole else present.filter(present.is_finite())
    if finite.n_unique() < 2 or len(finite) < len(present):
        return check, ""
    low, high = float(finite.min()), float(finite.max())  # type: ignore[arg-type]  # numbers
    room = _MARGIN * (high - low)
    if not _LEAST_ROOM < room < _MOST_ROOM:
        return check, ""
    least = 0.0 if 0 <= low < room else _outward(low - room, room, up=False)
    most = 0.0 if -room < high <= 0 else _outward(high + room, room, up=True)
    if is_whole:
        least, most = float(math.floor(least)), float(math.ceil(most))
    if not least <= low <= high <= most:
        return check, ""
    return replace(check, between=(least, most)), f"from {low:g} to {high:g} here"


def _outward(value: float, room: float, *, up: bool) -> float:
    """Round away from the values, to one digit of the margin."""
    digits = math.floor(math.log10(room))
    rounded = (math.ceil if up else math.floor)(value / 10.0**digits) * 10.0**digits
    return round(rounded, max(0, -digits))


def _shape(check: Check, present: pl.Series) -> tuple[Check, str]:
    """Propose a pattern where texts are codes of few forms, else lengths."""
    lengths = present.str.len_chars()
    shortest, longest = int(lengths.min()), int(lengths.max())  # type: ignore[arg-type]  # counts
    if longest <= _LONGEST and len(present) >= _FEWEST_ROWS:
        shapes = present.str.replace_all(r"\d", "9").str.replace_all(r"\p{Lu}", "A")
        shapes = shapes.str.replace_all(r"\p{Ll}", "a").unique()
        if len(shapes) <= _SHAPES and shapes.str.contains("9").all():
            pattern = "|".join(sorted(map(_pattern, shapes.to_list())))
            return replace(check, pattern=pattern), f"all texts are of the form of {present[0]!r}"
    limits = (shortest // 2, math.ceil(1.5 * longest))
    return replace(check, length=limits), f"{shortest:,} to {longest:,} characters here"


def _pattern(shape: str) -> str:
    """Return the regular expression of a shape, in which 9, A and a stand for digits and letters.

    >>> _pattern("AA-999.9")
    '\\\\p{Lu}{2}\\\\-\\\\d{3}\\\\.\\\\d'
    """
    kinds = {"9": r"\d", "A": r"\p{Lu}", "a": r"\p{Ll}"}
    parts = []
    for sign, run in ((match[1], match[0]) for match in re.finditer(r"(.)\1*", shape, re.DOTALL)):
        times = f"{{{len(run)}}}" if len(run) > 1 else ""
        parts.append(kinds[sign] + times if sign in kinds else re.escape(run))
    return "".join(parts)


def _fresh(column: str, newest: str, now: float) -> Iterator[Suggestion]:
    moment = datetime.combine(date.fromisoformat(newest[:10]), time(), tzinfo=UTC)
    age = (now - moment.timestamp()) / _DAY
    if 0 <= age <= _SOON:
        days = max(2, math.ceil(2 * age))
        reason = f"the newest is {newest}"
        check = Check(column=column, newest_within=f"{days}d", severity=WARN)
        yield Suggestion(check=check, reasons=(reason,))


def _orders(table: pl.DataFrame, schema: Schema, names: list[str]) -> Iterator[Suggestion]:
    """Propose `end >= start` for columns of dates of which one is never before the other."""
    if table.height < _FEWEST_ROWS:
        return
    for kind in (Type.DATE, Type.DATETIME):
        dates = [name for name in names if schema[name].type is kind][:_MANY_DATES]
        for first, second in permutations(dates, 2):
            later = (table[second] >= table[first]).drop_nulls()
            if len(later) >= _FEWEST_ROWS and later.all() and not (table[second] == table[first]).all():
                check = Check(expression=f"{_quoted(second)} >= {_quoted(first)}")
                yield Suggestion(check=check, reasons=("so in all rows here that have both",))


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d]\w*", name) else '"' + name.replace('"', '""') + '"'
