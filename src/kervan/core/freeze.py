"""When nothing is released: days of the year, or hours of every week, as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime

from kervan.core.errors import InvalidConfig

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATES = re.compile(r"(\d{4}-\d\d-\d\d)(?:\s*\.\.\s*(\d{4}-\d\d-\d\d))?")
_HOURS = re.compile(r"([a-z]{3}) (\d\d):(\d\d)\s*\.\.\s*([a-z]{3}) (\d\d):(\d\d)")
_HOW = 'write "2026-12-20..2027-01-04" or "fri 16:00..mon 08:00"'


def is_frozen(window: str, at: datetime) -> bool:
    """Say whether a window holds a moment, which is in local time; raise `InvalidConfig` for no window.

    Days of the year are all of them from the first to the last; hours come back every week.

    >>> is_frozen("2026-12-20..2027-01-04", datetime(2027, 1, 4, 23))
    True
    >>> is_frozen("fri 16:00..mon 08:00", datetime(2026, 12, 1))
    False
    """
    text = window.strip().lower()
    if dates := _DATES.fullmatch(text):
        first = _day(dates[1], window)
        return first <= at.date() <= _day(dates[2] or dates[1], window)
    hours = _HOURS.fullmatch(text)
    if hours is None or {hours[1], hours[4]} - set(_DAYS):
        raise InvalidConfig(f"[release] freeze: {window!r} is no window", hint=_HOW)
    start, end = _minute(hours[1], hours[2], hours[3]), _minute(hours[4], hours[5], hours[6])
    now = (at.weekday() * 24 + at.hour) * 60 + at.minute
    return start <= now < end if start <= end else now >= start or now < end


def _day(text: str, window: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidConfig(f"[release] freeze: {window!r}: {error}", hint=_HOW) from error


def _minute(day: str, hour: str, minute: str) -> int:
    if int(hour) > 24 or int(minute) > 59:
        raise InvalidConfig(f"[release] freeze: there is no {hour}:{minute}", hint=_HOW)
    return (_DAYS.index(day) * 24 + int(hour)) * 60 + int(minute)
