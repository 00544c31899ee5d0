"""The first page: the caravan from data to watch, what needs attention, what happened last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.overview import overview
from kervan.core.loading import is_project
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def home(project: Project, _asked: Asked) -> Page:
    """Show how everything stands, or how to begin."""
    folder = project.config.folder
    if not is_project(folder):
        return Page(template="start.html", title="Start a project", content={"folder": folder.name})
    found = overview(project)
    return Page(template="home.html", title=found.name, content=found, command="kervan doctor")


ROUTES = (Route(path="/", shows=home),)
