"""Commands about packages: taken out, checked, and the key that they are signed with."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kervan.cli import complete, distribution, imports
from kervan.cli.edge import Shown, shows, takes_quiet, with_project
from kervan.cli.show import pairs, proof_text
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.package import Checked
    from kervan.app.project import Project
    from kervan.package.contents.manifest import Manifest
    from kervan.package.proving.optimise import Measured

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def package() -> None:
    """Take a model out as a folder or one file that any application can use, or check such a package.

    \b
    Example:
      kervan package export income@1.0.0 income-1.0.0.kervan
      kervan package check income-1.0.0.kervan
    """


for command in (distribution.wheel, distribution.npm, distribution.jar, imports.import_, imports.inspect):
    package.add_command(command)


@package.command("export")
@click.argument("ref")
@click.argument("to", type=click.Path(path_type=Path))
@shows(
    example="""kervan package export income@1.0.0 income-1.0.0
               kervan package export income@1.0.0 income-1.0.0.kervan"""
)
@with_project
def export_(project: Project, ref: str, to: Path) -> Shown:
    """Copy a model's package into the new folder TO, or into one file if TO ends in `.kervan`."""
    from kervan.app.register import export_package, find_model

    model = find_model(project, ref)
    place = export_package(project, model, to)
    kind = "file" if place.is_file() else "folder"
    return Shown({"model": model.ref, kind: place}, f"{model.ref} is in {place}")


_ALLOW = click.option(
    "--allow", metavar="MODULE:NAME", multiple=True, help="A function of Python in the package that may run."
)


@package.command()
@click.argument("ref")
@click.argument("name", metavar="FORMAT", shell_complete=complete.formats)
@click.argument("to", type=click.Path(path_type=Path))
@shows(
    example="""kervan package write income@1.0.0 c income-c
               kervan package write income@1.0.0 postgresql income-sql"""
)
@with_project
def write(project: Project, ref: str, name: str, to: Path) -> Shown:
    """Write a model in one FORMAT into the new folder TO, proved before it is there."""
    from kervan.app.formats import write_model
    from kervan.app.register import find_model

    model = find_model(project, ref)
    proofs = write_model(project, model, name, to)
    lines = [f"{model.ref} is in {to}", *map(proof_text, proofs)]
    return Shown({"model": model.ref, "folder": to, "parity": proofs}, "\n".join(lines))


@package.command("optimise")
@click.argument("ref", default="")
@click.option("--write", metavar="NAME", default="", help="Write this graph, if it pays.")
@click.option("--to", type=click.Path(path_type=Path), help="The new folder to write it into.")
@shows(
    example="""kervan package optimise
               kervan package optimise income@1.0.0 --write float32 --to income-small"""
)
@with_project
def optimise_(project: Project, ref: str, write: str, to: Path | None) -> Shown:
    """Measure the ONNX graph with constants folded, in float32, float16 and int8, beside the original."""
    from kervan.app.optimise import metric_of, optimise_model, write_graph
    from kervan.app.register import find_model
    from kervan.cli.show import graphs_text

    if bool(write) != (to is not None):
        raise click.UsageError("--write and --to belong together")
    model = find_model(project, ref)
    found, metric = optimise_model(project, model), metric_of(model)
    text = graphs_text(found, metric)
    if to is not None:
        text += f"\n{write} is in {write_graph(found, write, to)}"
    return Shown([{**_plain(each), "metric": metric, "pays": each.pays} for each in found], text)


def _plain(measured: Measured) -> dict[str, Any]:
    from dataclasses import asdict

    values = {name: value for name, value in asdict(measured).items() if name != "content"}
    return {
        name: None if isinstance(value, float) and isnan(value) else value for name, value in values.items()
    }


@package.command("formats")
@click.argument("ref", default="")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.formats,
    help="Try this format alone; may be repeated.",
)
@shows(
    example="""kervan package formats
               kervan package formats income@1.0.0 --only c --only postgresql"""
)
@with_project
def formats(project: Project, ref: str, only: tuple[str, ...]) -> Shown:
    """Try every format on a model: written, proved on rows made to hurt, timed; or why not."""
    from kervan.app.formats import formats_of
    from kervan.app.register import find_model
    from kervan.cli.show import formats_text

    found = formats_of(project, find_model(project, ref), only)
    return Shown(found, formats_text(found))


