"""A profile as a page to look at: what needs a decision first, then every column, the worst first."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.column_page import column_section, outline, shares
from kervan.data.html import document, facts, matrix, rows_table
from kervan.data.profile.advice import pasteable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.data.profile import ColumnProfile, Pair, Profile

WIDE = 200  # columns, beyond which only the worst are shown in full
IN_FULL = 100
IN_MATRIX = 30
PAIRS = 20
_FINDINGS = 100
_CODE = re.compile("`([^`]+)`")
_LEAST = 0.1  # strength of a pair that is worth a line


def profile_page(
    profile: Profile,
    title: str = "Profile",
    findings: Sequence[Finding] = (),
    samples: Iterable[tuple[str, ...]] = (),
) -> str:
    """Return a self-contained HTML page with what was found, the figures of a table and of each column.

    No row is shown but those in `samples`: texts, one for each column.
    """
    found = _worst(profile.with_findings(findings))
    order = sorted(profile.columns, key=lambda column: -_need(column, found))
    places = {column.name: place for place, column in enumerate(profile.columns)}
    parts = [facts(_head(profile)), _findings(found), _advice(profile)]
    if profile.classes:
        heading = f"<h2>Classes of {escape(profile.target)}</h2>"
        parts.append(f"<section>{heading}{shares(profile.classes[:IN_FULL])}</section>")
    if rows := list(samples):
        heads = [column.name for column in profile.columns]
        parts.append(f"<section><h2>Some rows</h2>{rows_table(heads, rows)}</section>")
    if profile.columns:
        parts += [_overview(order, places, profile), _relations(profile)]
    shown = order if len(order) <= WIDE else order[:IN_FULL]
    parts += [column_section(column, places[column.name]) for column in shown]
    if len(shown) < len(order):
        parts.append(f'<p class="soft">The {len(shown)} columns that need it most are shown in full.</p>')
    return document(title, "\n".join(part for part in parts if part))


def _head(profile: Profile) -> list[tuple[str, str]]:
    error = f" ± {2 * profile.duplicates_error:,.0f}" if profile.duplicates_error else ""
    rows = [
        ("rows", f"{profile.rows:,}"),
        ("columns", f"{len(profile.columns):,}"),
        ("rows that repeat an earlier one to a model", f"{profile.duplicates:,}{error}"),
        ("memory", f"{profile.memory / 1e6:,.1f} MB"),
    ]
    if profile.sampled < profile.rows and profile.sampled:
        rows.append(("rows drawn by lot to compare columns", f"{profile.sampled:,}"))
    return rows


def _worst(findings: Iterable[Finding]) -> list[Finding]:
    ranks = {Verdict.FAILED: 0, Verdict.WARNED: 1}
    open_ones = [each for each in findings if each.verdict in ranks]
    return sorted(open_ones, key=lambda each: ranks[each.verdict])


def _need(column: ColumnProfile, findings: Sequence[Finding]) -> float:
    """Return how much a column needs to be looked at."""
    about = sum(
        3 if each.verdict is Verdict.FAILED else 1 for each in findings if each.subject == column.name
    )
    return about + column.missing_share + (0.5 if column.distinct < 2 else 0.0)


def _findings(findings: Sequence[Finding]) -> str:
    items = "".join(
        f'<li class="{escape(each.verdict)}">{escape(each.message)}{_hint(each.hint)}</li>'
        for each in findings[:_FINDINGS]
    )
    more = len(findings) - _FINDINGS
    rest = f'<li class="soft">and {more:,} more</li>' if more > 0 else ""
    return f"<ul>{items}{rest}</ul>" if items else ""


def _hint(hint: str) -> str:
    told = _CODE.sub(r"<code>\1</code>", escape(hint))
    return f'; <span class="soft">{told}</span>' if told else ""


def _advice(profile: Profile) -> str:
    if not profile.advice:
        return ""
    items = "".join(f"<li>{escape(each.what)}</li>" for each in profile.advice)
    lines = pasteable(profile.advice)
    pasted = f"<p>In <code>kervan.toml</code>:</p><pre>{escape(lines)}</pre>" if lines else ""
    return f"<section><h2>What to do</h2><ul>{items}</ul>{pasted}</section>"


def _overview(columns: Sequence[ColumnProfile], places: dict[str, int], profile: Profile) -> str:
    is_told = any(each.tells is not None for each in columns)
    told = "<th>tells of the target</th>" if is_told else ""
    head = (
        f"<tr><th>column</th><th>kind</th><th>missing</th><th>different</th>{told}"
        "<th>family</th><th>distribution</th></tr>"
    )
    rows = "".join(_line(each, places[each.name], is_told=is_told, target=profile.target) for each in columns)
    return f"<h2>Columns, the worst first</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _line(column: ColumnProfile, place: int, *, is_told: bool, target: str) -> str:
    name = escape(column.name)
    mark = ' <small class="passed">target</small>' if column.name == target else ""
    told = f"<td>{'' if column.tells is None else f'{column.tells:.1%}'}</td>" if is_told else ""
    family = column.numbers.family.name if column.numbers and column.numbers.family else ""
    missing = f"{column.missing_share:.1%}" if column.missing else "0"
    small = outline(column, 120, 20)
    return (
        f'<tr><td><a href="#c{place}">{name}</a>{mark}</td><td>{escape(column.kind or column.type)}</td>'
        f"<td>{missing}</td><td>{column.distinct:,}</td>{told}<td>{family}</td><td>{small}</td></tr>"
    )


def _relations(profile: Profile) -> str:
    parts = []
    if profile.keys:
        named = "; ".join(" + ".join(key) for key in profile.keys[:5])
        parts.append(f"<p>Every row is told by {escape(named)}.</p>")
    if profile.dependencies:
        rows = [(each.determinant, "→", each.dependent, f"{each.share:.1%}") for each in profile.dependencies]
        parts.append(
            "<h3>One column tells another</h3>" + rows_table(("this", "", "tells", "of rows"), rows[:50])
        )
    strong = [each for each in profile.pairs if each.strength >= _LEAST]
    if strong:
        heads = ("first", "second", "Pearson", "Spearman", "Cramér's V", "correlation ratio")
        parts.append("<h3>The strongest pairs</h3>" + rows_table(heads, map(_pair, strong[:PAIRS])))
        names, strengths = _square(strong, profile.columns)
        parts.append(matrix(names, strengths))
    return f"<h2>Columns together</h2>{''.join(parts)}" if parts else ""


def _pair(pair: Pair) -> tuple[str, ...]:
    figures = (pair.pearson, pair.spearman, pair.cramer, pair.ratio)
    return (pair.first, pair.second, *("" if each is None else f"{each:.2f}" for each in figures))


def _square(
    pairs: Sequence[Pair], columns: Sequence[ColumnProfile]
) -> tuple[list[str], dict[tuple[int, int], float]]:
    """Return the columns of the strongest pairs, in the table's order, and how strong each pair is."""
    chosen: dict[str, None] = {}
    for pair in pairs:
        both = {name: None for name in (pair.first, pair.second) if name not in chosen}
        if len(chosen) + len(both) <= IN_MATRIX:
            chosen |= both
    names = [column.name for column in columns if column.name in chosen]
    places = {name: place for place, name in enumerate(names)}
    strengths = {
        (places[pair.first], places[pair.second]): _signed(pair)
        for pair in pairs
        if pair.first in places and pair.second in places
    }
    return names, strengths


def _signed(pair: Pair) -> float:
    return pair.strength if (pair.pearson or pair.spearman or 0.0) >= 0 else -pair.strength
