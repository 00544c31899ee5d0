"""The first page: the caravan from data to watch, what needs attention, what happened last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.overview import overview
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def home(project: Project, _asked: Asked) -> Page:
    """Show how everything stands."""
    found = overview(project)
    is_live = any(each.state == "busy" for each in found.stops)
    return Page(
        template="home.html", title=found.name, content=found, command="kervan doctor", is_live=is_live
    )


ROUTES = (Route(path="/", shows=home),)
