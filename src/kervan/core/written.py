"""How people write the numbers and dates of one column: what a step of a dataset found out.

A step reads a whole table by the patterns of this module; `Written` reads a single value by the same rules,
so that whoever asks a model may write a number as the source of its training data did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

GAPS = r"\s\u00a0\u2009\u202f'\u2019"  # what stands between thousands besides points and commas
MINUS = ("-", "\u2212")
OTHER_MARK = {",": ".", ".": ","}
_SIGN = r"[+\-\u2212]?"
NUMBER = (
    rf"^(?P<sign>{_SIGN})(?P<before>[^0-9.,+\-\u2212]*)(?P<inner>{_SIGN})"
    rf"(?P<digits>[0-9.,{GAPS}]*[0-9])(?P<after>[^0-9]*)$"
)
IN_BRACKETS = r"^([^()0-9]*)\((.*)\)([^()0-9]*)$"  # below zero, as bookkeepers write it
EPOCHS = {"epoch": 1_000_000, "epoch ms": 1_000, "epoch us": 1}
_CLOCK = (
    r"(?:[T ](?P<hour>[0-9]{1,2}):?(?P<minute>[0-9]{2})"
    r"(?::?(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,6})[0-9]*)?)?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?$"
)
NOTATIONS = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})" + _CLOCK,
    r"^(?P<year>[0-9]{4})[./](?P<month>[0-9]{1,2})[./](?P<day>[0-9]{1,2})" + _CLOCK,
    r"^(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})" + _CLOCK,
)
# Here nobody can tell by one text whether the day or the month comes first.
EITHER = r"^(?P<first>[0-9]{1,2})[-./](?P<other>[0-9]{1,2})[-./](?P<year>[0-9]{4})" + _CLOCK
_LONGEST = 128  # signs: what is longer is neither, and would keep the patterns busy
PARTS = ("year", "month", "day", "hour", "minute", "second", "part", "offset")
# What datasets hold, and callers may always give: UTC where no offset is named, whatever the source's zone.
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9].*)?$"
# Which every library reads alike.
_PLAIN_FORMAT = re.compile(r"(?:%[YmdHMS]|[^%\s])(?:%[YmdHMS]|[^%])*")
_SOME_TIME = datetime(2024, 12, 31, 13, 30, 15, tzinfo=UTC)
_START = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def grouped(decimal: str) -> str:
    """Return a pattern of digits with a decimal mark, and the other mark between thousands or nowhere.

    Without a decimal mark there is neither.
    """
    if not decimal:
        return "^[0-9]+$"
    return rf"^([0-9]+|[0-9]{{1,3}}(\{OTHER_MARK[decimal]}[0-9]{{3}})+)?(\{decimal}[0-9]+)?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How one column is written; `to` says what its values are: "number", "date" or "datetime".

    Of numbers `decimal` is the mark ("" where none was ever used, so that nobody knows what one would mean),
    and `units` what one of each unit is worth ("" is none). Of dates `format` is a pattern of strftime or one
    of `EPOCHS`, `is_day_first` how 01.02.2024 is meant (None: nobody knows), `zone` the time zone of times
    that name no offset.
    """

    to: str = "number"
    decimal: str = "."
    units: Mapping[str, float] = field(default_factory=dict)
    format: str = ""
    is_day_first: bool | None = None
    zone: str = ""

    def value(self, value: Any) -> Any:
        """Return a value that is written so as a number, or as the text of a date by ISO 8601.

        What is not written so stays as it is, and so does a date by ISO 8601.

        >>> Written(decimal=",", units={"TL": 1.0, "": 1.0}).value("17.244,63 TL")
        17244.63
        >>> Written(to="date", is_day_first=True).value("1.2.2024")
        '2024-02-01'
        >>> Written(decimal=",", units={"": 1.0}).value("1.5"), Written().value(1.5)
        ('1.5', 1.5)
        """
        if isinstance(value, str) and len(value) > _LONGEST:
            return value
        found: float | datetime | None
        if self.to == "number":
            found = self._number(value) if isinstance(value, str) else None
            return value if found is None else found
        found = self._time(value)
        if found is None or (self.to == "date" and found.time() != time()):
            return value
        return (found.date() if self.to == "date" else found).isoformat()

    @property
    def example(self) -> str:
        """One value that is written so, for people."""
        if self.to == "number":
            unit = next((unit for unit in self.units if unit), "")
            digits = f"1{OTHER_MARK[self.decimal]}234{self.decimal}5" if self.decimal else "1234"
            return f"{digits} {unit}".strip()
        if self.format in EPOCHS:
            return str(86_400 * 1_000_000 // EPOCHS[self.format])
        form = self.format or {True: "%d.%m.%Y", False: "%m/%d/%Y", None: "%Y-%m-%d"}[self.is_day_first]
        clock = " %H:%M" if self.to == "datetime" and not self.format else ""
        return _SOME_TIME.strftime(form + clock)

    @property
    def is_portable(self) -> bool:
        """Whether a single value can be read by it.

        Other formats than plain ones only Polars reads, and what looks like ISO 8601 is read as that.
        """
        if self.format in {"", *EPOCHS}:
            return True
        is_plain = _PLAIN_FORMAT.fullmatch(self.format) is not None
        return is_plain and not _compiled(_ISO).match(_SOME_TIME.strftime(self.format))

    def _number(self, text: str) -> float | None:
        brackets = _compiled(IN_BRACKETS).match(text)
        found = _compiled(NUMBER).match(("".join(brackets.groups()) if brackets else text).strip())
        if found is None:
            return None
        unit = (found["before"] + found["after"]).strip()
        digits = _compiled(f"[{GAPS}]").sub("", found["digits"])
        if unit not in self.units or not _compiled(grouped(self.decimal)).match(digits):
            return None
        if self.decimal:
            digits = digits.replace(OTHER_MARK[self.decimal], "").replace(self.decimal, ".")
        number = float(digits)
        is_minus = found["sign"] + found["inner"] in MINUS or brackets is not None
        return (-number if is_minus else number) * self.units[unit]

    def _time(self, value: Any) -> datetime | None:
        if self.format in EPOCHS:
            return self._since_epoch(value)
        if not isinstance(value, str) or _compiled(_ISO).match(value):
            return None
        try:
            found, is_local = self._by_format(value) if self.format else self._by_notation(value)
        except (ValueError, OverflowError):
            return None
        return self._in_utc(found) if is_local and self.zone else found

    def _since_epoch(self, value: Any) -> datetime | None:
        try:
            micro = round(float(value) * EPOCHS[self.format])
            return None if isinstance(value, bool) else _START + timedelta(microseconds=micro)
        except (TypeError, ValueError, OverflowError):
            return None

    def _by_format(self, text: str) -> tuple[datetime, bool]:
        return datetime.strptime(text, self.format), True

    def _by_notation(self, text: str) -> tuple[datetime, bool]:
        """Return a time in UTC, or a local one, and whether it is local. Raises `ValueError` for none."""
        found = next(filter(None, (_compiled(each).match(text) for each in NOTATIONS)), None)
        parts = found.groupdict() if found else self._by_order(text)
        day = (int(parts[name]) for name in ("year", "month", "day"))
        clock = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
        micro = int((parts["part"] or "0").ljust(6, "0"))
        local = datetime(*day, *clock, micro)  # type: ignore[arg-type, call-arg]
        offset = parts["offset"]
        return local - _offset(offset or "Z"), offset is None

    def _by_order(self, text: str) -> dict[str, Any]:
        found = _compiled(EITHER).match(text)
        if found is None or self.is_day_first is None:
            raise ValueError(text)
        day, month = ("first", "other") if self.is_day_first else ("other", "first")
        return {**found.groupdict(), "day": found[day], "month": found[month]}

    def _in_utc(self, local: datetime) -> datetime | None:
        """Bring a time of the zone to UTC; None for one that a change of the clock skips or has twice."""
        zone = _zone(self.zone)
        early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if early.utcoffset() != late.utcoffset():
            return None
        return early.astimezone(UTC).replace(tzinfo=None)


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as Polars understands it: `$` is the very end, not before a last line feed."""
    return re.compile(pattern.removesuffix("$") + (r"\Z" if pattern.endswith("$") else ""))


@cache
def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidConfig(
            f"this machine does not know the time zone {name!r}", hint="install tzdata"
        ) from error
