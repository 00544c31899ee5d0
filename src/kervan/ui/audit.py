"""Pages about the audit trail: searched, checked, taken along."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING

from kervan.app.audit import verify
from kervan.app.download import Download, trail_file
from kervan.app.events import FORMS, Sought, find_events
from kervan.core.when import read_time
from kervan.ui.asked import link
from kervan.ui.page import Done, Page, Route, Work
from kervan.ui.voice import Voice

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked

_SIZE = 50
_TEXTS = ("actor", "action", "subject", "text")
_TIMES = ("since", "until")


def trail(project: Project, asked: Asked) -> Page:
    """Show what happened, newest first."""
    page, size = asked.whole("page", 1, low=1), asked.whole("size", _SIZE, low=1, high=500)
    found = find_events(project, _sought(asked), page=page, size=size)
    given = {name: asked.text(name) for name in (*_TEXTS, *_TIMES) if asked.text(name)}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return Page(
        template="audit.html",
        title="Audit",
        content={"found": found, "given": given},
        command=join(["kervan", "audit", *words, "--limit", str(size)]),
    )


def check(project: Project, asked: Asked) -> Work:
    """Check the chain, and everything that is kept against it."""
    del project
    anchor = asked.text("anchor")
    words = ["--anchor", anchor] if anchor else []
    return Work(
        title=asked.say("Check the audit trail"),
        about="audit",
        function=hold,
        arguments={"anchor": anchor, "language": asked.language},
        command=join(["kervan", "audit", "verify", *words]),
    )


def hold(project: Project, *, anchor: str, language: str) -> Done:
    """Check the trail, in a process of its own."""
    found = verify(project, anchor=anchor)
    voice = Voice(language)
    told = voice.text(
        "Nothing was altered: {events} events, {records} records and {files} files of predictions hold.",
        events=voice.number(found.events),
        records=voice.number(found.records),
        files=voice.number(found.predictions.files),
    )
    head = voice.text("Keep this head elsewhere: {head}", head=found.head)
    return Done(text=f"{told} {head}", to=link("audit"))


def export(project: Project, asked: Asked) -> Download:
    """Give the events that are asked for as a file."""
    return trail_file(project, _sought(asked), asked.choice("form", tuple(FORMS), "jsonl"))


def _sought(asked: Asked) -> Sought:
    texts = {name: asked.text(name) for name in _TEXTS}
    since, until = (read_time(asked.text(name) or None) for name in _TIMES)
    return Sought(since=since, until=until, **texts)


ROUTES = (
    Route(path="/audit", shows=trail),
    Route(path="/audit/verify", does=check),
    Route(path="/audit/export", shows=export),
)
