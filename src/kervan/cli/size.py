"""The size of a source as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.cli.show import pairs

if TYPE_CHECKING:
    from kervan.app.size import SourceSize

_UNKNOWN = "not known before it is fetched"


def size_text(found: SourceSize) -> str:
    """Show what a source takes and what room there is."""
    rows = "" if found.rows is None else f"about {found.rows:,}"
    free = "" if found.free is None else _bytes(found.free)
    facts = {
        "source": found.source,
        "rows": rows or _UNKNOWN,
        "to fetch": _bytes(found.fetched),
        "to keep": _bytes(found.stored),
        "free to fetch": _bytes(found.free_to_fetch),
        "free to keep": free or "as much as its place has",
        "fits": "yes" if found.fits else "no",
    }
    return pairs(facts)


def _bytes(size: int | None) -> str:
    return _UNKNOWN if size is None else f"{size / 1e6:,.1f} MB"
