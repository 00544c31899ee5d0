"""The command that asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kervan.cli.edge import Shown, shows, table, takes_row, with_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.app.project import Project

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@click.command()
@click.argument("name", default="production")
@click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="CSV, Parquet or JSON."
)
@takes_row
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write answers beside the rows: .csv, .parquet or .ndjson.",
)
@click.option("--flags", is_flag=True, help="Say with each answer what is not known or not used.")
@click.option("--exact", is_flag=True, help="Write texts that a spreadsheet would run as they are.")
@shows(
    example="""kervan predict -f rows.csv
               kervan predict income -f rows.csv -o answers.csv --flags
               kervan predict --row '{"age": 39, "workclass": "State-gov"}' --json"""
)
@with_project
def predict(
    project: Project,
    name: str,
    file: Path | None,
    row: str | None,
    out: Path | None,
    *,
    flags: bool,
    exact: bool,
) -> Shown:
    """Ask the model that answers in production, or in the environment or under the model's name NAME.

    It ends once the predictions are on record. Messages count rows of data from 1, whatever the file.

    With -o all columns of the rows are kept, also those that the model does not use. In CSV, texts that a
    spreadsheet would run (=, +, -, @ in front) get a quote (') in front.
    """
    from kervan.app.batch import Wanted, predict_file, predict_row
    from kervan.app.environments import find_environment

    if (file is None) == (row is None):
        raise click.UsageError("give rows by -f FILE or one row by --row JSON")
    environment = find_environment(project, name)
    wanted = Wanted(to=out, exact=exact, flags=flags)
    if file is not None:
        answers = predict_file(project, file, wanted, environment=environment)
    else:
        answers = predict_row(project, parse_row(row or ""), wanted, environment=environment)
    if out is not None:
        return Shown({"rows": len(answers), "file": out}, f"wrote {len(answers):,} rows to {out}")
    headers = ("prediction", *_flat(answers[0]))
    lines = [(answer["id"], *_flat(answer).values()) for answer in answers]
    return Shown(answers, table(headers, lines))


def parse_row(text: str) -> dict[str, Any]:
    """Read one row as JSON."""
    import msgspec

    from kervan.core.errors import InvalidInput

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        hint = """write it as '{"age": 39, "workclass": "State-gov"}'"""
        raise InvalidInput(f"the row is no JSON object: {error}", hint=hint) from error


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in answer.items():
        if isinstance(value, dict):
            flat.update({f"p({key})": item for key, item in value.items()})
        elif name == "flags":
            flat[name] = "; ".join(value)
        elif name != "id":
            flat[name] = value
    return flat
