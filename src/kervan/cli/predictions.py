"""Commands about recorded predictions: found, and counted over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from kervan.app.over_time import OverTime, Version
    from kervan.app.project import Project
    from kervan.app.search import Found, Glimpse


@click.command()
@click.argument("name", default="")
@click.option("--id", "ident", default="", help="Only those whose id begins so; a whole id shows its rows.")
@click.option("--entity", default="", help="Only those about this entity, of the column that [data] names.")
@click.option("--model", default="", help="Only those of a model, or of one version: income@1.2.0.")
@click.option("--since", help="Only those since then: 7d (ago), 2026-05-01 or 2026-05-01T12:00.")
@click.option("--until", help="Only those before then.")
@click.option("--before", default="", help="Only those before this id: the next page.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000), help="How many.")
@shows(
    example="""kervan predictions
               kervan predictions production --entity C-1042 --since 30d
               kervan predictions --model income@1.2.0 --limit 100 --json"""
)
@with_project
def predictions(
    project: Project,
    name: str,
    since: str | None,
    until: str | None,
    before: str,
    limit: int,
    **wanted: str,
) -> Shown:
    """Find recorded predictions, newest first, in all environments or in NAME (also a model's).

    Of a request of many rows the first that fits is shown. `kervan trace` tells all about one.
    """
    from kervan.app.search import Wanted, search

    asked = Wanted(environment=name, since=read_time(since), until=read_time(until), **wanted)
    found = search(project, asked, before=before, limit=limit)
    return Shown(found, _text(found))


@click.command()
@click.argument("name", default="production")
@click.option("--since", help="Only since then: 7d (ago), 2026-05-01 or 2026-05-01T12:00.")
@click.option("--until", help="Only before then.")
@shows(example="kervan traffic\nkervan traffic production --since 24h --json")
@with_project
def traffic(project: Project, name: str, since: str | None, until: str | None) -> Shown:
    """Count what each version answered over time, and how fast: in production, or NAME (also a model's)."""
    from kervan.app.environments import find_environment
    from kervan.app.over_time import over_time

    environment = find_environment(project, name)
    found = over_time(project, environment, since=read_time(since), until=read_time(until))
    return Shown(found, _traffic_text(found))


def _traffic_text(found: OverTime) -> str:
    headers = ("since", "model", "requests", "failed", "p50 ms", "p90 ms", "p99 ms")
    rows = [
        (moment(time), each.model, each.requests[place], each.failed[place], *_milliseconds(each, place))
        for place, time in enumerate(found.times)
        for each in found.versions
        if each.requests[place]
    ]
    lines = [table(headers, rows, empty="no prediction is on record for that time")]
    if found.looked is not None:
        lines.append(f"not looked at before {moment(found.looked)}")
    return "\n".join(lines)


def _milliseconds(each: Version, place: int) -> tuple[float | str, ...]:
    found = (each.p50[place], each.p90[place], each.p99[place])
    return tuple("" if seconds is None else 1e3 * seconds for seconds in found)


def _text(found: Found) -> str:
    headers = ("prediction", "time", "environment", "model", "about", "answer", "", "came back", "ms")
    lines = [table(headers, [_row(each) for each in found.rows], empty="no prediction fits")]
    if found.looked is not None:
        lines.append(f"not looked for before {moment(found.looked)}")
    if found.before:
        lines.append(f"go on with --before {found.before}")
    return "\n".join(lines)


def _row(each: Glimpse) -> tuple[object, ...]:
    rows = f" (of {each.rows:,} rows)" if each.rows > 1 else ""
    role = "" if each.role == "stable" else f", {each.role}"
    came = each.label if each.label is not None else each.reward
    return (
        f"{each.id}{rows}",
        moment(each.time),
        each.environment,
        f"{each.model}{role}",
        "" if each.entity is None else each.entity,
        "none usable" if each.answer is None else each.answer,
        "" if each.probability is None else f"{each.probability:.1%}",
        "" if came is None else came,
        1e3 * each.seconds,
    )
