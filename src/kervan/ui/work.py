"""Pages about work that takes a while: how far it is, what came of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kervan.ui.page import Done, Page, Route

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked
    from kervan.ui.jobs import Jobs


def routes(jobs: Jobs) -> tuple[Route, ...]:
    """Return the pages about the work that this site does."""
    return (
        Route(path="/work", shows=partial(_list, jobs)),
        Route(path="/work/{job}", shows=partial(_show, jobs)),
        Route(path="/work/{job}/interrupt", does=partial(_interrupt, jobs)),
    )


def _list(jobs: Jobs, _project: Project, _asked: Asked) -> Page:
    """Show all work that was begun here."""
    found = jobs.all()
    is_live = any(not each.is_over for each in found)
    return Page(template="works.html", title="Work", content={"jobs": found}, is_live=is_live)


def _show(jobs: Jobs, _project: Project, asked: Asked) -> Page:
    """Show how far a piece of work is, and what came of it."""
    job = jobs.job(asked.part("job"))
    return Page(
        template="work.html", title=job.title, content=job, command=job.command, is_live=not job.is_over
    )


def _interrupt(jobs: Jobs, _project: Project, asked: Asked) -> Done:
    """Ask work to end."""
    job = jobs.job(asked.part("job"))
    jobs.interrupt(job.id)
    return Done(text="", to=f"/work/{job.id}")
