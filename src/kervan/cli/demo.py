"""The command that shows everything."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import Shown, observer, say, shows
from kervan.core.nouns import Verdict

if TYPE_CHECKING:
    from kervan.app.demo import Demo
    from kervan.app.project import Project


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="kervan-demo")
@click.option("--keep", is_flag=True, help="Leave the server running in the background.")
@click.option("-q", "--quiet", is_flag=True, help="Do not show progress.")
@shows(example="kervan demo\nkervan demo my-demo --keep")
def demo(folder: Path, keep: bool, quiet: bool) -> Shown:
    """Live one model's whole life on a real table, in FOLDER; run again, it repeats only what changed.

    In a terminal its server answers until Ctrl-C; elsewhere it is stopped at once.
    """
    from kervan.app.demo import demonstrate, write_demo
    from kervan.app.project import open_project
    from kervan.app.release import stop

    write_demo(folder)
    project = open_project(folder, observe=observer(quiet))
    try:
        found = demonstrate(project)
        facts = _facts(found)
        text = _text(found, folder)
        if not keep:
            _wait(text)
            text = (
                ""
                if sys.stdout.isatty()
                else f"{text}\n\nThe server is stopped; `kervan release` brings it back."
            )
        return Shown(facts, text)
    finally:
        if not keep:
            _stop_quietly(project, stop)
        project.store.close()


def _stop_quietly(project: Project, stop: Any) -> None:
    from kervan.core.errors import NotFound

    try:
        stop(project, "production")
    except NotFound:  # the demonstration ended before it released anything
        return


def _wait(text: str) -> None:
    if not sys.stdout.isatty():
        return
    say(f"{text}\n\nThe server answers until you press Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("\nstopped")


def _facts(found: Demo) -> dict[str, Any]:
    return {
        "model": found.outcome.model.ref,
        "address": found.deployment.endpoint,
        "predictions": found.predictions,
        "healthy": _shifted(found.healthy),
        "shifted": _shifted(found.shifted),
        "traced": found.trace.asked.id,
        "commit": found.trace.run.code.commit if found.trace.run else "",
        "data": found.outcome.dataset.ref,
        "reports": found.pages,
    }


def _shifted(report: Any) -> list[str]:
    ordered = sorted(report.columns, key=lambda each: -each.psi)
    return [each.name for each in ordered if each.verdict is Verdict.FAILED]


def _text(found: Demo, folder: Path) -> str:
    from kervan.cli.show import trace_text

    row = json.dumps({"features": found.example})
    address = found.deployment.endpoint
    return f"""
{found.predictions} healthy predictions: {", ".join(_shifted(found.healthy)) or "nothing drifted"}
after the shift: {", ".join(_shifted(found.shifted)) or "nothing drifted"}

One prediction, walked back:
{trace_text(found.trace)}

What to try next, with `cd {folder}`:
  the server     {address}
  ask it         curl -s {address}/predict -H 'content-type: application/json' -d '{row}'
  its metrics    curl -s {address}/metrics
  the reports    {", ".join(str(page) for page in found.pages)}
  the trail      kervan audit, kervan audit verify
  your own data  kervan init my-project --source my.csv --target my-column"""
