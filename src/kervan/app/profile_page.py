"""What a model needs, as a page with the curve of its latency under rising load."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.data.html import document, facts, number, rows_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.profile import Level, Profiled

_WIDTH, _HEIGHT = 560, 220
_SHOWN = ("p50", "p99")


def profile_page(found: Profiled) -> str:
    """Return a self-contained HTML page."""
    head = facts(
        [
            ("goal", found.goal),
            ("needed", found.told),
            ("processor", "not known" if found.cpu is None else f"{found.cpu:.2f} cores for all requests"),
            (
                "memory",
                "not known" if found.memory is None else f"{found.memory / 1e6:,.0f} MB for all replicas",
            ),
            ("rows asked", f"{found.rows:,}"),
            *((f"{name} on them", number(value)) for name, value in found.quality.items()),
        ]
    )
    heads = ("requests a second", "answered", "failed", *found.levels[0].latency, "cores", "")
    rows = [
        (
            f"{level.rate:,.0f}",
            f"{level.answered:,.0f}",
            f"{level.failed:,}",
            *map(milliseconds, level.latency.values()),
            number(level.cpu),
            "holds" if level.holds else "missed",
        )
        for level in found.levels
    ]
    parts = [
        head,
        f"<section><h2>Latency under load</h2>{_curve(found.levels, found.bound)}</section>",
        f"<section><h2>Rates that were tried</h2>{rows_table(heads, rows)}</section>",
    ]
    return document(f"What {found.model} needs", "\n".join(parts))


def milliseconds(seconds: float | None) -> str:
    """Write a latency for people.

    >>> milliseconds(0.0123), milliseconds(None)
    ('12.3 ms', 'not reached')
    """
    return "not reached" if seconds is None else f"{seconds * 1e3:,.1f} ms"


def _curve(levels: Sequence[Level], bound: float) -> str:
    """Draw the median and the 99th percentile by rate, up to twice the bound, which is a dashed line."""
    fastest, top = max(each.rate for each in levels), 2 * bound
    lines = []
    for name, style in zip(_SHOWN, ("line", "line second"), strict=True):
        points = []
        for each in levels:
            value = each.latency[name]
            high = min(top, top if value is None else value) / top
            points.append((_WIDTH * each.rate / fastest, _HEIGHT * (1 - high)))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline class="{style}" points="{path}"/>')
    middle = _HEIGHT / 2
    return (
        f'<svg viewBox="-4 -14 {_WIDTH + 8} {_HEIGHT + 34}" width="{_WIDTH}" role="img" '
        f'aria-label="latency by requests a second">'
        f'<line class="mark" x1="0" y1="{middle}" x2="{_WIDTH}" y2="{middle}"/>'
        f'<text x="0" y="{middle - 4}">{escape(milliseconds(bound))}</text>'
        f'<text x="0" y="{_HEIGHT + 14}">0</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{fastest:,.0f} requests a second</text>'
        f'{"".join(lines)}</svg><p class="soft">Below: the median; above: the 99th percentile.</p>'
    )
