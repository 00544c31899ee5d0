"""Curves over time or steps: drawn here, made to follow the pointer by the page's script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeGuard

import msgspec
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LARGEST = 1e300
_TONES = ("first", "second", "third", "fourth", "fifth", "sixth")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One curve: values over the places that all curves of a picture share; None where there is none."""

    name: str
    values: tuple[float | None, ...]


def curves(
    xs: Sequence[float],
    series: Sequence[Series],
    *,
    label: str,
    unit: str = "",
    over: str = "step",
    size: tuple[int, int] = (640, 180),
) -> Markup:
    """Draw curves over common places: steps, or, `over="time"`, seconds since 1970.

    `unit` says how values are written: "" as numbers, "share" in percent, "time" as seconds.
    """
    finite = [y for each in series for y in each.values if is_drawn(y)]
    if not xs or not finite:
        return Markup('<p class="soft">{}</p>').format(label)
    low, high = _bounds(finite, unit)
    width, height = size
    frame = _Frame(min(xs), max(xs), low, high, width, height)
    lines = Markup("").join(
        Markup('<path class="curve {}" d="{}"><title>{}</title></path>').format(
            _TONES[place % len(_TONES)], frame.path(xs, each.values), each.name
        )
        for place, each in enumerate(series)
    )
    told = {
        "over": over,
        "unit": unit,
        "label": label,
        "xs": list(xs),
        "series": [{"name": each.name, "values": _plain(each.values)} for each in series],
    }
    content = msgspec.json.encode(told).decode().replace("<", "\\u003c")
    legend = Markup("").join(
        Markup('<li class="{}">{}</li>').format(_TONES[place % len(_TONES)], each.name)
        for place, each in enumerate(series)
    )
    return Markup(
        '<figure class="curves" data-height="{h}"><svg class="picture" viewBox="0 0 {w} {h}" width="{w}" '
        'height="{h}" role="img" aria-label="{label}">{grid}{lines}</svg>'
        '<script type="application/json">{told}</script><ul class="legend">{legend}</ul></figure>'
    ).format(
        w=width,
        h=height,
        label=label,
        grid=frame.grid(over, unit),
        lines=lines,
        told=Markup(content),  # noqa: S704 - JSON without any <
        legend=legend,
    )


def series(values: Mapping[str, Sequence[float | None]]) -> list[Series]:
    """Return curves by their names."""
    return [Series(name=name, values=tuple(each)) for name, each in values.items()]


def spark(values: Sequence[float | None], *, label: str, size: tuple[int, int] = (96, 22)) -> Markup:
    """Draw a small curve without axes, for a row of a table."""
    known = [y for y in values if is_drawn(y)]
    if not known:
        return Markup("")
    width, height = size
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = (width - 4) / max(1, len(values) - 1)
    points = " ".join(
        f"{2 + place * step:.1f},{height - 3 - (height - 6) * (y - low) / span:.1f}"
        for place, y in enumerate(values)
        if is_drawn(y)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<polyline class="curve first" points="{}"/></svg>'
    ).format(width, height, width, height, label, points)


def is_drawn(value: float | None) -> TypeGuard[float]:
    """Say whether a value has a place in a picture: differences of larger ones are no numbers any more."""
    return value is not None and abs(value) < _LARGEST


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values lie in a picture."""

    left: float
    right: float
    low: float
    high: float
    width: int
    height: int

    def x(self, value: float) -> float:
        span = (self.right - self.left) or 1.0
        return _LEFT + (self.width - _LEFT - _RIGHT) * (value - self.left) / span

    def y(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * (value - self.low) / span

    def path(self, xs: Sequence[float], ys: Sequence[float | None]) -> str:
        """Return a line that is broken where there are no values; one alone is a dot."""
        parts, is_on = [], False
        for x, y in zip(xs, ys, strict=True):
            if not is_drawn(y):
                is_on = False
                continue
            parts.append(
                f"{'L' if is_on else 'M'}{self.x(x):.1f} {self.y(y):.1f}" + ("" if is_on else "h.01")
            )
            is_on = True
        return "".join(parts)

    def grid(self, over: str, unit: str) -> Markup:
        """Return lines at three heights, and what stands at the ends of the axis."""
        drawn = []
        for part in (0.0, 0.5, 1.0):
            value = self.low + part * (self.high - self.low)
            y = f"{self.y(value):.1f}"
            drawn.append(
                Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    _LEFT, self.width - _RIGHT, y, y
                )
            )
            drawn.append(
                Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                    _LEFT - 6, f"{self.y(value) + 4:.1f}", _written(value, unit)
                )
            )
        ends = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
        bottom = self.height - 5
        drawn.append(ends.format(_LEFT, bottom, "start", _place(self.left, over, self.right - self.left)))
        if self.right > self.left:
            right = _place(self.right, over, self.right - self.left)
            drawn.append(ends.format(self.width - _RIGHT, bottom, "end", right))
        return Markup("").join(drawn)


def _bounds(values: Sequence[float], unit: str) -> tuple[float, float]:
    low, high = min(values), max(values)
    if unit in {"share", "time", "count"}:
        low = min(low, 0.0)
    if low == high:
        room = abs(low) * 0.1 or (0.01 if unit == "share" else 1.0)
        return (low if low == 0 else low - room), high + room
    return low, high


def _written(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value * 100:.3g} %"
    if unit == "time":
        return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _place(value: float, over: str, span: float) -> str:
    if over != "time":
        return f"{value:,.6g}"
    local = datetime.fromtimestamp(value, UTC).astimezone()
    return local.strftime("%H:%M:%S" if span < 600 else "%m-%d %H:%M" if span < 6 * 86_400 else "%Y-%m-%d")


def _plain(values: Sequence[float | None]) -> list[float | None]:
    return [y if is_drawn(y) else None for y in values]
