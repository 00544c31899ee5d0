"""What a page or a button of the site gives: something to show, to download, said or begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kervan.app.download import Download

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Something to look at: `content` is what the template shows, and what programs get as JSON.

    `command` is the line that shows the same on the command line. The block `live` of the template of a page
    that `is_live` is sent anew whenever it changes.
    """

    template: str
    title: str
    content: Any
    command: str = ""
    is_live: bool = False
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action did, in a sentence, and the page that shows it."""

    text: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What takes longer than anybody waits: `function(project, **arguments)` in a process of its own.

    The function lies at the top of a module; its arguments can be pickled. It returns what it did. Of what is
    called the same by `about`, in whatever language its title is, one goes on at a time.
    """

    title: str
    about: str
    function: Callable[..., Done]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""


Shows = Callable[["Project", "Asked"], Page | Download]
Does = Callable[["Project", "Asked"], Done | Work | Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path, such as `/runs/{run}`, and what a browser gets there (`shows`) or does there (`does`).

    What is for folders without a project as well, or whose settings are broken, is `unread`.
    """

    path: str
    shows: Shows | None = None
    does: Does | None = None
    unread: bool = False
