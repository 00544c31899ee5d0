"""Commands about the audit trail."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import ListGroup, Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.app.events import Sought
    from kervan.app.project import Project


@click.group(cls=ListGroup)
def audit() -> None:
    """Read and export the audit trail, or verify that nothing on it was altered.

    \b
    Example:
      kervan audit
      kervan audit --actor ayse --since 7d
      kervan audit export trail.jsonl
      kervan audit verify
      kervan audit verify --anchor 12:9f86d081884c7d65…
    """


def _sought(function: Callable[..., Shown]) -> Callable[..., Shown]:
    """Let a command ask for some of the events, given to it as one `sought`."""

    @functools.wraps(function)
    def wrapped(project: Project, since: str | None, until: str | None, **asked: Any) -> Shown:
        from kervan.app.events import Sought

        texts = {name: asked.pop(name) for name in ("actor", "action", "subject", "text")}
        sought = Sought(since=read_time(since), until=read_time(until), **texts)
        return function(project, sought=sought, **asked)

    options = (
        click.option("--actor", default="", help="Only what this one did."),
        click.option("--action", default="", help="Only this action, such as `created` or `created model`."),
        click.option("--subject", default="", help="Only about this record (id or name) or environment."),
        click.option("--text", default="", help="Only what has this text anywhere."),
        click.option("--since", help="Only since then: 7d (ago), 2026-05-01 or 2026-05-01T12:00."),
        click.option("--until", help="Only before then."),
    )
    return functools.reduce(lambda inner, option: option(inner), reversed(options), wrapped)


@audit.command("list")
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest so many.")
@shows(
    example="""
    kervan audit list --subject production --json
    kervan audit list --actor ayse --action created --since 7d --limit 20
    """
)
@with_project
@_sought
def list_(project: Project, sought: Sought, limit: int | None) -> Shown:
    """Show who did what, when and why; oldest first."""
    from kervan.app.events import list_events

    found = list_events(project, sought, newest=limit)
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
    return Shown(
        found, table(("event", "time", "who", "what", "subject", "why"), rows, empty="no such event")
    )


@audit.command()
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False))
@shows(example="kervan audit export trail.jsonl\nkervan audit export --since 2026-01-01 trail.csv")
@with_project
@_sought
def export(project: Project, sought: Sought, to: Path) -> Shown:
    """Write the trail, or a part of it, to a file that ends in .jsonl or .csv.

    Only JSON lines have events exactly as they are hashed. In CSV, texts that a spreadsheet would run
    (=, +, -, @ in front) get a quote (') in front.
    """
    from kervan.app.events import export_events

    pieces = export_events(project, sought, to.suffix.removeprefix(".").lower())
    with to.open("wb") as file:
        size = sum(map(file.write, pieces))
    return Shown({"file": str(to), "size": size}, f"wrote {to}, {size:,} bytes")


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
