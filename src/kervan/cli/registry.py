"""The command that says what answered where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.registry import Answering


@click.command()
@click.option("--at", help="The time: 2026-05-01 (as it began), 2026-05-01T12:00, or 7d ago; by default now.")
@shows(example="kervan registry\nkervan registry --at 2026-05-01T12:00 --json")
@with_project
def registry(project: Project, at: str | None) -> Shown:
    """Show which models answer or answered where: with which share, since when, by whom, why.

    Also the versions that were registered by then, those too that were deleted since.
    """
    from kervan.app.registry import registry as look_up

    found = look_up(project, at=read_time(at))
    rows = [
        (each.environment, each.model, _share(each), moment(each.since), each.by, each.why)
        for each in found.environments
    ]
    models = [
        (each.model, moment(each.since), each.by, "" if each.deleted is None else moment(each.deleted))
        for each in found.models
    ]
    parts = [
        f"at {moment(found.at)}",
        table(
            ("environment", "model", "share", "since", "by", "why"), rows, empty="nothing was released yet"
        ),
        "",
        table(("registered", "since", "by", "deleted since"), models, empty="no models yet"),
    ]
    return Shown(found, "\n".join(parts))


def _share(each: Answering) -> str:
    told = f"{f'by rule: {each.rule}' if each.rule else f'{each.share * 100:g} %'}, {each.role}"
    return f"{told}, stopped" if each.stopped else told
