"""The command that shows what a model computes for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.features import FeatureView
    from kervan.app.project import Project


@click.command()
@click.argument("dataset", default="")
@click.option(
    "--try",
    "tried",
    metavar="EXPRESSION",
    help="Try an expression, or a function: geo:distance; nothing is kept.",
)
@shows(example="""kervan features\nkervan features adult:3 --try "hours / max(age, 1)" --json""")
@with_project
def features(project: Project, dataset: str, tried: str | None) -> Shown:
    """Show the features of kervan.toml on the rows to learn from of a DATASET, by default the newest.

    A feature without meaning is refused, with the place in its expression.
    """
    from kervan.app.features import features as find_features

    found = find_features(project, dataset, tried=tried or "")
    rows = [
        (
            each.name,
            each.formula,
            str(each.type),
            f"{each.missing:,} of {each.rows:,}",
            *map(_number, (each.least, each.mean, each.most)),
            _samples(each),
        )
        for each in found
    ]
    headers = ("feature", "is", "type", "missing", "least", "mean", "most", "first values")
    empty = (
        "no feature has a column of its own: what is imputed, scaled, encoded or selected changes the others"
        if project.config.model.features
        else "no features yet: [[model.features]] in kervan.toml, or --try"
    )
    return Shown(found, table(headers, rows, empty=empty))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _samples(found: FeatureView) -> str:
    return ", ".join(found.samples)
