"""Commands about the project as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import Shown, shows, table, takes_quiet, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--name", default="", help="The project's name; by default that of its folder.")
@click.option("--source", default="data.csv", help="The table to learn from.")
@click.option("--target", default="target", help="The column to predict.")
@takes_quiet
@shows(example="kervan init income --source adult.csv --target income")
def init(folder: Path, name: str, source: str, target: str) -> Shown:
    """Start a project in FOLDER: write a kervan.toml to edit."""
    from kervan.app.init import init as start

    made = start(folder, name=name, source=source, target=target)
    listed = ", ".join(made.files)
    return Shown(made, f"wrote {listed} in {made.folder}\nnext: edit kervan.toml, then `kervan run`")


@click.command()
@click.option("--why", default="", help="Goes on record with acceptance and release.")
@shows(example='kervan run\nkervan run --why "more rows from 2026"')
@with_project
def run(project: Project, why: str) -> Shown:
    """Live the whole way that kervan.toml describes; only what changed runs again."""
    from kervan.app.pages import write_outcome
    from kervan.app.run import run_project
    from kervan.cli.show import outcome_facts, pairs

    outcome = run_project(project, why=why)
    pages = write_outcome(project, outcome)
    facts = outcome_facts(outcome)
    return Shown({**facts, "reports": pages}, pairs({**facts, "reports": ", ".join(map(str, pages))}))


@click.command()
@click.argument("source")
@click.option("--target", default="", help="The column to predict; by default one named so, or the last.")
@click.option("--budget", default="5m", show_default=True, help="How long it may take in all: 90s, 5m, 1h.")
@click.option("--metric", default="", help="What good means; by default roc_auc, or rmse for a number.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="The folder of the project that is made.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not show progress.")
@shows(example="kervan auto adult.csv --target income --budget 5m\nkervan auto wine.csv --into wine")
def auto(source: str, target: str, budget: str, metric: str, into: Path, quiet: bool) -> Shown:
    """Find, accept and register the best model of a table that a time allows, and say what was done.

    What is left is a project like any other: its kervan.toml repeats the model that was found. Asked again in
    its folder, the search goes on, and registers a new version only if it is better.
    """
    from kervan.app.auto import auto as find
    from kervan.cli.edge import observer
    from kervan.cli.show import outcome_facts

    found = find(source, into, target=target, budget=budget, metric=metric, observe=observer(quiet))
    facts = {
        **(outcome_facts(found.outcome) if found.is_new else {"model": found.outcome.model.ref}),
        "is_new": found.is_new,
        "story": found.story,
        "files": found.files,
        "seconds": found.seconds,
    }
    written = [f"written: {', '.join(map(str, found.files))}"] if found.files else []
    return Shown(facts, "\n".join([*found.story, *written]))


@click.command()
@shows(example="kervan settings\nKERVAN_MODEL_FOLDS=3 kervan settings --json")
@with_project
def settings(project: Project) -> Shown:
    """Show every setting with its value, and the file or variable that set it; nothing for a default."""
    import msgspec

    from kervan.app.origins import settings_of
    from kervan.core.config import TABLES

    found = settings_of(project)
    tables = {name: msgspec.to_builtins(getattr(project.config, name)) for name in TABLES}
    origins = {f"{each.table}.{each.name}": each.place or each.origin for each in found}
    rows = [
        (f"[{each.table}]", each.name, _shortly(each.value), _set_by(each.place, each.origin))
        for each in found
    ]
    return Shown({**tables, "origins": origins}, table(("table", "setting", "value", "set by"), rows))


def _set_by(place: str, origin: str) -> str:
    return "" if origin == "default" else place or origin


def _shortly(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
