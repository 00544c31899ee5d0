"""The file of settings, edited as it is: also one that cannot be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.settings_file import read_settings_file, write_settings_file
from kervan.ui.asked import link
from kervan.ui.page import Done, Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def edit(project: Project, _asked: Asked) -> Page:
    """Show the file."""
    found = read_settings_file(project)
    command = "$EDITOR kervan.toml"
    return Page(template="settings_file.html", title="kervan.toml", content=found, command=command)


def save(project: Project, asked: Asked) -> Done:
    """Write the file, if it can be loaded and used."""
    text = "".join(asked.texts("text")[-1:])
    write_settings_file(project, text, seen=asked.text("seen"), why=asked.text("why"))
    return Done(
        text=asked.say("kervan.toml is written. It holds from the next run or release on."),
        to=link("settings"),
    )


ROUTES = (Route(path="/settings/file", shows=edit, does=save, unread=True),)