@package.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=_FILE,
    help="The public key of whoever made it: no other signature counts.",
)
@click.option("--unsigned", is_flag=True, help="Also check a package that nobody signed.")
@click.option(
    "--sigstore", "bundle", type=_FILE, help="A Sigstore bundle that has to hold too; say whose it has to be."
)
@click.option("--sigstore-key", "public", type=_FILE, help="The bundle's: the public key of who signed.")
@click.option("--identity", default="", help="The bundle's: the address or workflow that signed.")
@click.option("--issuer", default="", metavar="URL", help="Who vouches for the identity.")
@_ALLOW
@takes_quiet
@shows(
    example="""kervan package check income-1.0.0
               kervan package check income-1.0.0.kervan --key ayse.pem
               kervan package check income-1.0.0 --sigstore income.sig --sigstore-key release.pem"""
)
def check(
    path: Path,
    key: Path | None,
    unsigned: bool,
    bundle: Path | None,
    public: Path | None,
    identity: str,
    issuer: str,
    allow: tuple[str, ...],
) -> Shown:
    """Check a package, a folder or one file: who signed it, every file, that it answers its sample rows."""
    from kervan.app.package import Bundle, check_package
    from kervan.package.contents.sigstore import Identity

    signer = public or (Identity(name=identity, issuer=issuer) if identity and issuer else None)
    if (bundle is None) != (signer is None) or bool(identity) != bool(issuer) or (public and identity):
        raise click.UsageError(
            "--sigstore BUNDLE wants to know whose: --sigstore-key FILE, or --identity NAME --issuer URL"
        )
    wanted = Bundle(path=bundle, signer=signer) if bundle is not None and signer is not None else None
    checked = check_package(path, key=key, unsigned=unsigned, bundle=wanted, allow=allow)
    return Shown(_value(checked), _text(checked))


@package.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key", type=_FILE, help="A private key on an elliptic curve (PEM); without it, Sigstore asks."
)
@takes_quiet
@shows(
    example="""kervan package sign income-1.0.0.kervan income.sig
               kervan package sign income-1.0.0 income.sig --key release-private.pem"""
)
def sign(path: Path, bundle: Path, key: Path | None) -> Shown:
    """Sign a package for people without Kervan too: by a Sigstore BUNDLE, a new file beside it."""
    from kervan.app.package import sign_package

    password = None
    if key is not None and b"ENCRYPTED" in key.read_bytes():
        password = click.prompt("Password of the key", hide_input=True, err=True)
    sign_package(path, bundle, key=key, password=password)
    return Shown({"package": path, "bundle": bundle}, f"{bundle} signs {path}")


@package.command()
@shows(example="kervan package key > ayse.pem")
@with_project
def key(project: Project) -> Shown:
    """Print the public key that this project's packages are signed with, to give to those who check them."""
    from kervan.app.register import signing_key

    signer = signing_key(project).signer
    return Shown(signer, f"{signer.key_id}\n{signer.public_key.rstrip()}")


def _text(checked: Checked) -> str:
    """Show who signed a package, what is in it, and how each format was proved."""
    manifest = checked.manifest
    cards = (manifest.model_card, manifest.data_card, manifest.materials)
    facts = {
        "signed by": _signed_by(checked),
        **({"sigstore": "signed by whom you named"} if checked.bundle else {}),
        "made by": f"{manifest.creator}, {moment(manifest.created)}",
        "licence": manifest.licence or "not stated",
        "formats": ", ".join(manifest.formats),
        "answers": _answers(manifest) if manifest.samples else "not tried: no samples",
        "cards": ", ".join(filter(None, cards)) or "none",
    }
    proofs = map(proof_text, manifest.parity)
    return "\n".join([f"{manifest.ref} is whole: {len(manifest.files)} files", pairs(facts), *proofs])


def _answers(manifest: Manifest) -> str:
    """Say what was tried here: a package of the first form does not know its own answers."""
    if not manifest.samples:
        return "not tried: it has no sample rows"
    told = "as where it was made" if manifest.answers else "which nothing is known to compare with"
    return f"{len(manifest.samples)} sample rows, {told}"


def _value(checked: Checked) -> dict[str, Any]:
    """Return a checked package for programs: its manifest, whose it is, and its hash."""
    import msgspec

    value: dict[str, Any] = msgspec.to_builtins(checked.manifest)
    del value["digest"]
    return {
        **value,
        "hash": checked.manifest.hash,
        "signer": checked.signer,
        "trusted": checked.trusted,
        "bundle": checked.bundle,
    }


def _signed_by(checked: Checked) -> str:
    if checked.signer is None:
        return "nobody: it may be anybody's"
    told = "the key that you gave" if checked.trusted else "whose that is, --key would tell"
    return f"{checked.signer.key_id} ({told})"
