"""Commands about candidates and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import ListOrShowGroup, Shown, shows, table, with_project
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Model


@click.command()
@shows(example="kervan train")
@with_project
def train(project: Project) -> Shown:
    """Compare candidates on the training part and fit the best; nothing is accepted or registered."""
    from kervan.app.ingest import ingest_data
    from kervan.app.train import train as fit
    from kervan.cli.show import leaderboard_text

    found = fit(project, ingest_data(project))
    metric = found.goal.metric
    best = f"{found.candidate.family}: {metric} {found.evaluation.metrics[metric]:.4f} on the validation part"
    value = {
        "run": found.run.id,
        "goal": str(found.goal),
        "best": found.candidate.family,
        "validation": found.evaluation.metrics,
        "candidates": found.scores,
    }
    return Shown(value, f"{leaderboard_text(found)}\n{best}")


@click.group(cls=ListOrShowGroup)
def models() -> None:
    """List, show and delete registered models.

    \b
    Example:
      kervan models
      kervan models income@1.0.0
      kervan models delete income@1.0.0 --why "never released"
    """


@models.command("list")
@click.argument("ref", default="")
@shows(example="kervan models list\nkervan models income@1.0.0")
@with_project
def list_(project: Project, ref: str) -> Shown:
    """List all models, newest first, or show one: its inputs, metrics and acceptance."""
    from kervan.app import register
    from kervan.cli.show import model_text

    if ref:
        model = register.find_model(project, ref)
        return Shown(model, model_text(model, register.acceptance_of(project, model)))
    found = register.models(project)
    rows = [(each.ref, each.family, _quality(each), each.creator, moment(each.time)) for each in found]
    headers = ("model", "family", "validation", "by", "since")
    return Shown(found, table(headers, rows, empty="no models yet: `kervan run`"))


@models.command()
@click.argument("ref")
@click.option("--why", required=True, help="Goes on record.")
@shows(example='kervan models delete income@1.0.0 --why "never released"')
@with_project
def delete(project: Project, ref: str, why: str) -> Shown:
    """Delete a version of a model with its package, unless it answers somewhere or is on its way to.

    What is on record of it stays, and its version is never given again. Its files go with `kervan gc`.
    """
    from kervan.app.delete import delete_model

    gone = delete_model(project, ref, why=why)
    return Shown(gone, f"{gone.ref} is deleted; `kervan gc` removes its files")


def _quality(model: Model) -> str:
    if model.is_imported:
        return "trained elsewhere"
    return next((f"{name} {value:.4g}" for name, value in model.metrics.items()), "")
