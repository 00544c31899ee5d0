"""The rules by which the values of a table are read, the same for every way in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from numbers import Real
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from kervan.core.written import Written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Unicode's White_Space, written out: every library strips other characters.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
COMPOSED: Final = "NFC"
# A text without any character of this class is in NFC, whatever else it holds: all others are composed
# themselves, and join none before them. Looking for one is ten times as fast as composing.
UNSETTLED = (
    r"[^\x00-\u02FF\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03FF\u0400-\u0482\u048A-\u052F\u0531-\u0556"
    r"\u05D0-\u05EA\u0621-\u064A\u1E00-\u1EFF\u2010-\u2027\u2030-\u205E\u20A0-\u20C0\u2190-\u21FF\u2500-\u25FF"
    r"\u3001-\u3029\u3041-\u3096\u30A1-\u30FA\u4E00-\u9FFF\uAC00-\uD7A3\uFF01-\uFF5E"
    r"\U0001F300-\U0001F5FF\U0001F600-\U0001F64F\U0001F680-\U0001F6C5\U0001F900-\U0001F9FF]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How values are read: by default as they are, as packages of the first forms do.

    With `strip` texts lose surrounding blanks; `form` is the Unicode form ("NFC") of texts and of columns'
    names, or "". A text in `missing` stands for no value, and so does a number that one of them writes.
    `written` says of some columns how people write their numbers and dates.
    """

    strip: bool = False
    form: str = ""
    missing: tuple[str, ...] = ()
    written: Mapping[str, Written] = field(default_factory=dict)

    @classmethod
    def of_table(cls, missing: Iterable[str], written: Mapping[str, Written] | None = None) -> Reading:
        """Return the rules by which tables are read: no blanks, NFC, the empty text is missing.

        >>> Reading.of_table([" -999", "NA"]).missing
        ('', '-999', 'NA')
        """
        texts = ("", *(composed(text.strip(BLANKS)) for text in missing))
        return cls(
            strip=True, form=COMPOSED, missing=tuple(dict.fromkeys(texts)), written=dict(written or {})
        )

    @property
    def is_plain(self) -> bool:
        """Whether values are taken as they are."""
        return not (self.strip or self.form or self.missing or self.written)

    @property
    def numbers(self) -> frozenset[float]:
        """The numbers that stand for no value."""
        return _numbers(self.missing)

    def of(self, names: Collection[str]) -> Reading:
        """Return the rules for these columns alone."""
        return replace(self, written={name: each for name, each in self.written.items() if name in names})

    def value(self, value: Any, column: str = "") -> Any:
        """Return a value, of a column, as these rules read it; None where it stands for none.

        >>> reading = Reading.of_table(["-999"], {"price": Written(decimal=",", units={"": 1.0})})
        >>> reading.value(" New York"), reading.value(-999.0), reading.value(""), reading.value(True)
        ('New York', None, None, True)
        >>> reading.value("1.234,50", "price"), reading.value("1.234,50")
        (1234.5, '1.234,50')
        """
        if isinstance(value, str):
            text = value.strip(BLANKS) if self.strip else value
            text = normalize(COMPOSED, text) if self.form and not text.isascii() else text
            value = None if text in self.missing else text
        elif not isinstance(value, bool) and isinstance(value, Real) and value in self.numbers:
            value = None
        written = self.written.get(column)
        return value if written is None or value is None else written.value(value)

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its names and values as these rules read them."""
        return {
            name: self.value(value, name)
            for name, value in ((self.name(written), value) for written, value in row.items())
        }

    def name(self, name: str) -> str:
        """Return a column's name as these rules read it."""
        return composed(name) if self.form else name


AS_WRITTEN = Reading()


def composed(text: str) -> str:
    """Return a text in Unicode's composed form (NFC): equal letters are equal texts.

    >>> composed("I\\u0307zmir") == "İzmir"
    True
    """
    return text if text.isascii() else normalize(COMPOSED, text)


@cache
def _numbers(texts: tuple[str, ...]) -> frozenset[float]:
    return frozenset(number for text in texts if (number := _number(text)) is not None)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
