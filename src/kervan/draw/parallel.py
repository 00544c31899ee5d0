"""Runs as lines across upright axes, one for each parameter and metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

TONES = ("first", "second", "third", "fourth", "fifth", "sixth")
_APART, _SIDE, _TOP, _HIGH = 132, 66, 44, 190


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: a value of each line, numbers or anything else; None where a line has none."""

    name: str
    values: tuple[Any, ...]


def tone(place: int) -> str:
    """Return the classes by which the line at a place is told from the others."""
    return TONES[place % len(TONES)] + (" dashed" if place >= len(TONES) else "")


def parallel(names: Sequence[str], axes: Sequence[Axis], *, label: str) -> Markup:
    """Draw a line for each name across all axes; where a value is missing, the line is broken."""
    width = 2 * _SIDE + max(0, len(axes) - 1) * _APART
    height = _TOP + _HIGH + 30
    scales = [_scale(axis) for axis in axes]
    drawn = [_axis(place, axis, scales[place]) for place, axis in enumerate(axes)]
    drawn += [
        Markup('<path class="curve {}" d="{}"><title>{}</title></path>').format(
            tone(line), _path([scale.get(line) for scale in scales]), name
        )
        for line, name in enumerate(names)
    ]
    drawn += [
        Markup('<circle class="{}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>').format(
            tone(line), _x(place), f"{_y(scale[line]):.1f}", f"{name}: {_told(axes[place].values[line])}"
        )
        for place, scale in enumerate(scales)
        for line, name in enumerate(names)
        if line in scale
    ]
    return Markup(
        '<div class="wide" tabindex="0" role="region" aria-label="{}"><svg class="picture parallel" '
        'viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg></div>'
    ).format(label, width, height, width, height, label, Markup("").join(drawn))


def _axis(place: int, axis: Axis, scale: dict[int, float]) -> Markup:
    x = _x(place)
    drawn = [
        Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, x, _TOP, _TOP + _HIGH),
        Markup('<text class="name" x="{}" y="14" text-anchor="middle">{}<title>{}</title></text>').format(
            x, _short(axis.name, 20), axis.name
        ),
    ]
    marks = {part: axis.values[line] for line, part in scale.items()}
    if _is_numeric(axis):
        marks = {part: marks[part] for part in (0.0, 0.5, 1.0) if part in marks}
    drawn += [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            x, f"{_y(part) + (-9 if part == 1 else 18 if part == 0 else -7):.1f}", _short(_told(value), 18)
        )
        for part, value in marks.items()
    ]
    return Markup("").join(drawn)


def _scale(axis: Axis) -> dict[int, float]:
    """Return how high from 0 to 1 each line crosses an axis."""
    if _is_numeric(axis):
        known = {line: float(value) for line, value in enumerate(axis.values) if value is not None}
        low, high = min(known.values()), max(known.values())
        span = high - low
        return {line: (value - low) / span if span else 0.5 for line, value in known.items()}
    texts = list(dict.fromkeys(_told(value) for value in axis.values if value is not None))
    steps = max(1, len(texts) - 1)
    return {
        line: texts.index(_told(value)) / steps if len(texts) > 1 else 0.5
        for line, value in enumerate(axis.values)
        if value is not None
    }


def _is_numeric(axis: Axis) -> bool:
    known = [value for value in axis.values if value is not None]
    return bool(known) and all(
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
        for value in known
    )


def _path(parts: Sequence[float | None]) -> str:
    drawn, is_on = [], False
    for place, part in enumerate(parts):
        if part is not None:
            drawn.append(f"{'L' if is_on else 'M'}{_x(place)} {_y(part):.1f}")
        is_on = part is not None
    return "".join(drawn)


def _x(place: int) -> int:
    return _SIDE + place * _APART


def _y(part: float) -> float:
    return _TOP + _HIGH * (1 - part)


def _told(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
