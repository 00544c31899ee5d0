"""A profile as a page to look at."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.html import bars, document, facts, histogram, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.data.profile import ColumnProfile, NumberProfile, Profile, TextProfile, ValueCount


def profile_page(profile: Profile, title: str = "Profile", findings: Sequence[Finding] = ()) -> str:
    """Return a self-contained HTML page with what was found, the figures of a table and of each column."""
    rows = [
        ("rows", f"{profile.rows:,}"),
        ("columns", f"{len(profile.columns):,}"),
        ("rows that repeat an earlier one to a model", f"{profile.duplicates:,}"),
        ("memory", f"{profile.memory / 1e6:,.1f} MB"),
    ]
    parts = [facts(rows), _findings(findings)]
    if profile.classes:
        parts.append(
            f"<section><h2>Classes of {escape(profile.target)}</h2>{_shares(profile.classes)}</section>"
        )
    parts += [_column(column) for column in profile.columns]
    return document(title, "\n".join(parts))


def _findings(findings: Sequence[Finding]) -> str:
    items = "".join(
        f'<li class="{escape(each.verdict)}">{escape(each.message)} '
        f'<span class="soft">{escape(each.hint)}</span></li>'
        for each in findings
        if each.verdict is not Verdict.PASSED
    )
    return f"<ul>{items}</ul>" if items else ""


def _column(column: ColumnProfile) -> str:
    rows = [
        ("values", f"{column.count:,}"),
        ("missing", f"{column.missing:,} ({column.missing_share:.1%})"),
        ("different", f"{column.distinct:,}"),
    ]
    picture = ""
    if column.numbers:
        rows += _number_rows(column.numbers)
        edges = column.numbers.edges
        picture = histogram(column.numbers.counts, number(edges[0]), number(edges[-1]))
    if column.texts:
        rows.append(("length", f"{column.texts.shortest:,} to {column.texts.longest:,} letters"))
        picture = _texts(column.texts)
    if column.earliest:
        rows.append(("from, to", f"{column.earliest}, {column.latest}"))
    heading = f"<h2>{escape(column.name)} <small>{escape(column.type)}</small></h2>"
    return f"<section>{heading}{facts(rows)}{picture}</section>"


def _number_rows(numbers: NumberProfile) -> list[tuple[str, str]]:
    quartiles = (numbers.quantiles[25], numbers.median, numbers.quantiles[75])
    return [
        ("mean, standard deviation", f"{number(numbers.mean)}, {number(numbers.deviation)}"),
        ("least, greatest", f"{number(numbers.minimum)}, {number(numbers.maximum)}"),
        ("quartiles", ", ".join(number(each) for each in quartiles)),
        ("skew", number(numbers.skew)),
        ("outliers (beyond 1.5 interquartile ranges)", f"{numbers.outliers:.1%}"),
    ]


def _texts(texts: TextProfile) -> str:
    total = sum(each.count for each in texts.top) + texts.others
    if texts.others and (not texts.top or texts.top[0].count == 1):
        return '<p class="soft">every value is there once</p>'
    rows = [(each.value, [each.count / max(1, total)]) for each in texts.top]
    if texts.others:
        rows.append(("all others", [texts.others / total]))
    return bars(rows)


def _shares(counts: tuple[ValueCount, ...]) -> str:
    total = sum(each.count for each in counts)
    return bars([(each.value, [each.count / total]) for each in counts])
