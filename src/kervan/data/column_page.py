"""One column on the page of a profile."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.data.html import bars, facts, histogram, number, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.data.profile import ColumnProfile, Family, NumberProfile, TextProfile, ValueCount


def column_section(column: ColumnProfile, place: int) -> str:
    """Return the figures of a column with a picture; `place` is what links to it name."""
    error = f" (± {2 * column.distinct_error:.1%})" if column.distinct_error else ""
    rows = [
        ("values", f"{column.count:,}"),
        ("missing", f"{column.missing:,} ({column.missing_share:.1%})"),
        ("different", f"{column.distinct:,}{error}"),
    ]
    if column.tells is not None:
        rows.append(("tells of the target", f"{column.tells:.1%}"))
    picture = ""
    if column.numbers:
        rows += _number_rows(column.numbers)
        edges = column.numbers.edges
        picture = histogram(column.numbers.counts, number(edges[0]), number(edges[-1]))
    if column.texts:
        rows += _text_rows(column.texts)
        picture = _texts(column.texts)
    if column.earliest:
        rows.append(("from, to", f"{column.earliest}, {column.latest}"))
    kind = ", ".join(dict.fromkeys(filter(None, (str(column.type), str(column.kind)))))
    heading = f'<h2 id="c{place}">{escape(column.name)} <small>{escape(kind)}</small></h2>'
    return f"<section>{heading}{facts(rows)}{picture}</section>"


def outline(column: ColumnProfile, width: int, height: int) -> str:
    """Return a small picture of a column's distribution, "" where there is none."""
    if column.numbers:
        return steps(column.numbers.counts, width, height)
    if column.texts and column.texts.top:
        return steps([each.count for each in column.texts.top], width, height)
    return ""


def shares(counts: Sequence[ValueCount]) -> str:
    """Return the share of each value."""
    total = sum(each.count for each in counts)
    return bars([(each.value, [each.count / total]) for each in counts])


def family_text(family: Family) -> str:
    """Say what family was found, and how well it fits."""
    if not family.parameters:
        return f"none fits; {family.second} is nearest" if family.name == "other" else family.name
    told = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in family.parameters)
    fit = f"; off by {family.distance:.1%} at most" if family.distance else ""
    second = f", before {family.second}" if family.second else ""
    return f"{family.name} ({told}){fit}{second}"


def _number_rows(numbers: NumberProfile) -> list[tuple[str, str]]:
    quartiles = (numbers.quantiles[25], numbers.median, numbers.quantiles[75])
    rows = [
        ("mean, standard deviation", f"{number(numbers.mean)}, {number(numbers.deviation)}"),
        ("least, greatest", f"{number(numbers.minimum)}, {number(numbers.maximum)}"),
        ("quartiles", ", ".join(number(each) for each in quartiles)),
        ("skew", number(numbers.skew)),
        ("outliers (beyond 1.5 interquartile ranges)", f"{numbers.outliers:.1%}"),
    ]
    if numbers.zeros:
        rows.append(("zeros", f"{numbers.zeros:.1%}"))
    if numbers.family:
        rows.append(("family", family_text(numbers.family)))
    if numbers.error:
        rows.append(("ranks of quantiles are off by", f"{numbers.error:.2%} at most"))
    return rows


def _text_rows(texts: TextProfile) -> list[tuple[str, str]]:
    mean = f", {number(texts.mean_length)} on average" if texts.mean_length else ""
    rows = [("length", f"{texts.shortest:,} to {texts.longest:,} letters{mean}")]
    if any("9" in each.shape for each in texts.patterns):
        told = ", ".join(f"{each.shape} ({each.share:.0%})" for each in texts.patterns)
        rows.append(("shapes", told))
    if texts.uncounted:
        rows.append(("counts may miss", f"{texts.uncounted:,} rows each"))
    return rows


def _texts(texts: TextProfile) -> str:
    total = sum(each.count for each in texts.top) + texts.others
    if texts.others and (not texts.top or texts.top[0].count == 1):
        return '<p class="soft">every value is there once</p>'
    rows = [(each.value, [each.count / max(1, total)]) for each in texts.top]
    if texts.others:
        rows.append(("all others", [texts.others / total]))
    return bars(rows)
