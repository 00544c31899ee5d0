"""What was measured of a model: intervals, folds, calibration, the spread of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDE, _HIGH = 200, 18
_SIDE = 240


def interval(value: float, ends: tuple[float, float], bounds: tuple[float, float], *, label: str) -> Markup:
    """Draw a value as a dot on its interval; `bounds` are the ends of the axis."""
    left, dot, right = (_place(each, bounds) for each in (ends[0], value, ends[1]))
    return _small(
        Markup(
            '<line class="axis" x1="0" x2="{w}" y1="9" y2="9"/>'
            '<line class="reach" x1="{left}" x2="{right}" y1="9" y2="9"/>'
            '<circle class="first" cx="{dot}" cy="9" r="4.5"/>'
        ).format(w=_WIDE, left=left, dot=dot, right=right),
        label,
    )


def folds(values: Sequence[float], mean: float, bounds: tuple[float, float], *, label: str) -> Markup:
    """Draw a tick for each fold and a dot for their mean."""
    ticks = Markup("").join(
        Markup('<line class="tick" x1="{x}" x2="{x}" y1="3" y2="15"/>').format(x=_place(each, bounds))
        for each in values
    )
    return _small(
        Markup(
            '<line class="axis" x1="0" x2="{}" y1="9" y2="9"/>{}'
            '<circle class="first" cx="{}" cy="9" r="4.5"/>'
        ).format(_WIDE, ticks, _place(mean, bounds)),
        label,
    )


def calibration(bins: Sequence[tuple[float, float, int]], *, label: str, told: Sequence[str]) -> Markup:
    """Draw a dot for each bin of (confidence, share that was right, rows).

    On the line the model is right as often as it says; `told` is what is shown of each bin on hover.
    """
    most = max((rows for *_, rows in bins), default=1)
    dots = Markup("").join(
        Markup('<circle class="first" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
            f"{_SIDE * sure:.1f}", f"{_SIDE * (1 - right):.1f}", f"{3 + 9 * (rows / most) ** 0.5:.1f}", text
        )
        for (sure, right, rows), text in zip(bins, told, strict=True)
    )
    ticks = Markup("").join(
        Markup(
            '<text x="{x}" y="{bottom}" text-anchor="middle">{part} %</text>'
            '<text x="-7" y="{y}" text-anchor="end">{part} %</text>'
        ).format(x=_SIDE * part // 100, bottom=_SIDE + 16, y=_SIDE - _SIDE * part // 100 + 4, part=part)
        for part in (0, 50, 100)
    )
    return Markup(
        '<svg class="picture" viewBox="-46 -14 {w} {h}" width="{w}" height="{h}"'
        ' role="img" aria-label="{label}">'
        '<rect class="frame" width="{side}" height="{side}"/>'
        '<line class="mark" x1="0" y1="{side}" x2="{side}" y2="0"/>{ticks}{dots}</svg>'
    ).format(w=_SIDE + 70, h=_SIDE + 38, side=_SIDE, label=label, ticks=ticks, dots=dots)


def spread(quantiles: Sequence[float], told: Sequence[str], *, label: str) -> Markup:
    """Draw seven quantiles as a box from 25 to 75 %, whiskers from 5 to 95 %, and a line at nothing.

    `told` are the written ends of the axis: the least, nothing, the greatest.
    """
    low, high = min(quantiles[1], 0.0), max(quantiles[5], 0.0)
    width = 560
    room = (high - low) or 1.0
    left, start, middle, end, right = (f"{width * (each - low) / room:.1f}" for each in quantiles[1:6])
    zero = width * -low / room
    return Markup(
        '<svg class="picture" viewBox="-8 0 {w} 84" width="{w}" height="84" role="img" aria-label="{label}">'
        '<line class="reach" x1="{left}" x2="{right}" y1="32" y2="32"/>'
        '<rect class="quartiles" x="{start}" y="16" width="{box}" height="32" rx="3"/>'
        '<line class="middle" x1="{middle}" x2="{middle}" y1="16" y2="48"/>'
        '<line class="mark" x1="{zero}" x2="{zero}" y1="4" y2="62"/>'
        '<text x="0" y="80">{low}</text><text x="{zero}" y="80" text-anchor="middle">{nothing}</text>'
        '<text x="{end}" y="80" text-anchor="end">{high}</text></svg>'
    ).format(
        w=width + 16,
        label=label,
        left=left,
        right=right,
        start=start,
        box=f"{float(end) - float(start):.1f}",
        middle=middle,
        zero=f"{zero:.1f}",
        end=width,
        low=told[0] if zero > 60 else "",
        nothing=told[1],
        high=told[2] if zero < width - 60 else "",
    )


def paired(
    bins: Sequence[tuple[str, float, float]], *, label: str, size: tuple[int, int] = (200, 40)
) -> Markup:
    """Draw upright bars in pairs: for each bin its name and its shares before and now."""
    width, height = size
    highest = max((max(before, now) for _, before, now in bins), default=0) or 1
    step = width / max(1, len(bins))
    drawn = Markup("").join(
        Markup("<g><title>{}</title>{}{}</g>").format(
            name,
            _bar("quiet", place * step, step * 0.42, height * before / highest, height),
            _bar("first", (place + 0.44) * step, step * 0.42, height * now / highest, height),
        )
        for place, (name, before, now) in enumerate(bins)
    )
    return Markup(
        '<svg class="picture paired" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' role="img" aria-label="{label}">'
        '{drawn}<line class="axis" x1="0" x2="{w}" y1="{h}" y2="{h}"/></svg>'
    ).format(w=width, h=height, label=label, drawn=drawn)


def _bar(tone: str, left: float, width: float, high: float, bottom: int) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        tone, f"{left:.1f}", f"{bottom - high:.1f}", f"{max(width, 0.5):.1f}", f"{high:.1f}"
    )


def _small(drawn: Markup, label: str) -> Markup:
    return Markup(
        '<svg class="picture measured" viewBox="-5 0 {} {}" width="{}" height="{}"'
        ' role="img" aria-label="{}">{}</svg>'
    ).format(_WIDE + 10, _HIGH, _WIDE + 10, _HIGH, label, drawn)


def _place(value: float, bounds: tuple[float, float]) -> str:
    low, high = bounds
    return f"{_WIDE * min(1.0, max(0.0, (value - low) / ((high - low) or 1.0))):.1f}"
