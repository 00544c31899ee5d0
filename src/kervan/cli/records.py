"""Commands about the records of predictions, and about what came back since."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import ListGroup, Shown, shows, table, with_project
from kervan.core.shown import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.keeping import File
    from kervan.app.project import Project


@click.group(cls=ListGroup)
def records() -> None:
    """List the files of prediction records, compact them, remove old ones.

    \b
    Example:
      kervan records
      kervan records compact
      kervan records clean --dry-run
    """


@records.command("list")
@shows(example="kervan records list --json")
@with_project
def list_(project: Project) -> Shown:
    """List all files of records and of feedback, oldest first."""
    from kervan.app.keeping import record_files

    found = record_files(project)
    return Shown(found, _files_text(found, empty="no records yet: `kervan predict -f rows.csv`"))


@records.command()
@click.argument("name", default="")
@shows(example="kervan records compact\nkervan records compact production --json")
@with_project
def compact(project: Project, name: str) -> Shown:
    """Write what servers have closed as Parquet, in all environments or in NAME.

    `kervan release`, `run` and `drift` do so by themselves. Every line can be had back as it was written.
    """
    from kervan.app.keeping import compact_records

    found = compact_records(project, _environment(project, name))
    return Shown(found, _files_text(found, empty="nothing to compact: servers still write what there is"))


@records.command()
@click.argument("name", default="")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@shows(example="kervan records clean --dry-run\nkervan records clean production")
@with_project
def clean(project: Project, name: str, dry_run: bool) -> Shown:
    """Remove, on record, what [records] keep and keep_size let go of, in all environments or in NAME."""
    from kervan.app.keeping import clean_records

    found = clean_records(project, _environment(project, name), dry_run=dry_run)
    what = "would remove" if dry_run else "removed"
    many = sum(each.records for each in found)
    told = f"{what} {len(found):,} files with {many:,} records"
    return Shown(found, "\n".join([told, *([_files_text(found)] if found else [])]))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name", default="production")
@shows(example="kervan feedback labels.csv\nkervan feedback labels.ndjson income --json")
@with_project
def feedback(project: Project, file: Path, name: str) -> Shown:
    """Keep the labels or rewards in FILE (CSV, Parquet or JSON) beside the predictions they are about.

    Each row has an `id`, as answers have it, or an `entity` and a `time`: then the newest prediction about
    the entity that was made by that time is meant. It has a `label`, a `reward` or both. A later label
    stands beside an earlier one, and counts. The predictions are those of production, or of the environment
    or model NAME.
    """
    from kervan.app.environments import find_environment
    from kervan.app.feedback import count_feedback, give_feedback

    environment = find_environment(project, name)
    taken = give_feedback(project, file, environment=environment)
    found = count_feedback(project, environment)
    text = f"took {taken:,}; {found.known:,} of all {found.taken:,} are about predictions on record"
    value = {"file": file, "environment": environment, "rows": taken, "all": found}
    return Shown(value, text)


def _environment(project: Project, name: str) -> str:
    from kervan.app.environments import find_environment

    return find_environment(project, name) if name else ""


def _files_text(found: Sequence[File], empty: str = "none") -> str:
    rows = [
        (
            each.environment,
            each.name,
            each.state,
            each.records,
            f"{each.size / 1e6:,.2f} MB",
            moment(each.begin),
            moment(each.end),
        )
        for each in found
    ]
    return table(("environment", "file", "", "records", "size", "from", "to"), rows, empty=empty)
