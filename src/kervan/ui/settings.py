"""Pages about settings: every one with its value, and who set it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kervan.app.origins import Origin, settings_of
from kervan.ui.page import Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def settings(project: Project, asked: Asked) -> Page:
    """Show every setting, or those alone that somebody set."""
    found = settings_of(project)
    shown = [each for each in found if each.origin is not Origin.DEFAULT or not asked.flag("set")]
    content = {
        "tables": {table: list(rows) for table, rows in groupby(shown, key=lambda setting: setting.table)},
        "total": len(found),
        "set": sum(each.origin is not Origin.DEFAULT for each in found),
        "only_set": asked.flag("set"),
    }
    return Page(template="settings.html", title="Settings", content=content, command="kervan settings")


ROUTES = (Route(path="/settings", shows=settings),)
