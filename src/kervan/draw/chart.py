"""Charts over two axes: lines, bands and dots, with ticks at round figures."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup

from kervan.draw.names import names

if TYPE_CHECKING:
    from collections.abc import Sequence

TONES = ("first", "second", "third", "fourth", "fifth", "sixth")
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 18, 10, 38
_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One axis: its ends, its name, and whether its figures are shares of 1."""

    low: float
    high: float
    name: str
    is_share: bool = False

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places to mark, with what is written there."""
        return [(each, figure(each, is_share=self.is_share)) for each in round_figures(self.low, self.high)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through points, in a tone, with a name on hover; `style` may be "thin" or "dashed"."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    tone: str = "first"
    style: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What lies between two lines."""

    xs: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    tone: str = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """Dots, each with a radius and what is told of it on hover, and with whiskers where `reach` has ends."""

    points: tuple[tuple[float, float], ...]
    radii: tuple[float, ...] = ()
    told: tuple[str, ...] = ()
    reach: tuple[tuple[float, float], ...] = ()
    tone: str = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names beside points, the first ones first, where they have room beside each other and some dots."""

    points: tuple[tuple[float, float], ...]
    texts: tuple[str, ...]
    dots: tuple[tuple[float, float], ...] = ()


Mark: TypeAlias = Line | Band | Dots | Names


def chart(
    marks: Sequence[Mark], x: Scale, y: Scale, *, label: str, size: tuple[int, int] = (420, 300)
) -> Markup:
    """Draw marks over two axes, the first one lowest."""
    frame = _Frame(x, y, *size)
    drawn = Markup("").join(_mark(mark, frame) for mark in marks)
    return Markup(
        '<svg class="picture chart" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="{label}">{grid}{drawn}</svg>'
    ).format(w=size[0], h=size[1], label=label, grid=frame.grid(), drawn=drawn)


def legend(names: Sequence[str]) -> Markup:
    """Name the tones of a chart, in their order."""
    items = Markup("").join(
        Markup('<li class="{}">{}</li>').format(TONES[place % len(TONES)], name)
        for place, name in enumerate(names)
    )
    return Markup('<ul class="legend">{}</ul>').format(items)


def round_figures(low: float, high: float) -> list[float]:
    """Return about five round figures from `low` to `high`.

    >>> round_figures(0.0, 1.0), round_figures(17.0, 90.0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [20.0, 40.0, 60.0, 80.0])
    """
    if not low < high or not isfinite(high - low):
        return [low] if isfinite(low) else []
    rough = (high - low) / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def figure(value: float, *, is_share: bool = False) -> str:
    """Write a figure of an axis in short.

    >>> figure(0.25, is_share=True), figure(12500), figure(2500000), figure(0.0005)
    ('25 %', '12,500', '2.5M', '0.0005')
    """
    if is_share:
        return f"{100 * value:.3g} %"
    for size, name in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread_of(values: Sequence[float], room: float = 0.06) -> tuple[float, float]:
    """Return the ends of an axis that shows all values, with a little room."""
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    reach = (high - low) or abs(high) or 1.0
    return low - room * reach, high + room * reach


@dataclass(frozen=True, slots=True)
class _Frame:
    x_scale: Scale
    y_scale: Scale
    width: int
    height: int

    def x(self, value: float) -> float:
        return _LEFT + (self.width - _LEFT - _RIGHT) * self._part(self.x_scale, value)

    def y(self, value: float) -> float:
        return self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * self._part(self.y_scale, value)

    def point(self, x: float, y: float) -> str:
        return f"{self.x(x):.1f} {self.y(y):.1f}"

    @staticmethod
    def _part(scale: Scale, value: float) -> float:
        part = (value - scale.low) / ((scale.high - scale.low) or 1.0)
        return min(1.0, max(0.0, part))

    def grid(self) -> Markup:
        return Markup("").join([*self._rows(), *self._columns(), *self._names()])

    def _rows(self) -> list[Markup]:
        line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        text = Markup('<text x="{}" y="{}" text-anchor="end">{}</text>')
        found = []
        for value, told in self.y_scale.ticks:
            y = self.y(value)
            found += [
                line.format(_LEFT, self.width - _RIGHT, f"{y:.1f}", f"{y:.1f}"),
                text.format(_LEFT - 6, f"{y + 4:.1f}", told),
            ]
        return found

    def _columns(self) -> list[Markup]:
        text = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>')
        bottom = self.height - _BOTTOM + 15
        return [text.format(f"{self.x(value):.1f}", bottom, told) for value, told in self.x_scale.ticks]

    def _names(self) -> list[Markup]:
        middle, centre = (_TOP + self.height - _BOTTOM) / 2, (_LEFT + self.width - _RIGHT) / 2
        below = Markup('<text class="name" x="{}" y="{}" text-anchor="middle">{}</text>')
        beside = Markup(
            '<text class="name" transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>'
        )
        return [
            below.format(f"{centre:.0f}", self.height - 5, self.x_scale.name),
            beside.format(f"{middle:.0f}", self.y_scale.name),
        ]


def _mark(mark: Mark, frame: _Frame) -> Markup:
    if isinstance(mark, Line):
        return _line(mark, frame)
    if isinstance(mark, Band):
        forth = [frame.point(x, y) for x, y in zip(mark.xs, mark.highs, strict=True)]
        back = [frame.point(x, y) for x, y in zip(mark.xs, mark.lows, strict=True)]
        path = f"M{'L'.join([*forth, *reversed(back)])}Z"
        return Markup('<path class="band {}" d="{}"/>').format(mark.tone, path)
    return _names(mark, frame) if isinstance(mark, Names) else _dots(mark, frame)


def _names(found: Names, frame: _Frame) -> Markup:
    named = [(frame.x(x), frame.y(y), text) for (x, y), text in zip(found.points, found.texts, strict=True)]
    dots = [(frame.x(x), frame.y(y)) for x, y in (*found.points, *found.dots)]
    return names(named, dots, (_LEFT, 0, frame.width, frame.height - _BOTTOM))


def _line(line: Line, frame: _Frame) -> Markup:
    points = list(zip(line.xs, line.ys, strict=True))
    if not points:
        return Markup("")
    path = f"M{frame.point(*points[0])}"
    if len(points) > 1:
        path += "L" + " ".join(frame.point(*each) for each in points[1:])
    name = Markup("<title>{}</title>").format(line.name) if line.name else Markup("")
    style = f"curve {line.tone} {line.style}".strip()
    return Markup('<path class="{}" d="{}">{}</path>').format(style, path, name)


def _dots(dots: Dots, frame: _Frame) -> Markup:
    whiskers = Markup("").join(
        Markup('<line class="whisker {}" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(
            dots.tone, f"{frame.y(low):.1f}", f"{frame.y(high):.1f}", x=f"{frame.x(x):.1f}"
        )
        for (x, _), (low, high) in zip(dots.points, dots.reach, strict=False)
    )
    drawn = Markup("").join(
        Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>').format(
            dots.tone,
            f"{frame.x(x):.1f}",
            f"{frame.y(y):.1f}",
            f"{dots.radii[place] if dots.radii else 2:.1f}",
            Markup("<title>{}</title>").format(dots.told[place]) if dots.told else "",
        )
        for place, (x, y) in enumerate(dots.points)
    )
    return whiskers + drawn
