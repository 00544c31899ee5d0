"""The command that tells what answers cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.costs import CostCurve, CostTable
    from kervan.app.project import Project

_STEP = 5  # every so many thresholds are shown


@click.command()
@click.argument("ref", default="")
@click.option("--false-positive", type=float, help="What it costs to name the last class wrongly.")
@click.option("--false-negative", type=float, help="What it costs to miss the last class.")
@click.option("--currency", help="Such as TRY; only shown.")
@shows(
    example="kervan costs\nkervan costs income@1.0.0 --false-positive 5 --false-negative 100 --currency TRY"
)
@with_project
def costs(
    project: Project,
    ref: str,
    false_positive: float | None,
    false_negative: float | None,
    currency: str | None,
) -> Shown:
    """Show what a model's answers cost on the validation part: by threshold, or by each of several classes.

    The costs are those of `[model.costs]`, unless others are given.
    """
    from kervan.app.costs import CostTable, costs_of
    from kervan.app.register import find_model

    given: dict[str, Any] = {
        "false_positive": false_positive,
        "false_negative": false_negative,
        "currency": currency,
    }
    told = {name: value for name, value in given.items() if value is not None}
    if told.keys() - {"currency"}:
        told |= {"classes": (), "matrix": ()}
    found = costs_of(project, find_model(project, ref), replace(project.config.model.costs, **told))
    return Shown(found, _by_class(found) if isinstance(found, CostTable) else _by_threshold(found))


def _by_class(found: CostTable) -> str:
    unit = f" {found.currency}" if found.currency else ""
    rows = [
        (each.label, f"{each.rows:,}", f"{each.named:,}", f"{each.right:,}", f"{each.cost:.6g}{unit}")
        for each in found.classes
    ]
    own = found.named_by
    told = [own.told, own.caution] if own else ["the most probable class is named"]
    lines = [
        f"{found.model} on {found.rows:,} rows that it did not learn from: {found.cost:.4g}{unit} per row",
        *filter(None, told),
    ]
    return "\n".join([table(("class", "rows", "named so", "rightly", "its rows cost"), rows), "", *lines])


def _by_threshold(found: CostCurve) -> str:
    unit = f" {found.currency}" if found.currency else ""
    own = "the most probable class" if found.threshold is None else f"from {found.threshold:g} on"
    rows = [
        (
            f"{each.threshold:.2f}",
            f"{each.cost:.4g}{unit}",
            f"{each.named:,}",
            f"{each.false_positive:,}",
            f"{each.false_negative:,}",
        )
        for each in found.points
        if round(each.threshold * 100) % _STEP == 0
    ]
    headers = ("threshold", "cost per row", f"named {found.positive}", "wrongly", "missed")
    lines = [
        f"{found.model} on {found.rows:,} rows that it did not learn from",
        f"as it names {found.positive} ({own}): {found.cost:.4g}{unit} per row",
        f"never: {found.nobody:.4g}{unit}, always: {found.everybody:.4g}{unit}",
        f"by these costs, {found.fair:.3g} would be right if its probabilities were",
    ]
    return "\n".join([table(headers, rows), "", *lines])
