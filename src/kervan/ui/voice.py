"""How numbers, times and sizes are written for the reader: sensible digits, in the reader's language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from kervan.core.errors import did_you_mean
from kervan.core.shown import moment
from kervan.ui.texts import LANGUAGES, said

_NOTHING = Markup("–")
_SIZES = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks one language."""

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(did_you_mean(self.language, LANGUAGES))

    def text(self, text: str, **values: Any) -> str:
        """Return a text in the reader's language."""
        return said(self.language, text, **values)

    def number(self, value: float | None, digits: int = 4) -> str:
        """Write a number with so many digits that count; whole numbers have all of theirs.

        >>> Voice().number(1234567), Voice().number(0.123456), Voice("tr").number(12.36)
        ('1,234,567', '0.1235', '12,36')
        """
        if value is None or math.isnan(value):
            return _NOTHING
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
            written = f"{int(value):,}"
        elif 1e-4 <= abs(value) < 1e6:
            places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
            written = f"{value:,.{min(places, 8)}f}"
            written = written.rstrip("0").rstrip(".") if "." in written else written
        else:
            written = f"{value:.{digits - 1}g}"
        return self._localised(written)

    def metric(self, value: float | None) -> str:
        """Write a metric so that those below each other in a column end at the same place.

        >>> Voice().metric(0.5), Voice().metric(0.90612), Voice().metric(12.5), Voice("tr").metric(0)
        ('0.5000', '0.9061', '12.5', '0,0000')
        """
        if value is None or not (value == 0 or 1e-3 <= abs(value) <= 1):
            return self.number(value)
        return self._localised(f"{value:.4f}")

    def share(self, value: float | None) -> str:
        """Write a share of 1 in percent.

        >>> Voice().share(0.051), Voice("tr").share(0.5), Voice().share(1.0)
        ('5.1 %', '%50', '100 %')
        """
        if value is None or math.isnan(value):
            return _NOTHING
        percent = value * 100
        digits = 0 if percent == round(percent) else 1 if abs(percent) >= 1 else 2
        written = self._localised(f"{percent:.{digits}f}")
        return f"%{written}" if self.language == "tr" else f"{written} %"

    def size(self, value: float | None) -> str:
        """Write a number of bytes.

        >>> Voice().size(1_234_567)
        '1.23 MB'
        """
        if value is None:
            return _NOTHING
        power = min(len(_SIZES) - 1, int(math.log10(value) // 3)) if value >= 1 else 0
        return f"{self.number(value / 1000**power, 3)} {_SIZES[power]}"

    def took(self, seconds: float | None) -> str:
        """Write how long something took.

        >>> Voice().took(0.00123), Voice().took(3.21), Voice().took(3700)
        ('1.23 ms', '3.21 s', '1 h 1 min')
        """
        if seconds is None or math.isnan(seconds):
            return _NOTHING
        if seconds < 1e-3:
            return f"{self.number(seconds * 1e6, 3)} µs"
        if seconds < 1:
            return f"{self.number(seconds * 1e3, 3)} ms"
        if seconds < 60:
            return f"{self.number(seconds, 3)} {self.text('s')}"
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return f"{minutes} {self.text('min')}" + (f" {rest} {self.text('s')}" if rest else "")
        hours, minutes = divmod(minutes, 60)
        return f"{hours} {self.text('h')}" + (f" {minutes} {self.text('min')}" if minutes else "")

    def when(self, time: float | None) -> Markup:
        """Write a time: the page's script puts it into the reader's zone, the exact one is shown on hover."""
        if time is None:
            return _NOTHING
        exact = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, moment(time)[:16])

    def _localised(self, written: str) -> str:
        if self.language != "tr":
            return written.replace("-", "−") if "e" not in written else written
        return written.translate(str.maketrans(",.-", ".,−"))
