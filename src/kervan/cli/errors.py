"""Commands that show where a model fails, and why it answers as it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, takes_row, with_project

if TYPE_CHECKING:
    from kervan.app.explain import Explained
    from kervan.app.project import Project


@click.command()
@click.argument("ref", default="")
@click.option("--learning-curve", is_flag=True, help="Also fit on fewer rows: would more rows help?")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the model's page, which needs nothing else.",
)
@shows(
    example="""kervan errors income
               kervan errors income@1.2.0 --learning-curve
               kervan errors income --html income.html"""
)
@with_project
def errors(project: Project, ref: str, page: Path | None, *, learning_curve: bool) -> Shown:
    """Show where a model, or the candidate of a run, fails on rows that it did not learn from.

    Curves, calibration, the worst segments, fairness by `[model] groups`, doubtful labels, and which inputs
    matter. REF is a model's reference, by default the project's model, or a run's id. What is not on record
    yet is looked at now. Rows are counted from 1.
    """
    from kervan.app.look import error_analysis
    from kervan.app.model_page import write_page
    from kervan.cli.seen import seen_text

    seen = error_analysis(project, ref, learning_curve=learning_curve)
    if page is None:
        return Shown(seen, seen_text(seen))
    write_page(project, seen, page)
    return Shown({"model": seen.subject.name, "file": page}, f"wrote {page}")


@click.command()
@click.argument("ref", default="")
@takes_row
@click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="CSV, Parquet or JSON."
)
@click.option("--prediction", help="The id of a recorded prediction, as its answer had it.")
@shows(
    example="""kervan explain income --row '{"age": 39, "workclass": "State-gov"}'
               kervan explain income@1.2.0 -f rows.csv --json
               kervan explain --prediction 01JD8Z0C6T3V9Q4W5X6Y7Z8A9B"""
)
@with_project
def explain(project: Project, ref: str, row: str | None, file: Path | None, prediction: str | None) -> Shown:
    """Show what each value of a row adds to the answer of a model.

    The mean answer and all contributions add up to the answer. REF is by default the project's model; a
    recorded prediction is explained by the model that gave it.
    """
    from kervan.app import explain as app
    from kervan.cli.predict import parse_row
    from kervan.cli.seen import reasons_text

    if [row, file, prediction].count(None) != 2:
        raise click.UsageError("give one row by --row JSON, rows by -f FILE, or --prediction ID")
    found: list[Explained]
    if prediction is not None:
        if ref:
            raise click.UsageError("a recorded prediction is explained by the model that gave it: name none")
        found = app.explain_prediction(project, prediction)
    elif file is not None:
        found = app.explain_file(project, ref, file)
    else:
        found = [app.explain_row(project, ref, parse_row(row or ""))]
    return Shown(found, "\n\n".join(map(reasons_text, found)))
