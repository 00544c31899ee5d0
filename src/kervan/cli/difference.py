"""The difference of two datasets as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.cli.edge import table

if TYPE_CHECKING:
    from kervan.app.difference import DatasetDifference
    from kervan.monitor.profiles import Figures, Moved

_MOST = 30
_SHORT = 24


def difference_text(found: DatasetDifference) -> str:
    """Show what differs, the most moved columns first."""
    same = ": the same rows, read by other settings" if found.is_same else ""
    lines = [
        f"{found.before} → {found.now}{same}",
        f"rows {found.rows_before:,} → {found.rows_now:,}",
        f"parts: {_parts(found)}",
    ]
    lines += [
        f"schema: {each.column} {each.what} ({each.effect})".replace(":  ", ": ") for each in found.schema
    ]
    lines += [f"found: {each.advice}" for each in found.found]
    lines += [f"no longer found: {each.message}" for each in found.gone]
    rows = [_row(each, found.bound) for each in found.columns[:_MOST]]
    lines.append(table(("column", "PSI", "", "KS", "missing", "median or most", "from, to"), rows))
    if left := len(found.columns) - len(rows):
        lines.append(f"and {left:,} columns that moved less: --json has all")
    return "\n".join(lines)


def _parts(found: DatasetDifference) -> str:
    return ", ".join(
        f"{each.role} {each.before:,} → {each.now:,}{' (the same rows)' if each.is_same else ''}"
        for each in found.parts
    )


def _row(moved: Moved, bound: float) -> tuple[str, ...]:
    before, now = moved.before, moved.now
    if before is None or now is None:
        there = before or now
        told = "gone" if now is None else "new"
        missing = "" if there is None else f"{there.missing_share:.1%}"
        return (moved.name, "", told, "", missing, _middle(there), _ends(there))
    return (
        moved.name,
        "" if moved.psi is None else f"{moved.psi:.3f}",
        "far" if moved.psi is not None and moved.psi > bound else "",
        "" if moved.distance is None else f"{moved.distance:.3f}",
        _pair(f"{before.missing_share:.1%}", f"{now.missing_share:.1%}"),
        _pair(_middle(before), _middle(now)),
        _pair(_ends(before), _ends(now)),
    )


def _pair(before: str, now: str) -> str:
    return before if before == now else f"{before} → {now}"


def _middle(figures: Figures | None) -> str:
    """Say the median of numbers, or the most frequent value with its share."""
    if figures is None:
        return ""
    if figures.quantiles:
        return f"{figures.quantiles[2]:g}"
    if figures.top:
        first = figures.top[0]
        text = first.value if len(first.value) <= _SHORT else f"{first.value[: _SHORT - 1]}…"
        return f"{text} {first.count / max(1, figures.count):.0%}"
    return ""


def _ends(figures: Figures | None) -> str:
    if figures is None:
        return ""
    if figures.minimum is not None:
        return f"{figures.minimum:g}, {figures.maximum:g}"
    return f"{figures.earliest}, {figures.latest}" if figures.earliest else ""
