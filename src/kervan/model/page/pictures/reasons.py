"""Why a model answers as it does: what matters, and what each value adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.data.html import number
from kervan.draw import Line, Ranked, Scale, chart, legend, ranked, swarm
from kervan.draw.chart import TONES, spread_of
from kervan.model.page.pictures.words import in_english

if TYPE_CHECKING:
    from markupsafe import Markup

    from kervan.model.explain.dependence import Dependence
    from kervan.model.explain.explanation import Explanation
    from kervan.model.explain.reasons import Reasons
    from kervan.model.page.pictures.words import Say

_INPUTS = 12
_REASONS = 12
_SMALL = (330, 230)


def importance(found: Explanation, say: Say = in_english) -> Markup:
    """Draw by how much the metric gets worse when an input is shuffled."""
    rows = [
        Ranked(
            name=each.name,
            value=max(0.0, each.mean),
            low=max(0.0, each.mean - each.deviation),
            high=max(0.0, each.mean + each.deviation),
            told=f"{each.mean:.3g}",
        )
        for each in found.importance[:_INPUTS]
    ]
    return ranked(rows, label=say("Importance of inputs"), width=520, names=170)


def contributions(found: Explanation, say: Say = in_english) -> Markup:
    """Draw what each input adds to the answers of single rows, and how high its value is among theirs."""
    rows = [(each.name, each.amounts, each.places) for each in found.swarms]
    is_share = bool(found.about) or not found.dependence or found.dependence[0].classes != ("",)
    about = (
        say("added to the chance of {label}", label=found.about)
        if found.about
        else say("added to the answer")
    )
    return swarm(rows, label=say("What inputs add to answers"), name=about, is_share=is_share)


def dependence(found: Dependence, say: Say = in_english) -> Markup:
    """Draw the mean answer for each value of an input, with that of some single rows in thin lines."""
    if not found.places:
        return _by_category(found, say)
    is_share = found.classes != ("",)
    low, high = spread_of([value for line in (*found.means, *found.lines) for value in line], room=0.04)
    if is_share:
        low, high = max(0.0, low), min(1.0, high)
    x = Scale(low=found.places[0], high=found.places[-1], name=found.name)
    y = Scale(low=low, high=high, name=say("chance") if is_share else say("answer"), is_share=is_share)
    rows = found.lines if len(found.means) == 1 else ()
    marks = [Line(xs=found.places, ys=line, tone="quiet", style="thin") for line in rows]
    marks += [Line(xs=found.places, ys=line, tone=TONES[at]) for at, line in enumerate(found.means)]
    drawn = chart(marks, x, y, label=say("Mean answer by {name}", name=found.name), size=_SMALL)
    return drawn + (legend(found.classes) if len(found.classes) > 1 else "")


def _by_category(found: Dependence, say: Say) -> Markup:
    """Draw a bar for each category, of more classes than two for the one that is answered most."""
    is_share = found.classes != ("",)
    rows = [
        Ranked(name=name, value=value, told=f"{value:.1%}" if is_share else number(value))
        for name, value in zip(found.values, found.means[0], strict=True)
    ]
    drawn = ranked(rows, label=say("Mean answer by {name}", name=found.name), width=340, names=130)
    return drawn + (legend(found.classes[:1]) if len(found.classes) > 1 else "")


def reasons(found: Reasons, say: Say = in_english) -> Markup:
    """Draw what each value of a row adds to its answer or takes from it."""
    rows = [
        Ranked(
            name=f"{each.name} = {each.value}",
            value=each.amount,
            told=f"{each.amount:+.3g}",
            tone="first" if each.amount >= 0 else "second",
        )
        for each in found.contributions[:_REASONS]
    ]
    return ranked(rows, label=say("What the values of the row add to its answer"), width=600, names=260)
