"""Rows below each other, each with a name and a bar or dot with its reach: what matters most comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 24
_TOLD = 70
_WIDE = 600  # from here on it is scrolled on a small screen, not shrunk
_LETTER = 6.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One row: its name, its figure with the ends of its reach, what is written behind it, and its tone."""

    name: str
    value: float
    told: str
    low: float | None = None
    high: float | None = None
    tone: str = "first"


def ranked(rows: Sequence[Ranked], *, label: str, width: int = 560, names: int = 190) -> Markup:
    """Draw a bar from 0 for each row, also to the left, with its reach as a whisker."""
    low, high = _ends(rows, with_zero=True)
    frame = _Frame(low, high, width, names)
    drawn = []
    for place, row in enumerate(rows):
        middle = place * _ROW + 12
        start, end = sorted((frame.x(0.0), frame.x(row.value)))
        drawn += [
            frame.name(row, middle),
            Markup('<rect class="{}" x="{}" y="{}" width="{}" height="12" rx="2"/>').format(
                row.tone, f"{start:.1f}", middle - 6, f"{max(1.0, end - start):.1f}"
            ),
            frame.reach(row, middle),
            frame.told(row, middle),
        ]
    zero = Markup('<line class="axis" x1="{x}" x2="{x}" y1="0" y2="{h}"/>').format(
        x=f"{frame.x(0.0):.1f}", h=len(rows) * _ROW
    )
    return frame.picture([zero, *drawn], len(rows), label)


def reached(
    rows: Sequence[Ranked], *, label: str, mark: float | None = None, width: int = 560, names: int = 190
) -> Markup:
    """Draw a dot on its reach for each row, and a line at `mark` through all of them."""
    low, high = _ends(rows, with_zero=False)
    if mark is not None:
        low, high = min(low, mark), max(high, mark)
    frame = _Frame(low, high, width, names)
    drawn = []
    if mark is not None:
        drawn.append(
            Markup('<line class="mark" x1="{x}" x2="{x}" y1="0" y2="{h}"/>').format(
                x=f"{frame.x(mark):.1f}", h=len(rows) * _ROW
            )
        )
    for place, row in enumerate(rows):
        middle = place * _ROW + 12
        dot = Markup('<circle class="{}" cx="{}" cy="{}" r="5"/>').format(
            row.tone, f"{frame.x(row.value):.1f}", middle
        )
        drawn += [frame.name(row, middle), frame.reach(row, middle), dot, frame.told(row, middle)]
    return frame.picture(drawn, len(rows), label)


def _ends(rows: Sequence[Ranked], *, with_zero: bool) -> tuple[float, float]:
    figures = [each for row in rows for each in (row.value, row.low, row.high) if each is not None]
    figures += [0.0] if with_zero or not figures else []
    low, high = min(figures), max(figures)
    return low, high if high > low else low + (abs(low) or 1.0)


@dataclass(frozen=True, slots=True)
class _Frame:
    low: float
    high: float
    width: int
    names: int

    def x(self, value: float) -> float:
        room = self.width - self.names - _TOLD - 10
        return self.names + 5 + room * (value - self.low) / (self.high - self.low)

    def name(self, row: Ranked, middle: int) -> Markup:
        most = int(self.names / _LETTER)
        short = row.name if len(row.name) <= most else row.name[: most - 1] + "…"
        return Markup('<text class="name" x="0" y="{}">{}<title>{}</title></text>').format(
            middle + 4, short, row.name
        )

    def reach(self, row: Ranked, middle: int) -> Markup:
        if row.low is None or row.high is None:
            return Markup("")
        return Markup('<line class="reach" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
            f"{self.x(row.low):.1f}", f"{self.x(row.high):.1f}", y=middle
        )

    def told(self, row: Ranked, middle: int) -> Markup:
        return Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            self.width, middle + 4, row.told
        )

    def picture(self, drawn: Sequence[Markup], rows: int, label: str) -> Markup:
        return Markup(
            '<svg class="picture {kind}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
            'aria-label="{label}">{drawn}</svg>'
        ).format(
            kind="ranked wide" if self.width > _WIDE else "ranked",
            w=self.width,
            h=max(1, rows * _ROW),
            label=label,
            drawn=Markup("").join(drawn),
        )
