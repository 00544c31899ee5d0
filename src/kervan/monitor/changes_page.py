"""What changed between two models' answers, as parts of a page to look at."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.data.html import bars, facts, number, rows_table

if TYPE_CHECKING:
    from kervan.monitor.changes import Changed, Shift


def changes_parts(changed: Changed) -> list[str]:
    """Return the sections about answers, their distribution, the parts that change most, and examples."""
    parts = [_answers(changed), *map(_shift, changed.shifts)]
    if changed.quantiles:
        heads = ("quantile", "before", "after", "change of a row")
        told = [
            (f"{each.level:.0%}", number(each.before), number(each.after), number(each.change))
            for each in changed.quantiles
        ]
        parts.append(f"<section><h2>Quantiles</h2>{rows_table(heads, told)}</section>")
    if changed.sections:
        parts.append(f"<section><h2>Where answers change most</h2>{_sections(changed)}</section>")
    if changed.examples:
        names = ("prediction", "before", "after")
        shown = [(each.id, _answer(each.before), _answer(each.after)) for each in changed.examples]
        parts.append(f"<section><h2>The largest changes</h2>{rows_table(names, shown)}</section>")
    return parts


def _answers(changed: Changed) -> str:
    told = [("changed answers", f"{changed.changed:,} of {changed.rows:,} ({changed.share:.2%})")]
    told += [(f"{each.before} → {each.after}", f"{each.rows:,}") for each in changed.moves[:20]]
    return f"<section><h2>Answers</h2>{facts(told)}</section>"


def _shift(shift: Shift) -> str:
    picture = bars([(each.label, [each.before, each.now]) for each in shift.bins])
    index = facts([("population stability index", f"{shift.psi:.4f}")])
    return f"<section><h2>Distribution of the {escape(shift.name)}</h2>{index}{picture}</section>"


def _sections(changed: Changed) -> str:
    if changed.moves or not changed.quantiles:
        return bars([(f"{each.column}: {each.values}", [each.mean]) for each in changed.sections])
    heads = ("column", "values", "rows", "mean change")
    told = [(each.column, each.values, f"{each.rows:,}", number(each.mean)) for each in changed.sections]
    return rows_table(heads, told)


def _answer(answer: object) -> str:
    if not isinstance(answer, dict):
        return str(answer)
    if "value" in answer:
        return number(answer["value"])
    return f"{answer['label']} ({max(answer['probabilities'].values()):.3f})"
