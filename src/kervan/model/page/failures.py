"""Where the model fails: the worst segments, groups, doubtful labels, single rows; and the learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.model.page import pictures
from kervan.model.page.layout import card, grid, section, table
from kervan.model.page.verdict import said

if TYPE_CHECKING:
    from kervan.model.errors.analysis import ErrorAnalysis
    from kervan.model.errors.groups import Grouping
    from kervan.model.errors.labels import Suspects
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.errors.segments import Segments

_SUSPECTS = 8


def failures(errors: ErrorAnalysis) -> Markup:
    """Show where the model is worse than elsewhere."""
    drawn = f" {errors.looked:,} of them were drawn by lot." if errors.looked < errors.rows else ""
    lead = f"On the {errors.rows:,} rows of the validation part.{drawn}"
    return section("Where it fails", _segments(errors.segments), lead=lead)


def fairness(errors: ErrorAnalysis) -> Markup:
    """Show whether groups are treated alike, where any were named."""
    if not errors.groups:
        return Markup("")
    return section(
        "Whether groups are treated alike",
        *(_group(each) for each in errors.groups),
        lead="Were the rate of every group the same, the dots would lie on the line.",
    )


def to_look_at(errors: ErrorAnalysis, learning: LearningCurve | None) -> Markup:
    """Show rows to look at, and the learning curve."""
    cards = [_labels(each) for each in errors.labels if each.count]
    cards.append(_examples(errors))
    if learning is not None and learning.points:
        cards.append(_learning(learning))
    return section("What to do next", grid(cards))


def _segments(found: Segments) -> Markup:
    tried = (
        f"{found.tried:,} segments of one to three conditions and {found.fewest} rows or more were tried, "
        f"{found.passed:,} are surely worse (false discoveries held to 5 %); the clearest are shown."
    )
    if not found.tried:
        told = (
            f"There are too few rows to tell: a segment has {found.fewest} or more, and at most half of all."
        )
        return card("", Markup("<p>{}</p>").format(told))
    if not found.worst:
        return card("", Markup("<p>It is nowhere surely worse than elsewhere.</p>"), note=tried)
    heads = ["where", "rows", found.metric, "95 %", "loss", "elsewhere"]
    heads += ["wrong"] if found.worst[0].wrong is not None else []
    rows = []
    for each in found.worst:
        reach = (
            ""
            if each.value_low is None or each.value_high is None
            else f"{said(each.value_low)} – {said(each.value_high)}"
        )
        row = [str(each), f"{each.rows:,}", "–" if each.value is None else said(each.value), reach]
        row += [said(each.loss), said(each.rest)]
        rows.append(row + ([] if each.wrong is None else [f"{each.wrong:.1%}"]))
    picture = card("Loss beyond that of other rows", pictures.segments(found), note=tried)
    return Markup('<div class="stack">{}{}</div>').format(
        picture, card("", table(heads, rows, kind="segments"))
    )


def _group(found: Grouping) -> Markup:
    names = dict.fromkeys(name for group in found.groups for name in group.rates)
    cards = [card(name.capitalize(), pictures.rates(found, name)) for name in names]
    sure = [
        f"{gap.rate}: {gap.most} {_gap(gap.value, gap.rate)} above {gap.least} "
        f"({_gap(gap.low, gap.rate)} to {_gap(gap.high, gap.rate)})"
        for gap in found.gaps
        if gap.is_sure
    ]
    items = Markup("").join(
        Markup("<li>{}</li>").format(text) for text in sure or ["No gap is more than chance."]
    )
    told = Markup('<ul class="findings">{}</ul>').format(items)
    return Markup('<div class="stack"><h3>By {}</h3>{}{}</div>').format(
        found.column, grid(cards, kind="two"), card("Gaps", told)
    )


def _gap(value: float, rate: str) -> str:
    return f"{value:.3g}" if "error" in rate else f"{100 * value:.1f} points"


def _labels(found: Suspects) -> Markup:
    rows = [
        [f"{each.row:,}", each.label, each.likely, f"{each.chance:.1%}", f"{each.chance_of_label:.1%}"]
        for each in found.worst[:_SUSPECTS]
    ]
    note = (
        f"{found.count:,} of {found.rows:,} labels of the {found.part} part are doubtful by confident "
        "learning, which also doubts rows that are merely hard: look before you correct."
    )
    return card(
        f"Labels to check, {found.part} part",
        table(["row", "label", "rather", "chance", "of the label"], rows),
        note=note,
    )


def _examples(errors: ErrorAnalysis) -> Markup:
    names = list(dict.fromkeys(name for each in errors.examples for name in each.values))
    has_chances = any(each.chance is not None for each in errors.examples)
    rows = []
    for each in errors.examples:
        sure = [f"{each.chance or 0.0:.1%}"] if has_chances else []
        values = ["" if each.values.get(name) is None else str(each.values[name]) for name in names]
        rows.append([f"{each.row:,}", each.truth, each.answered, *sure, said(each.loss), *values])
    heads = ["row", "true", "answered", *(["how sure"] if has_chances else []), "loss", *names]
    note = "Rows of the validation part, counted from 1."
    return card("Most wrong", table(heads, rows), note=note)


def _learning(found: LearningCurve) -> Markup:
    if found.doubled is None or found.low is None or found.high is None:
        note = "Too few sizes to draw the curve on."
    else:
        note = (
            f"Twice the rows would give about {found.metric} {said(found.doubled)} ({said(found.low)} to "
            f"{said(found.high)}), if the curve goes on as it goes now."
        )
    return card("Would more rows help?", pictures.learning(found), note=note)
