"""Bars: upright for histograms, lying for shares of categories, one bar in parts for traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_TONES = ("first", "second", "third", "fourth")


def histogram(
    counts: Sequence[int], left: str, right: str, *, label: str, size: tuple[int, int] = (320, 64)
) -> Markup:
    """Draw upright bars, with what stands at both ends of the axis below."""
    width, height = size
    highest = max(counts, default=0) or 1
    step = width / max(1, len(counts))
    gap = 1 if step > 3 else 0
    drawn = Markup("").join(
        Markup('<rect class="first" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            _cut(place * step),
            _cut(height - height * count / highest),
            _cut(step - gap),
            _cut(height * count / highest),
            f"{count:,}",
        )
        for place, count in enumerate(counts)
        if count
    )
    ends = Markup('<text x="0" y="{y}">{left}</text><text x="{x}" y="{y}" text-anchor="end">{right}</text>')
    axis = Markup('<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>').format(width, height, height)
    return _picture(
        width, height + 15, label, drawn + axis + ends.format(x=width, y=height + 13, left=left, right=right)
    )


def bars(rows: Sequence[tuple[str, str, Sequence[float]]], *, label: str, width: int = 420) -> Markup:
    """Draw lying bars: for each row a name, what is written behind it, and one or two lengths from 0 to 1."""
    highest = max((part for *_, parts in rows for part in parts), default=0) or 1
    names = 150
    room = width - names - max(78, 6 * max((len(told) for _, told, _ in rows), default=0) + 10)
    drawn, top = [], 0
    for name, told, parts in rows:
        short = name if len(name) <= 22 else name[:21] + "…"
        drawn.append(
            Markup('<text class="name" x="0" y="{}">{}<title>{}</title></text>').format(top + 12, short, name)
        )
        for place, part in enumerate(parts):
            drawn.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="11" rx="2"/>').format(
                    _TONES[place], names, top + 3, _cut(max(1.0, room * part / highest))
                )
            )
            top += 13
        longest = max(parts, default=0)
        drawn.append(
            Markup('<text x="{}" y="{}">{}</text>').format(
                _cut(names + 6 + room * longest / highest), top - 1, told
            )
        )
        top += 5
    return _picture(width, max(top, 1), label, Markup("").join(drawn))


def shares(parts: Sequence[float], names: Sequence[str], *, label: str, width: int = 640) -> Markup:
    """Draw one bar in parts: shares of 1, each with a name."""
    drawn, left = [], 0.0
    for place, (part, name) in enumerate(zip(parts, names, strict=True)):
        wide = max(0.0, min(1.0, part)) * width
        drawn.append(
            Markup('<rect class="{}" x="{}" y="0" width="{}" height="18"><title>{}</title></rect>').format(
                _TONES[place % len(_TONES)], _cut(left), _cut(wide), name
            )
        )
        left += wide
    content = Markup('<rect class="quiet" width="{}" height="18"/>').format(width) + Markup("").join(drawn)
    return _picture(width, 18, label, content, "shares")


def meter(part: float, *, label: str, tone: str = "first", width: int = 90) -> Markup:
    """Draw how far something is on its way, from 0 to 1."""
    content = Markup(
        '<rect class="quiet" width="{}" height="8" rx="4"/><rect class="{}" width="{}" height="8" rx="4"/>'
    ).format(width, tone, _cut(width * max(0.0, min(1.0, part))))
    return _picture(width, 8, label, content, "meter")


def _picture(width: int, height: int, label: str, content: Markup, kind: str = "bars") -> Markup:
    return Markup(
        '<svg class="picture {}" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="{}" '
        'role="img" aria-label="{}">'
        "{}</svg>"
    ).format(kind, width, height, width, height, "none" if kind == "shares" else "xMinYMid", label, content)


def _cut(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
