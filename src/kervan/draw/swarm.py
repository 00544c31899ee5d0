"""Dots in rows, those at one place beside each other: what many single values do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.draw.chart import figure, round_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW, _BOTTOM, _NAMES, _EDGE = 30, 34, 150, 12
_STEP = 5.0  # width of a place in which dots make room for each other
_LETTERS = 23


def swarm(
    rows: Sequence[tuple[str, Sequence[float], Sequence[float | None]]],
    *,
    label: str,
    name: str,
    width: int = 560,
    is_share: bool = False,
) -> Markup:
    """Draw a row of dots for each name: where they lie, and how high (0 to 1) what they stand for is.

    A dot without a height, None, has the tone of what has no order. `name` is that of the axis.
    """
    figures = [0.0, *(value for _, values, _ in rows for value in values)]
    low, high = min(figures), max(figures)
    span = (high - low) or 1.0
    height = len(rows) * _ROW + _BOTTOM

    def x(value: float) -> float:
        return _NAMES + _EDGE + (width - _NAMES - 2 * _EDGE) * (value - low) / span

    drawn = [
        Markup('<line class="{}" x1="{x}" x2="{x}" y1="0" y2="{h}"/>').format(
            "axis" if tick else "mark", x=f"{x(tick):.1f}", h=height - _BOTTOM
        )
        for tick in round_figures(low, high)
    ]
    drawn += [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            f"{x(tick):.1f}", height - _BOTTOM + 14, figure(tick, is_share=is_share)
        )
        for tick in round_figures(low, high)
    ]
    middle = (_NAMES + width) / 2
    drawn.append(
        Markup('<text class="name" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            f"{middle:.0f}", height - 4, name
        )
    )
    for place, (title, values, heights) in enumerate(rows):
        short = title if len(title) <= _LETTERS else title[: _LETTERS - 1] + "…"
        drawn.append(
            Markup('<text class="name" x="0" y="{}">{}<title>{}</title></text>').format(
                place * _ROW + 19, short, title
            )
        )
        drawn.append(_dots([x(value) for value in values], heights, place * _ROW + _ROW / 2))
    return Markup(
        '<svg class="picture swarm" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="{label}">{drawn}</svg>'
    ).format(w=width, h=height, label=label, drawn=Markup("").join(drawn))


def _dots(places: Sequence[float], heights: Sequence[float | None], middle: float) -> Markup:
    """Draw the dots of a row: each place takes them above and below the middle in turns."""
    taken: Counter[int] = Counter()
    drawn = []
    for place, height in zip(places, heights, strict=True):
        at = round(place / _STEP)
        nth = taken[at]
        taken[at] += 1
        off = (nth + 1) // 2 * (3.0 if nth % 2 else -3.0)
        tone = "plain" if height is None else f"heat{round(height * 4)}"
        drawn.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="2.6"/>').format(
                tone, f"{place:.1f}", f"{middle + max(-12.0, min(12.0, off)):.1f}"
            )
        )
    return Markup("").join(drawn)
