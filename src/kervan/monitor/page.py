"""A drift report as a page to look at."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.data.html import bars, document, facts, number

if TYPE_CHECKING:
    from kervan.monitor.drift import ColumnDrift, DriftReport


def drift_page(report: DriftReport, title: str = "Drift") -> str:
    """Return a self-contained HTML page, the most moved column first, with shares before and now."""
    head = facts(
        [
            ("verdict", report.verdict),
            ("rows now", f"{report.rows:,}"),
            ("rows in the model's data", f"{report.reference_rows:,}"),
        ]
    )
    items = "".join(
        f'<li class="{escape(each.verdict)}">{escape(each.message)} '
        f'<span class="soft">{escape(each.hint)}</span></li>'
        for each in report.findings
    )
    legend = '<p class="soft">In each picture the first bar is what the model knows, the second is now.</p>'
    columns = "\n".join(_column(column) for column in report.columns)
    return document(title, f"{head}\n<ul>{items}</ul>\n{legend if columns else ''}\n{columns}")


def _column(column: ColumnDrift) -> str:
    rows = [
        ("population stability index", f"{column.psi:.3f}"),
        ("missing", f"{column.missing_before:.1%} → {column.missing_now:.1%}"),
    ]
    if column.numbers:
        moved = column.numbers
        rows.append(("mean", f"{number(moved.mean_before)} → {number(moved.mean_now)}"))
        rows.append(("Kolmogorov-Smirnov", f"{moved.distance:.3f} (p = {moved.p_value:.2g})"))
    if column.unseen:
        rows.append(("not seen in training", f"{column.unseen:.1%}"))
    picture = bars([(each.label, [each.before, each.now]) for each in column.bins])
    mark = f'<small class="{escape(column.verdict)}">{escape(column.verdict)}</small>'
    return f"<section><h2>{escape(column.name)} {mark}</h2>{facts(rows)}{picture}</section>"
