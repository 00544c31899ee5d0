"""Pages about models: all of them, and one version whole."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from kervan.app.delete import delete_model
from kervan.app.download import evaluation_file, package_file
from kervan.app.model import model_list, model_view
from kervan.app.model_page import seen_of_model
from kervan.ui.asked import link
from kervan.ui.columns import column_query
from kervan.ui.page import Done, Page, Route

if TYPE_CHECKING:
    from kervan.app.download import Download
    from kervan.app.project import Project
    from kervan.ui.asked import Asked

_PAGE = 50


def every(project: Project, asked: Asked) -> Page:
    """Show all models."""
    found = model_list(project, page=asked.whole("page", 1, low=1), size=_PAGE)
    return Page(template="models.html", title="Models", content=found, command="kervan models")


def one(project: Project, asked: Asked) -> Page:
    """Show one version of a model."""
    found = model_view(project, asked.part("ref"), column_query(asked))
    return Page(
        template="model.html", title=found.ref, content=found, command=f"kervan models {quote(found.ref)}"
    )


def errors(project: Project, asked: Asked) -> Page:
    """Show where a model fails, and why it answers as it does."""
    found = seen_of_model(project, asked.part("ref"))
    title = asked.say("Where {ref} fails", ref=found.ref)
    command = f"kervan errors {quote(found.ref)}"
    return Page(template="model_errors.html", title=title, content=found, command=command)


def report(project: Project, asked: Asked) -> Download:
    """Give the report as a page that needs nothing else."""
    return evaluation_file(project, asked.part("ref"))


def package(project: Project, asked: Asked) -> Download:
    """Give the package as one file."""
    return package_file(project, asked.part("ref"))


def delete(project: Project, asked: Asked) -> Done:
    """Delete a version."""
    gone = delete_model(project, asked.part("ref"), why=asked.text("why"))
    return Done(text=asked.say("{ref} is deleted.", ref=gone.ref), to=link("models"))


ROUTES = (
    Route(path="/models", shows=every),
    Route(path="/models/{ref}", shows=one),
    Route(path="/models/{ref}/errors", shows=errors),
    Route(path="/models/{ref}/report", shows=report),
    Route(path="/models/{ref}/package", shows=package),
    Route(path="/models/{ref}/delete", does=delete),
)
