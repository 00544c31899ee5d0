"""Boxes in columns, joined by lines: what was made from what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDE, _HIGH, _ACROSS, _DOWN = 204, 46, 32, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box: its name, a smaller line below, the keys of those it came from, where it leads, how it looks."""

    key: str
    name: str
    note: str = ""
    after: tuple[str, ...] = ()
    href: str = ""
    tone: str = ""


def graph(nodes: Sequence[Node], *, label: str) -> Markup:
    """Draw boxes from left to right, each right of all that it came from. Unknown origins are left out."""
    known = {each.key: each for each in nodes}
    columns: dict[str, int] = {}
    for each in nodes:
        columns[each.key] = _column(each.key, known, columns, frozenset())
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for each in nodes:
        column = columns[each.key]
        row = rows.get(column, 0)
        rows[column] = row + 1
        places[each.key] = (column * (_WIDE + _ACROSS), row * (_HIGH + _DOWN))
    width = (max(rows, default=0) + 1) * (_WIDE + _ACROSS) - _ACROSS + 2
    height = max(rows.values(), default=1) * (_HIGH + _DOWN) - _DOWN + 2
    lines = [
        _line(places[parent], places[each.key]) for each in nodes for parent in each.after if parent in places
    ]
    boxes = [_box(each, places[each.key]) for each in nodes]
    return Markup(
        '<div class="wide" tabindex="0" role="region" aria-label="{}">'
        '<svg class="picture graph" viewBox="-1 -1 {} {}" width="{}" height="{}" role="group" '
        'aria-label="{}">{}{}</svg></div>'
    ).format(label, width, height, width, height, label, Markup("").join(lines), Markup("").join(boxes))


def _column(key: str, known: dict[str, Node], done: dict[str, int], above: frozenset[str]) -> int:
    if key in done:
        return done[key]
    parents = [each for each in known[key].after if each in known and each not in above and each != key]
    return 1 + max((_column(each, known, done, above | {key}) for each in parents), default=-1)


def _line(start: tuple[int, int], end: tuple[int, int]) -> Markup:
    x1, y1, x2, y2 = start[0] + _WIDE, start[1] + _HIGH // 2, end[0], end[1] + _HIGH // 2
    middle = (x1 + x2) // 2
    return Markup('<path class="edge" d="M{} {}C{} {} {} {} {} {}"/>').format(
        x1, y1, middle, y1, middle, y2, x2, y2
    )


def _box(node: Node, place: tuple[int, int]) -> Markup:
    x, y = place
    name = node.name if len(node.name) <= 23 else node.name[:22] + "…"
    note = node.note if len(node.note) <= 26 else node.note[:25] + "…"
    drawn = Markup(
        '<rect class="box {}" x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text class="name" x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text><title>{}</title>'
    ).format(
        node.tone,
        x,
        y,
        _WIDE,
        _HIGH,
        x + 10,
        y + 19,
        name,
        x + 10,
        y + 36,
        note,
        f"{node.name} {node.note}".strip(),
    )
    if not node.href:
        return Markup("<g>{}</g>").format(drawn)
    return Markup('<a href="{}">{}</a>').format(node.href, drawn)
