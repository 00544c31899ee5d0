"""The page, from the verdict to what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.model.page.failures import failures, fairness, to_look_at
from kervan.model.page.layout import document
from kervan.model.page.quality import answered, compared
from kervan.model.page.reasons import why
from kervan.model.page.verdict import head, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.model.page.story import Story


def model_page(story: Story) -> str:
    """Return a self-contained page, from the verdict over quality, failures and reasons to what was done."""
    return document(story.title, _parts(story))


def _parts(story: Story) -> Iterator[Markup]:
    yield head(story)
    if story.candidates:
        yield compared(story)
    yield answered(story)
    if story.look is not None:
        yield failures(story.look.errors)
        yield fairness(story.look.errors)
        yield why(story.look.explanation)
        yield to_look_at(story.look.errors, story.learning)
    yield made(story)
