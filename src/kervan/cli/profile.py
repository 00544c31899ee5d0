"""The command that finds out what a model needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Number, Shown, shows, table, with_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.profile import Profiled
    from kervan.app.project import Project


@click.command()
@click.argument("model")
@click.option("--goal", required=True, help='What is wanted: "p99 < 20ms at 500/s".')
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Rows to ask, as for `kervan predict`; by default the package's samples.",
)
@click.option(
    "--seconds",
    type=Number(0.1, 600),
    default=2.0,
    show_default=True,
    help="How long each rate is kept up.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the curve as a page."
)
@shows(
    example="""kervan profile income@1.3.0 --goal "p99 < 20ms at 500/s" -o load.html
               kervan profile income --goal "p95 < 5ms at 2000/s" --rows rows.csv --seconds 10 --json"""
)
@with_project
def profile(
    project: Project, model: str, goal: str, rows: Path | None, seconds: float, out: Path | None
) -> Shown:
    """Find how many replicas of a MODEL, how much processor and memory reach a goal, on this machine.

    Its package is served at a free port, asked each row once, and then more and more requests a second, until
    it misses the goal. If a single replica misses it at every rate, no number of them helps: code 4.
    """
    from kervan.app.profile import profile as find_needs

    found = find_needs(project, model, goal, rows=rows, seconds=seconds)
    if out is not None:
        from kervan.app.profile_page import profile_page

        out.write_text(profile_page(found), encoding="utf-8")
    return Shown(found, "\n".join(_lines(found)), 0 if found.replicas else 4)


def _lines(found: Profiled) -> Iterator[str]:
    from kervan.app.profile_page import milliseconds

    rows = [
        (
            level.rate,
            level.answered,
            level.failed,
            *map(milliseconds, level.latency.values()),
            "" if level.cpu is None else f"{level.cpu:.2f}",
            "holds" if level.holds else "missed",
        )
        for level in found.levels
    ]
    yield table(("a second", "answered", "failed", *found.levels[0].latency, "cores", ""), rows)
    if found.quality:
        told = ", ".join(f"{name} {value:.4g}" for name, value in found.quality.items())
        yield f"on {found.rows:,} rows: {told}"
    else:
        yield f"all {found.rows:,} rows were answered"
    yield found.told
    if found.cpu is not None and found.cpu_seconds is not None:
        yield f"{found.cpu:.2f} cores in all, {found.cpu_seconds * 1e6:,.0f} µs for a request"
    if found.memory is not None:
        yield f"{found.memory / 1e6:,.0f} MB in all"
    if found.is_client_bound:
        yield "asking took more of the processor than answering: the model may be able to do more"
