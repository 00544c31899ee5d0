"""A replay as a page to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.shown import moment
from kervan.data.html import document, facts, number, rows_table
from kervan.monitor.changes_page import changes_parts

if TYPE_CHECKING:
    from kervan.app.replay import Replayed


def replay_page(found: Replayed) -> str:
    """Return a self-contained HTML page: what changed, where, and how good both are where labels came."""
    head = facts(
        [
            ("model", found.model),
            ("answered then by", ", ".join(f"{ref} ({rows:,} rows)" for ref, rows in found.against.items())),
            ("requests", f"{found.requests:,}, from {moment(found.begin)} to {moment(found.end)}"),
            ("rows compared", f"{found.changed.rows:,}"),
            *(
                (f"left out: {each.reason}", f"{each.rows:,} rows, {each.column} {each.example}")
                for each in found.left_out
            ),
        ]
    )
    legend = '<p class="soft">In each picture the first bar is what was answered, the second the replay.</p>'
    parts = [head, *_quality(found), legend, *(changes_parts(found.changed) if found.changed.rows else [])]
    return document(f"{found.model} on requests to {found.environment}", "\n".join(parts))


def _quality(found: Replayed) -> list[str]:
    if not found.quality:
        return []
    heads = ("metric", "before", "after", "difference", "95 % from", "to", "")
    told = [
        (
            each.metric,
            *map(number, (each.before, each.after, each.difference, each.low, each.high)),
            each.verdict,
        )
        for each in found.quality
    ]
    title = f"Quality on {found.labelled:,} rows with labels"
    return [f"<section><h2>{title}</h2>{rows_table(heads, told)}</section>"]
