"""Why the model answers as it does: which inputs matter, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.model.page import pictures
from kervan.model.page.layout import card, grid, section

if TYPE_CHECKING:
    from kervan.model.explain.explanation import Explanation

_HEAT = Markup('<ul class="legend"><li class="cold">low value</li><li class="hot">high value</li></ul>')


def why(found: Explanation) -> Markup:
    """Show which inputs matter and how."""
    about = f"the chance of {found.about}" if found.about else "the answer"
    cards = [
        card(
            "What matters",
            pictures.importance(found),
            note=f"How much worse {found.metric} gets when an input is shuffled; lines: over the repeats.",
        ),
        card(
            "What inputs add to answers",
            pictures.contributions(found),
            _HEAT,
            note=f"Shapley values of {found.explained} rows: a dot is what one row's value adds to {about}.",
        ),
    ]
    effects = [card(each.name, pictures.dependence(each)) for each in found.dependence]
    parts = [grid(cards)]
    if effects:
        note = Markup(
            '<p class="soft small">Below: the mean answer as one input takes each of its values and the '
            "others stay as they are; thin lines are single rows.</p>"
        )
        parts += [note, grid(effects, kind="three")]
    return section("Why it answers as it does", *parts)
