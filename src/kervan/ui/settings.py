"""Pages about settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def settings(project: Project, _asked: Asked) -> Page:
    """Show every setting."""
    return Page(template="settings.html", title="Settings", content=project.config, command="kervan settings")


ROUTES = (Route(path="/settings", shows=settings),)
