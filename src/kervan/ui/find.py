"""Finding anything by its name, reference or id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.find import find
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def found(project: Project, asked: Asked) -> Page:
    """Show what a text leads to."""
    hits = find(project, asked.text("q"))
    return Page(template="find.html", title="Find", content={"q": asked.text("q"), "hits": hits})


ROUTES = (Route(path="/find", shows=found),)
