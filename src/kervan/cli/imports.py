"""Commands about files from elsewhere: what they are, and models among them made into packages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli import complete
from kervan.cli.edge import Shown, shows, takes_quiet, with_project
from kervan.cli.show import pairs, proof_text

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.package.contents.manifest import Manifest


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the model is called.")
@click.option("--version", default="1.0.0", show_default=True, help="Its version.")
@click.option("--table", required=True, help="Rows with the columns that it was trained on: the proof.")
@click.option("--target", default="", help="The column that it predicts, with every class in it.")
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Where the target leaves it open."
)
@click.option(
    "--signature",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What it takes and gives as JSON, or a manifest.json; then --target is not needed.",
)
@click.option(
    "--formats",
    default="onnx",
    show_default=True,
    shell_complete=complete.formats,
    help="Formats to write, joined by commas.",
)
@click.option("--licence", default="", help="The model's licence, for its card.")
@click.option("--use", default="", help="What it is for, for its card.")
@click.option(
    "--allow",
    multiple=True,
    metavar="KIND",
    shell_complete=complete.allowed_kinds,
    help="Run the code of this kind of file; may be repeated.",
)
@shows(
    example="""kervan package import model.txt income.kervan --name income --table rows.csv --target income
               kervan package import model.onnx income --name income --table rows.csv --signature io.json
               kervan package import model.pt income --name income --table rows.csv --allow torchscript"""
)
@with_project
def import_(project: Project, file: Path, to: Path, formats: str, task: str | None, **told: Any) -> Shown:
    """Make a package TO of a model from elsewhere: scikit-learn, boosters, Keras, PyTorch, ONNX, PMML."""
    from kervan.app.imports import Wanted, import_model

    names = tuple(name.strip() for name in formats.split(",") if name.strip())
    manifest = import_model(project, file, to, Wanted(formats=names, task=task or "", **told))
    return Shown({"model": manifest.ref, "package": to, "manifest": manifest}, _text(manifest, to))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--allow",
    multiple=True,
    metavar="KIND",
    shell_complete=complete.allowed_kinds,
    help="Do not refuse this kind; may be repeated.",
)
@takes_quiet
@shows(
    example="""kervan package inspect model.pkl
               kervan package inspect model.pkl --allow pickle"""
)
def inspect(file: Path, allow: tuple[str, ...]) -> Shown:
    """Say what FILE is by its content, and refuse it if reading it could do harm. Nothing in it is run."""
    from kervan.app.imports import inspect_model

    found = inspect_model(file, allow)
    facts = {
        "file": str(file),
        "kind": f"{found.kind}: {found.title}",
        "packed": ", ".join(found.wrapped) or "no",
        "safe": "no: reading it may run what it says" if found.runs_code else "yes: no reader runs it",
        **{f"holds {name}": kind for name, kind in found.inside},
    }
    return Shown(found, pairs(facts))


def _text(manifest: Manifest, to: Path) -> str:
    output = manifest.signature.output
    lineage = manifest.lineage
    facts = {
        "from": f"{lineage.source}, {lineage.source_kind}, SHA-256 {lineage.source_hash}",
        "takes": ", ".join(manifest.signature.inputs.names),
        "gives": f"{output.name}: {', '.join(output.allowed) or 'a number'}",
        "signed by": "this project's key",
    }
    proofs = map(proof_text, manifest.parity)
    return "\n".join([f"{manifest.ref} is in {to}", pairs(facts), *proofs])
