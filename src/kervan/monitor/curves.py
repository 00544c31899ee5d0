"""Curves over time, as pictures in a page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WIDTH, _HEIGHT, _ABOVE, _BELOW = 560, 150, 22, 20
_STYLES = ("line", "line second", "line third", "line fourth")  # of `kervan.data.html`
MOST = len(_STYLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A figure over time: pairs of seconds and its value, None where it is not known."""

    name: str
    points: Sequence[tuple[float, float | None]]


def picture(
    curves: Sequence[Curve], shown: Callable[[float], str], *, top: float = 0.0, in_steps: bool = False
) -> str:
    """Draw up to four curves from 0 up; a dashed line is at `top`, if there is one.

    `shown` writes values; `in_steps` is for what stays until it changes.
    """
    known = [point for curve in curves for point in curve.points if point[1] is not None]
    if not known:
        return '<p class="soft">Nothing was seen.</p>'
    start, end = min(at for at, _ in known), max(at for at, _ in known)
    highest = max([top, *(value for _, value in known if value is not None)]) or 1.0
    scale = _WIDTH / ((end - start) or 1.0), (_HEIGHT - 1) / (1.05 * highest)
    lines = "".join(
        f'<path class="{style}" d="{_path(part, start, scale, in_steps)}"/>'
        for curve, style in zip(curves, _STYLES, strict=False)
        for part in _parts(curve)
    )
    level = _ABOVE + _HEIGHT - scale[1] * (top or highest)
    mark = f'<line class="mark" x1="0" x2="{_WIDTH}" y1="{level:.1f}" y2="{level:.1f}"/>' if top else ""
    return (
        f'<svg viewBox="0 0 {_WIDTH + 80} {_ABOVE + _HEIGHT + _BELOW}" width="{_WIDTH + 80}" role="img">'
        f'<rect class="frame" y="{_ABOVE}" width="{_WIDTH}" height="{_HEIGHT}"/>{mark}{lines}'
        f"{_legend(curves)}"
        f'<text x="{_WIDTH + 6}" y="{level + 4:.1f}">{escape(shown(top or highest))}</text>'
        f'<text x="{_WIDTH + 6}" y="{_ABOVE + _HEIGHT}">{escape(shown(0.0))}</text>'
        f'<text x="0" y="{_ABOVE + _HEIGHT + 14}">0 s</text>'
        f'<text x="{_WIDTH}" y="{_ABOVE + _HEIGHT + 14}" text-anchor="end">{end - start:,.0f} s</text></svg>'
    )


def _parts(curve: Curve) -> Iterator[list[tuple[float, float]]]:
    """Cut a curve where nothing is known."""
    part: list[tuple[float, float]] = []
    for at, value in curve.points:
        if value is not None:
            part.append((at, value))
        elif part:
            yield part
            part = []
    if part:
        yield part


def _path(
    points: Sequence[tuple[float, float]], start: float, scale: tuple[float, float], in_steps: bool
) -> str:
    places = [((at - start) * scale[0], _ABOVE + _HEIGHT - value * scale[1]) for at, value in points]
    path = f"M{places[0][0]:.1f} {places[0][1]:.1f}"
    for (_, before), (x, y) in pairwise(places):
        path += f"L{x:.1f} {before:.1f}L{x:.1f} {y:.1f}" if in_steps else f"L{x:.1f} {y:.1f}"
    return path


def _legend(curves: Sequence[Curve]) -> str:
    each = _WIDTH / MOST
    return "".join(
        f'<line class="{style}" x1="{place * each:.0f}" x2="{place * each + 18:.0f}" y1="8" y2="8"/>'
        f'<text x="{place * each + 24:.0f}" y="12">{escape(curve.name)}</text>'
        for place, (curve, style) in enumerate(zip(curves, _STYLES, strict=False))
    )
