"""Pages that begin a project with a table, and run the whole way."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING

from kervan.app.init import init
from kervan.app.pages import write_outcome
from kervan.app.run import run_project
from kervan.app.tables import keep_table, look_into, table_files
from kervan.core.errors import InvalidInput
from kervan.core.loading import is_project
from kervan.ui.asked import link
from kervan.ui.page import Done, Page, Route, Work

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.ui.asked import Asked


def begin(project: Project, asked: Asked) -> Page:
    """Show the tables in the folder, and what is in the one that was chosen."""
    folder = project.config.folder
    files, chosen = table_files(folder), asked.text("file")
    content = {
        "folder": folder.name,
        "files": files,
        "chosen": look_into(folder, chosen) if chosen else None,
        "is_begun": is_project(folder),
    }
    command = join(["kervan", "init", *(["--source", chosen] if chosen else [])])
    title = "Start a project"
    if content["is_begun"]:
        title = "Another table"
    return Page(template="start.html", title=title, content=content, command=command)


def bring(project: Project, asked: Asked) -> Done:
    """Keep a table that somebody brings."""
    sent = asked.files.get("table")
    if sent is None:
        raise InvalidInput(
            "no file was chosen", hint="choose a table: CSV, Excel, JSON, Parquet, Arrow or Avro"
        )
    kept = keep_table(project.config.folder, sent.name, sent.pieces())
    text = asked.say("{name} is kept in the project's folder", name=kept.name)
    return Done(text=text, to=link(asked.choice("then", ("begin", "data"), "begin"), file=kept.name))


def start(project: Project, asked: Asked) -> Done:
    """Write the settings of a new project."""
    folder, source = project.config.folder, asked.text("source")
    look_into(folder, source)
    init(folder, name=asked.text("name"), source=source, target=asked.text("target"))
    return Done(text=asked.say("The project is there. Now run the whole way."), to=link())


def run(project: Project, asked: Asked) -> Work:
    """Run the whole way that the settings describe."""
    del project
    why = asked.text("why")
    command = join(["kervan", "run", *(["--why", why] if why else [])])
    title = asked.say("The whole way")
    return Work(title=title, about="run", function=live, arguments={"why": why}, command=command)


def live(project: Project, *, why: str) -> Done:
    """Run the whole way, in a process of its own."""
    outcome = run_project(project, why=why)
    write_outcome(project, outcome)
    goal = outcome.trained.goal.metric
    told = f"{outcome.model.ref}: {outcome.model.family}, {goal} {outcome.model.metrics[goal]:.4g}"
    if outcome.deployment is not None:
        told += f"; {outcome.deployment.told()} · {outcome.deployment.name}"
    return Done(text=told, to=link("models", outcome.model.ref))


ROUTES = (
    Route(path="/begin", shows=begin, does=start, unread=True),
    Route(path="/tables", does=bring, unread=True),
    Route(path="/run", does=run),
)
