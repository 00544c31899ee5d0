"""Commands that make something which package installers take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project


@click.command()
@click.argument("ref")
@click.argument("to", type=click.Path(path_type=Path, file_okay=False), default=".")
@shows(example="kervan package wheel income@1.0.0 dist")
@with_project
def wheel(project: Project, ref: str, to: Path) -> Shown:
    """Write a model as a Python wheel that needs nothing else into the folder TO."""
    return _written(project, ref, "wheel", to)


@click.command()
@click.argument("ref")
@click.argument("to", type=click.Path(path_type=Path, file_okay=False), default=".")
@shows(example="kervan package npm income@1.0.0 dist")
@with_project
def npm(project: Project, ref: str, to: Path) -> Shown:
    """Write a model as an npm package, with types, into the folder TO."""
    return _written(project, ref, "npm", to)


@click.command()
@click.argument("ref")
@click.argument("to", type=click.Path(path_type=Path, file_okay=False), default=".")
@shows(example="kervan package jar income@1.0.0 dist")
@with_project
def jar(project: Project, ref: str, to: Path) -> Shown:
    """Write a model as a JAR, which also scores CSV from a shell, into the folder TO."""
    return _written(project, ref, "jar", to)


def _written(project: Project, ref: str, kind: str, to: Path) -> Shown:
    from kervan.app.distribution import distribute
    from kervan.app.register import find_model

    model = find_model(project, ref)
    path, product = distribute(project, model, kind, to)
    value = {"model": model.ref, "file": path, "name": product.title, "module": product.module}
    return Shown({**value, "parity": product.parity}, f"{model.ref} is in {path}: {product.module}")
