"""The command that tells what came of the tests of behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.model.behaviour import Tested


@click.command()
@click.argument("ref", default="")
@shows(example="kervan behaviour\nkervan behaviour income@1.0.0")
@with_project
def behaviour(project: Project, ref: str) -> Shown:
    """Show what came of the tests of behaviour: of a model, or of the newest candidate, also if it failed."""
    from kervan.app.behaving import newest_tests, results_of
    from kervan.app.register import find_model

    model = find_model(project, ref) if ref else None
    report = newest_tests(project, name=model.name, candidate=model.hash) if model else newest_tests(project)
    found = results_of(report) if report else ()
    rows = [
        ("holds" if each.holds else "FAILS", each.name, each.kind, f"{each.failed:,} of {each.rows:,}")
        for each in found
    ]
    shown = table(("", "test", "kind", "rows that fail"), rows, empty="no tests yet: `[[model.tests]]`")
    failing = "\n".join(line for each in found for line in _examples(each))
    return Shown(found, f"{shown}\n\n{failing}".strip())


def _examples(each: Tested) -> list[str]:
    rows = [", ".join(f"{name} {value}" for name, value in example.items()) for example in each.examples]
    return [f"{each.name}:", *(f"  {row}" for row in rows)] if rows else []
