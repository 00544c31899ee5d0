"""Commands about the images of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.deploy.image.build import Image
    from kervan.deploy.image.scan import Scan

_MODEL = click.argument("model")
_LEVELS = ("critical", "high", "medium", "low", "unknown")


@click.group()
def image() -> None:
    """Make, push and scan the image of a model: what `[image]` in kervan.toml says of it holds.

    \b
    Example:
      kervan image build income@1.0.0 -o income.tar
      kervan image push income@1.0.0
    """


@image.command()
@_MODEL
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Copy it into a folder, or FILE.tar.")
@click.option("--again", is_flag=True, help="Make it again: its base may be a newer one by now.")
@shows(
    example="""kervan image build income@1.0.0
               kervan image build income@1.0.0 -o income.tar"""
)
@with_project
def build(project: Project, model: str, output: Path | None, again: bool) -> Shown:
    """Make the image of a MODEL, without a daemon: the same package gives the same digest.

    Its layers are the base, the wheels (locked by their hashes), Kervan, and the package; the bill of
    materials is attached. With `steps` in [image], podman, docker or buildah make it.
    """
    from kervan.app.image import build as make
    from kervan.app.image import forget, write_out
    from kervan.app.register import find_model

    found = find_model(project, model)
    if again:
        forget(project, found)
    made = make(project, found)
    where = write_out(made, output) if output else made.folder / "layout"
    return Shown(_told(made, where), _said(made, where))


@image.command()
@_MODEL
@shows(example="kervan image push income@1.0.0")
@with_project
def push(project: Project, model: str) -> Shown:
    """Put the image of a MODEL into the registry that [image] names, with its bill of materials.

    It is made first, unless it was. Names and passwords are those of `docker login` or `podman login`.
    """
    from kervan.app.image import push as send
    from kervan.app.register import find_model

    made = send(project, find_model(project, model))
    return Shown(_told(made, made.folder / "layout"), f"{made.reference} is {made.digest}")


@image.command()
@_MODEL
@click.argument("to", type=click.Path(path_type=Path, file_okay=False))
@shows(example="kervan image context income@1.0.0 context && podman build context")
@with_project
def context(project: Project, model: str, to: Path) -> Shown:
    """Write a folder TO with a Dockerfile, from which podman, docker or buildah make the image of a MODEL."""
    from kervan.app.image import context as write
    from kervan.app.register import find_model

    place = write(project, find_model(project, model), to)
    return Shown({"folder": place}, f"build it by: podman build {place}")


@image.command()
@_MODEL
@click.option(
    "--advisories",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="A folder, ZIP or file of advisories in the OSV format, such as PyPI's all.zip.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_LEVELS),
    default="high",
    show_default=True,
    help="Exit code 4 if anything as bad as this is found.",
)
@shows(example="kervan image scan income@1.0.0 --advisories osv/")
@with_project
def scan(project: Project, model: str, advisories: Path, fail_on: str) -> Shown:
    """Look up what the image of a MODEL holds in advisories that lie here; no network is needed.

    Every Python distribution and every Debian package of the base is looked up. Advisories come from
    https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip and …/Debian/all.zip.
    """
    from kervan.app.image import scan as look
    from kervan.app.register import find_model

    found = look(project, find_model(project, model), advisories)
    is_bad = any(each.rank <= _LEVELS.index(fail_on) for each in found.found)
    return Shown(found, _listed(found), code=4 if is_bad else 0)


def _told(made: Image, where: Path) -> dict[str, object]:
    return {"reference": made.reference, "digest": made.digest, "layers": made.parts, "image": where}


def _said(made: Image, where: Path) -> str:
    rows = [(each.title, _megabytes(each.size), _megabytes(each.packed)) for each in made.parts]
    total = ("in all", _megabytes(sum(each.size for each in made.parts)), _megabytes(made.packed))
    listed = table(("layer", "MB unpacked", "MB as sent"), [*rows, total])
    return f"{listed}\n{made.reference} is {made.digest}\nin {where}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _listed(found: Scan) -> str:
    rows = [
        (each.severity, each.package, each.version, each.fixed or "none yet", each.id, each.summary[:60])
        for each in found.found
    ]
    looked = f"{found.packages:,} packages were looked up in {found.advisories:,} advisories"
    if not rows:
        return f"nothing is known against it: {looked}"
    headers = ("severity", "package", "version", "mended in", "advisory", "what it is")
    return f"{table(headers, rows)}\n{looked}"
