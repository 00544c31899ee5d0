"""Commands about candidates and models."""

from __future__ import annotations

from dataclasses import asdict
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
    from kervan.cli.show import decided_text, leaderboard_text, pairs
    from kervan.core.naming import Threshold

    found = fit(project, ingest_data(project))
    metric = found.goal.metric
    value = found.evaluation.metrics[metric]
    best = f"{found.candidate.recipe.told}: {metric} {value:.4f} on the validation part"
    named_by = found.candidate.named_by(found.evaluation.rows)
    facts = {
        "run": found.run.id,
        "goal": str(found.goal),
        "best": found.candidate.family,
        "validation": found.evaluation.metrics,
        "candidates": found.scores,
        "standings": found.standings,
        "shortlist": found.shortlist,
        "front": found.front,
        "threshold": named_by if isinstance(named_by, Threshold) else None,
        "least_cost": found.candidate.least_cost,
        "calibrated": found.candidate.calibrated,
    }
    decided = decided_text(named_by, found.candidate.calibrated)
    return Shown(facts, "\n".join([leaderboard_text(found), best, *([pairs(decided)] if decided else [])]))


@click.command()
@click.argument("run")
@click.option("--tolerance", default=1e-6, show_default=True, help="How far answers may differ.")
@shows(example="kervan reproduce income@1.0.0\nkervan reproduce 01JD… --tolerance 1e-9 --json")
@with_project
def reproduce(project: Project, run: str, tolerance: float) -> Shown:
    """Do the RUN of a model again, from its dataset, and say whether the same model comes of it.

    RUN is a run's id or a model. Ends with an error if its answers differ by more than the tolerance.
    """
    from kervan.app.reproduce import reproduce as again
    from kervan.core.errors import ParityFailed

    found = again(project, run, tolerance=tolerance)
    changed = [
        f"{each.name}: {each.then or 'absent'} then, {each.now or 'absent'} now" for each in found.packages
    ]
    if not found.is_same and not found.is_close:
        raise ParityFailed(
            found.told, hint="; ".join(changed[:5]) or "no package changed since: is it chance?"
        )
    code = "" if found.was == found.commit else f"the code was at {found.was or 'no commit'}"
    facts = {**asdict(found), "is_same": found.is_same}
    return Shown(facts, "\n".join(filter(None, [found.told, code, *changed])))


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
    from kervan.app.decided import decided_of
    from kervan.cli.show import model_text

    if ref:
        model = register.find_model(project, ref)
        told = model_text(model, register.acceptance_of(project, model), decided_of(project, model))
        return Shown(model, told)
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
