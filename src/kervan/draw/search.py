"""What a search tried, one attempt after another, and how alike candidates fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.draw.chart import Dots, Line, Scale, chart, spread_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CELL = 64
_NAMES = 170
_SHOWN = 26  # letters of a name
_STRONGEST = 0.6  # so that figures can be read on it


def attempts(
    values: Sequence[tuple[int, float, bool, str]],
    best: Sequence[tuple[int, float]],
    *,
    label: str,
    names: tuple[str, str],
) -> Markup:
    """Draw a dot for each (number, value, whether it counts, what is told of it), and the best so far.

    `best` are the numbers and values of that line, `names` those of the axes.
    """
    if not values:
        return Markup('<p class="soft">{}</p>').format(label)
    marks = [
        Dots(
            points=tuple((number, value) for number, value, counts, _ in values if counts is wanted),
            told=tuple(told for *_, counts, told in values if counts is wanted),
            tone=tone,
        )
        for wanted, tone in ((False, "quiet"), (True, "first"))
    ]
    xs = [float(number) for number, _ in best for _ in range(2)][1:]
    ys = [value for _, value in best for _ in range(2)][:-1]
    line = [Line(xs=tuple(xs), ys=tuple(ys), tone="second")] if len(best) > 1 else []
    low, high = spread_of([value for _, value, *_ in values])
    across = Scale(low=-0.5, high=max(number for number, *_ in values) + 0.5, name=names[0])
    return chart([*line, *marks], across, Scale(low=low, high=high, name=names[1]), label=label)


def alike(names: Sequence[str], values: Mapping[tuple[str, str], float], *, label: str) -> Markup:
    """Draw a square for each pair of names, the fuller the nearer its value is to 1; below 0 it is empty."""
    places = [(row, column) for row in range(len(names)) for column in range(len(names))]
    cells = Markup("").join(
        _cell(row, column, _value(names[row], names[column], values), f"{names[row]}, {names[column]}")
        for row, column in places
    )
    rows = Markup("").join(
        Markup('<text x="-8" y="{}" text-anchor="end">{}</text>').format(
            _CELL * place + _CELL // 2 + 4, f"{place + 1}. {_short(name)}"
        )
        for place, name in enumerate(names)
    )
    columns = Markup("").join(
        Markup('<text x="{}" y="-8" text-anchor="middle">{}</text>').format(
            _CELL * place + _CELL // 2, f"{place + 1}."
        )
        for place in range(len(names))
    )
    side = _CELL * len(names)
    return Markup(
        '<svg class="picture" viewBox="{left} -26 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="{label}">{rows}{columns}{cells}</svg>'
    ).format(
        left=-_NAMES, w=side + _NAMES + 2, h=side + 30, label=label, rows=rows, columns=columns, cells=cells
    )


def _value(one: str, other: str, values: Mapping[tuple[str, str], float]) -> float:
    return 1.0 if one == other else values.get((one, other), values.get((other, one), 0.0))


def _cell(row: int, column: int, value: float, told: str) -> Markup:
    left, top = _CELL * column, _CELL * row
    return Markup(
        '<g><title>{told}: {value}</title><rect class="first" x="{left}" y="{top}" width="{side}" '
        'height="{side}" fill-opacity="{full}"/><rect class="frame" x="{left}" y="{top}" width="{side}" '
        'height="{side}"/><text class="name" x="{x}" y="{y}" text-anchor="middle">{value}</text></g>'
    ).format(
        told=told,
        value=f"{value:.2f}",
        left=left,
        top=top,
        side=_CELL,
        full=f"{_STRONGEST * max(0.0, value):.2f}",
        x=left + _CELL // 2,
        y=top + _CELL // 2 + 4,
    )


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
