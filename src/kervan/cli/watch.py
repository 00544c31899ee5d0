"""Commands about what happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from kervan.app.drift_history import DriftHistory
    from kervan.app.project import Project
    from kervan.app.quality import Quality


@click.command()
@click.argument("prediction")
@shows(example="kervan trace 01JD4Z8Y7W0000000000000000")
@with_project
def trace(project: Project, prediction: str) -> Shown:
    """Walk from one prediction back to its model, package, run, code, rows, acceptance and approver."""
    from kervan.app.trace import trace as walk
    from kervan.cli.show import trace_text

    found = walk(project, prediction)
    return Shown(found, trace_text(found))


@click.command()
@click.argument("name", default="production")
@click.option("--since", help="Only what was asked since then: 7d (ago), 2026-05-01 or 2026-05-01T12:00.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as a page.")
@click.option("--strict", is_flag=True, help="End with code 4 if something drifted.")
@click.option("--history", is_flag=True, help="Compare nothing: show the reports that were kept.")
@shows(
    example="""kervan drift
               kervan drift production --since 2026-05-01 --html drift.html
               kervan drift --history"""
)
@with_project
def drift(
    project: Project, name: str, since: str | None, html: Path | None, *, strict: bool, history: bool
) -> Shown:
    """Compare what was asked for with the training data: in production, or in NAME (also a model's)."""
    from kervan.app.drift import check_drift
    from kervan.app.drift_history import drift_history
    from kervan.app.environments import find_environment
    from kervan.cli.show import drift_text
    from kervan.core.nouns import Verdict
    from kervan.monitor.page import drift_page

    environment = find_environment(project, name)
    if history:
        kept = drift_history(project, environment)
        return Shown(kept, _history_text(kept))
    report, found = check_drift(project, environment=environment, since=read_time(since))
    if html is not None:
        html.write_text(drift_page(found, title=f"Drift in {environment}"), encoding="utf-8")
    code = 4 if strict and report.verdict is Verdict.FAILED else 0
    return Shown(report, drift_text(found), code)


@click.command()
@click.argument("name", default="production")
@shows(example="kervan quality\nkervan quality production --json")
@with_project
def quality(project: Project, name: str) -> Shown:
    """Say how right each version was over time, as labels and rewards came: in production, or in NAME."""
    from kervan.app.environments import find_environment
    from kervan.app.quality import quality as judge

    found = judge(project, find_environment(project, name))
    return Shown(found, _quality_text(found))


def _quality_text(found: Quality) -> str:
    headers = ("since", "model", "labels", found.figure, "rewards", "mean reward")
    rows = [
        (
            moment(time),
            each.model,
            each.labels[place],
            "" if (figure := each.figure[place]) is None else figure,
            each.rewards[place],
            "" if (reward := each.reward[place]) is None else reward,
        )
        for place, time in enumerate(found.times)
        for each in found.versions
        if each.labels[place] or each.rewards[place]
    ]
    return table(headers, rows, empty="nothing came back yet: `kervan feedback labels.csv`")


def _history_text(found: DriftHistory) -> str:
    headers = ("time", "model", "rows", "", "most moved", "PSI")
    rows = []
    for place, check in enumerate(found.checks):
        moved = [(psi, each.name) for each in found.columns if (psi := each.psi[place]) is not None]
        psi, name = max(moved, default=(0.0, ""))
        rows.append((moment(check.time), check.model, check.rows, str(check.verdict), name, psi))
    return table(headers, rows, empty="nobody looked for drift yet: `kervan drift`")
