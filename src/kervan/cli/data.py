"""Commands about datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.catalogue import alias, describe, metadata, search
from kervan.cli.checks import quality, rejects, suggest, validate
from kervan.cli.edge import ListGroup, Shown, shows, table, takes_quiet, with_project
from kervan.cli.personal import (
    anonymity,
    detokenise,
    forget_original,
    forget_person,
    personal,
    release_aggregate,
)
from kervan.cli.synthesize import synthesize
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.project import Project


@click.group(cls=ListGroup)
def data() -> None:
    """Profile tables; list, measure, ingest, check, show, compare, export, imitate and delete datasets.

    \b
    Example:
      kervan data
      kervan data size
      kervan data profile adult.csv --target income
      kervan data ingest
      kervan data validate new.csv
      kervan data show adult:1 --html profile.html
      kervan data diff adult:1 adult:2
      kervan data export adult:1 --part train train.csv
      kervan data synthesize adult:1 -o like-adult.csv
    """


@data.command("list")
@shows(example="kervan data list --json")
@with_project
def list_(project: Project) -> Shown:
    """List all datasets, newest first."""
    from kervan.app.data import datasets

    found = datasets(project)
    rows = [
        (each.ref, each.rows, len(each.schema), each.target, each.origin.source, moment(each.time))
        for each in found
    ]
    headers = ("dataset", "rows", "columns", "target", "source", "since")
    return Shown(found, table(headers, rows, empty="no datasets yet: `kervan data ingest`"))


@data.command()
@shows(example="kervan data ingest")
@with_project
def ingest(project: Project) -> Shown:
    """Read, check, protect, split and keep the source that kervan.toml names.

    `kervan init --source adult.csv --target income` writes such a file. A new version comes of
    it only if rows or settings changed.
    """
    from kervan.app.ingest import ingest_data

    found = ingest_data(project)
    return Shown(found, f"{found.ref}: {found.rows:,} rows, {len(found.schema)} columns")


@data.command()
@shows(example="kervan data size\nkervan data size --json")
@with_project
def size(project: Project) -> Shown:
    """Say how large the source is, and whether there is room, before anything is fetched."""
    from kervan.app.size import size_of_source
    from kervan.cli.size import size_text

    found = size_of_source(project)
    return Shown(found, size_text(found))


@data.command()
@click.argument("ref")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the profile as a page.")
@shows(example="kervan data show adult:1\nkervan data show adult --html profile.html")
@with_project
def show(project: Project, ref: str, html: Path | None) -> Shown:
    """Show the profile and the findings of a dataset."""
    from kervan.app.data import describe_dataset
    from kervan.cli.profiled import dataset_text
    from kervan.data.page import profile_page

    found = describe_dataset(project, ref)
    if html is not None:
        html.write_text(profile_page(found.profile, found.dataset.ref, found.findings), encoding="utf-8")
    return Shown(found, dataset_text(found) + _wrote(html))


@data.command()
@click.argument("source")
@click.option("--target", default="", help="The column to predict, so that others are compared with it.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the profile as a page.")
@click.option(
    "--samples",
    type=click.IntRange(0, 100),
    default=0,
    help="Show so many of the first rows; by default none.",
)
@takes_quiet
@shows(
    example="kervan data profile adult.csv\n"
    "kervan data profile adult.csv --target income --html profile.html\n"
    "kervan data profile 'sales/*.parquet' --json"
)
def profile(source: str, target: str, html: Path | None, samples: int) -> Shown:
    """Profile any table that can be read: figures, findings, and what to do. Nothing is stored.

    No project is needed. A Parquet file of more than 50 million cells passes in batches, in bounded memory.
    """
    from kervan.app.table_profile import profile_table
    from kervan.cli.profiled import table_profile_text
    from kervan.data.page import profile_page

    found = profile_table(source, target, samples=samples)
    if html is not None:
        page = profile_page(found.profile, found.source, found.findings, found.samples)
        html.write_text(page, encoding="utf-8")
    return Shown(found, table_profile_text(found) + _wrote(html))


def _wrote(page: Path | None) -> str:
    return f"\n\nwrote {page}" if page is not None else ""


@data.command()
@click.argument("before")
@click.argument("now")
@shows(example="kervan data diff adult:1 adult:2\nkervan data diff adult:1 adult:2 --json")
@with_project
def diff(project: Project, before: str, now: str) -> Shown:
    """Show what differs between two datasets: schema, rows, findings, and how each column moved.

    Columns are compared by their stored profiles: no row is read, and the test part stays sealed.
    """
    from kervan.app.difference import diff_datasets
    from kervan.cli.difference import difference_text

    found = diff_datasets(project, before, now)
    return Shown(found, difference_text(found))


@data.command()
@click.argument("ref")
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--part", type=click.Choice(["train", "validation", "test"]), default="train", show_default=True
)
@click.option("--exact", is_flag=True, help="Write texts that a spreadsheet would run as they are.")
@shows(
    example="kervan data export adult:1 train.csv\nkervan data export adult:1 --part validation rows.parquet"
)
@with_project
def export(project: Project, ref: str, to: Path, part: str, *, exact: bool) -> Shown:
    """Write a part of a dataset to a CSV or Parquet file; the test part is sealed.

    In CSV, texts that a spreadsheet would run (=, +, -, @ in front) get a quote (') in front.
    """
    from kervan.app.data import export_part
    from kervan.core.identity import Ref
    from kervan.core.nouns import Role

    rows = export_part(project, Ref.parse(ref), Role(part), to, exact=exact)
    return Shown({"rows": rows, "file": to}, f"wrote {rows:,} rows to {to}")


@data.command()
@click.argument("ref")
@click.option("--why", required=True, help="Goes on record.")
@shows(example='kervan data delete adult:1 --why "read with the wrong separator"')
@with_project
def delete(project: Project, ref: str, why: str) -> Shown:
    """Delete a version of a dataset with its original, unless a run reads it or a model was trained on it.

    Its profile stays on record, and its version is never given again. Its files go with `kervan gc`.
    """
    from kervan.app.delete import delete_dataset

    gone = delete_dataset(project, ref, why=why)
    return Shown(gone, f"{gone.ref} is deleted; `kervan gc` removes its files")


data.add_command(synthesize)
data.add_command(validate)
data.add_command(rejects)
data.add_command(quality)
data.add_command(suggest)
data.add_command(personal)
data.add_command(anonymity)
data.add_command(forget_original)
data.add_command(forget_person)
data.add_command(release_aggregate)
data.add_command(detokenise)
for command in (search, describe, alias, metadata):
    data.add_command(command)
