"""Commands about what people say of datasets, and how they find them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project


@click.command()
@click.argument("what", nargs=-1)
@shows(
    example="kervan data search churn\nkervan data search tag:finance 'rows>1000' owner:ayse\n"
    "kervan data search column:age 'created>7d'"
)
@with_project
def search(project: Project, what: tuple[str, ...]) -> Shown:
    """Find datasets by words and fields; all of them have to fit.

    Words are looked for in names, descriptions, tags, sources and columns. Fields: name, tag, owner, licence,
    description, access, alias, column, target, source, protected; and rows, columns, bytes, created, which
    compare.
    """
    from kervan.app.catalogue import search_data

    found = search_data(project, " ".join(f"'{part}'" if " " in part else part for part in what))
    rows = [
        (
            each.ref,
            each.rows,
            each.columns,
            each.about.owner,
            ", ".join(each.about.tags),
            ", ".join(each.aliases),
            each.about.description[:60],
        )
        for each in found
    ]
    headers = ("dataset", "rows", "columns", "owner", "tags", "aliases", "description")
    return Shown(found, table(headers, rows, empty="no dataset fits"))


@click.command()
@click.argument("ref")
@click.option("--owner", help="Whose it is.")
@click.option("--licence", help="Under which licence it is, as an SPDX name or a URL.")
@click.option("--description", help="What it is.")
@click.option("--tag", multiple=True, help="Add a tag.")
@click.option("--untag", multiple=True, help="Take a tag away.")
@click.option("--access", multiple=True, help="Who may see it; replaces those who are listed.")
@click.option("--why", default="", help="Goes on record.")
@shows(
    example='kervan data describe adult --owner ayse --licence CC-BY-4.0 --tag census --why "asked by audit"'
)
@with_project
def describe(
    project: Project,
    ref: str,
    owner: str | None,
    licence: str | None,
    description: str | None,
    tag: tuple[str, ...],
    untag: tuple[str, ...],
    access: tuple[str, ...],
    why: str,
) -> Shown:
    """Say whose a dataset is, its licence, what it is, its tags; without an option show what is said."""
    from kervan.app.catalogue import Change, describe_data

    change = Change(
        owner=owner, licence=licence, description=description, tag=tag, untag=untag, access=access or None
    )
    dataset = describe_data(project, ref, change, why=why)
    about = dataset.about
    lines = [
        dataset.ref,
        f"owner        {about.owner}",
        f"licence      {about.licence}",
        f"description  {about.description}",
        f"tags         {', '.join(about.tags)}",
        f"access       {', '.join(about.access)}",
    ]
    return Shown(dataset, "\n".join(line.rstrip() for line in lines))


@click.command()
@click.argument("ref")
@click.argument("name")
@click.option("--why", default="", help="Goes on record.")
@shows(example='kervan data alias adult:3 gold --why "checked by the clinic"\nkervan data show adult:gold')
@with_project
def alias(project: Project, ref: str, name: str, why: str) -> Shown:
    """Give a version another name, which moves from version to version: `adult:gold`."""
    from kervan.app.catalogue import name_version

    dataset = name_version(project, ref, name, why=why)
    return Shown(dataset, f"{dataset.name}:{name} is {dataset.ref}")


@click.command()
@click.argument("ref")
@click.option(
    "--as",
    "form",
    type=click.Choice(["croissant", "dcat", "openlineage"]),
    default="croissant",
    show_default=True,
    help="For which catalogue.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write a file.")
@shows(
    example="kervan data metadata adult:1 -o croissant.json\nkervan data metadata adult:1 --as openlineage"
)
@with_project
def metadata(project: Project, ref: str, form: str, output: Path | None) -> Shown:
    """Write a dataset's metadata for other catalogues: Croissant, DCAT, or OpenLineage events."""
    from kervan.app.metadata import metadata_of

    found = metadata_of(project, ref, form)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    if output is None:
        return Shown(found, text)
    output.write_text(f"{text}\n", encoding="utf-8")
    return Shown({"file": output, "form": form}, f"wrote {form} to {output}")
