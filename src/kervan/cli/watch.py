"""Commands about what happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import ListGroup, Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from kervan.app.project import Project


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
@shows(example="kervan drift\nkervan drift production --since 2026-05-01 --html drift.html")
@with_project
def drift(project: Project, name: str, since: str | None, html: Path | None, strict: bool) -> Shown:
    """Compare what was asked for with the training data: in production, or in NAME (also a model's)."""
    from kervan.app.drift import check_drift
    from kervan.app.environments import find_environment
    from kervan.cli.show import drift_text
    from kervan.core.nouns import Verdict
    from kervan.monitor.page import drift_page

    environment = find_environment(project, name)
    report, found = check_drift(project, environment=environment, since=read_time(since))
    if html is not None:
        html.write_text(drift_page(found, title=f"Drift in {environment}"), encoding="utf-8")
    code = 4 if strict and report.verdict is Verdict.FAILED else 0
    return Shown(report, drift_text(found), code)


@click.group(cls=ListGroup)
def audit() -> None:
    """Read the audit trail, or verify that nothing on it was altered.

    \b
    Example:
      kervan audit
      kervan audit verify
      kervan audit verify --anchor 12:9f86d081884c7d65…
    """


@audit.command("list")
@click.option("--subject", default="", help="Only events about this record or environment.")
@shows(example="kervan audit list --subject production --json")
@with_project
def list_(project: Project, subject: str) -> Shown:
    """Show who did what, when and why; oldest first."""
    from kervan.app.audit import trail

    found = trail(project, subject=subject or None)
    rows = [
        (
            each.sequence,
            moment(each.time),
            each.actor,
            each.action,
            each.body.get("ref", each.subject),
            each.why,
        )
        for each in found
    ]
    return Shown(found, table(("event", "time", "who", "what", "subject", "why"), rows))


@audit.command()
@click.option("--anchor", default="", help="A head that was kept outside; it must be part of the chain.")
@shows(example="kervan audit verify")
@with_project
def verify(project: Project, anchor: str) -> Shown:
    """Check the chain of events and every record against it; names the first that was altered."""
    from kervan.app.audit import verify as check

    found = check(project, anchor=anchor)
    files = found.predictions
    lines = [
        f"the chain of {found.events:,} events and {found.records:,} records holds",
        f"{files.files:,} files of prediction records hold, {files.sealed:,} of them on the trail",
        *([f"{files.removed:,} more were removed by the rules, on record"] if files.removed else []),
        *(f"not covered: {what}" for what in found.uncovered),
        f"head {found.head}",
    ]
    return Shown(found, "\n".join(lines))
