"""The command that answers in the foreground."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kervan.cli.edge import Number

if TYPE_CHECKING:
    from collections.abc import Callable


_Command = TypeVar("_Command", bound="Callable[..., Any]")


def _file_option(name: str, parameter: str, told: str) -> Callable[[_Command], _Command]:
    return click.option(name, parameter, type=click.Path(path_type=Path, dir_okay=False), help=told)


@click.command()
@click.argument("models", nargs=-1)
@click.option(
    "--models",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of packages: what is put there answers too, what is taken away no longer.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that answer."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one."
)
@click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("predictions"),
    show_default=True,
    help="The folder for the prediction records.",
)
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="The public key of whoever made the package: no other signature counts. May be repeated.",
)
@click.option(
    "--allow",
    metavar="MODULE:NAME",
    multiple=True,
    help="A function of Python in a package that may run. May be repeated; those of this project may.",
)
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Speak gRPC there too; 0 takes a free one.")
@click.option("--reflection", is_flag=True, help="Let gRPC callers ask what the server speaks.")
@_file_option("--keys", "access", "The file with the keys of those who may ask: .kervan/access.json.")
@click.option("--rate", default="", help="How often each key may ask a model, such as 100/minute.")
@_file_option("--cert", "certificate", "The certificate for TLS, with those above it, as PEM.")
@_file_option("--cert-key", "certificate_key", "The certificate's key, as PEM without a password.")
@_file_option("--client-ca", "client_ca", "Let in only whose certificate was signed by this authority.")
@click.option(
    "--behind-proxy", "proxy", default="", help="The address (or network) of a proxy that alone may connect."
)
@click.option(
    "--behind-platform",
    "platform",
    is_flag=True,
    help="A platform in front lets in only who may ask: no keys, no TLS.",
)
@click.option(
    "--slow",
    type=Number(0),
    default=1.0,
    show_default=True,
    help="Log requests that take longer than so many seconds.",
)
@click.option(
    "--otlp", default="", help="Send a span of each request to this collector: http://127.0.0.1:4318."
)
@click.option(
    "--log",
    type=click.Choice(("auto", "json")),
    default="auto",
    show_default=True,
    help="JSON lines on stderr, or, in a terminal, what happens each second.",
)
def serve(
    models: tuple[str, ...],
    folder: Path | None,
    workers: int,
    host: str,
    port: int,
    records: Path,
    keys: tuple[Path, ...],
    allow: tuple[str, ...],
    grpc_port: int | None,
    slow: float,
    otlp: str,
    log: str,
    *,
    reflection: bool,
    platform: bool,
    **closed: Path | str | None,
) -> None:
    """Answer for packages (folders or single files), or for MODELS of this project, in the foreground.

    The first one answers those who name no model; the others, and other versions, those who ask for them.
    Where others can reach it, it needs --keys, and --cert with --cert-key or --behind-proxy; or a platform
    that sees to both.

    \b
    Example:
      kervan serve income@1.0.0 --port 8001 --grpc-port 8002
      kervan serve income@2.0.0 income@1.0.0 churn --workers 4
      kervan serve --models ./packages
      kervan serve ./income-1.0.0.kervan --key ayse.pem
      kervan serve income --host 0.0.0.0 --keys .kervan/access.json --cert server.pem --cert-key server.key
    """
    from kervan.app.foreground import answer
    from kervan.app.package import key_ids
    from kervan.core.identity import new_id
    from kervan.core.log import log_json_lines
    from kervan.core.serving import Serving

    doors: dict[str, Any] = {name: str(value or "") for name, value in closed.items()}
    own: list[str] = []
    first, *others = _packages(models, folder, own)
    serving = Serving(
        environment="local",
        deployment=new_id(),
        package=str(first),
        others=tuple(map(str, others)),
        folder=str(folder or ""),
        workers=workers,
        records=str(records),
        host=host,
        port=port,
        grpc_port=grpc_port,
        reflection=reflection,
        slow=slow,
        otlp=otlp,
        trusted=key_ids(keys),
        allow=(*allow, *own),
        keys=doors.pop("access"),
        platform=platform,
        **doors,
    )
    if log == "json" or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        log_json_lines()
        answer(serving)
        return
    from kervan.serve.screen import watching

    with watching(sys.stderr) as screen:
        answer(serving, screen=screen)


def _packages(models: tuple[str, ...], folder: Path | None, own: list[str]) -> list[Path]:
    """Return the packages that are named; those of a folder alone begin with the newest of the first name.

    The hashes of the functions of this project's models are put into `own`.
    """
    if models or folder is None:
        return [_package(model, own) for model in models or ("",)]
    from kervan.package.contents.manifest import FILE_NAME
    from kervan.serve.library import packages_in

    found = packages_in(folder)
    if not found:
        if (folder / FILE_NAME).is_file():
            raise click.UsageError(f"{folder} is a package itself: kervan serve {folder}")
        raise click.UsageError(f"{folder} holds no package")
    first = [path for path, manifest in found if manifest.name == found[0][1].name][-1]
    return [first, *(path for path, _ in found if path != first)]


def _package(model: str, own: list[str]) -> Path:
    """Return a package: the folder or file that is named, or the folder of a model in this project."""
    from kervan.package.contents.manifest import FILE_NAME

    place = Path(model)
    if model and (place.is_file() or (place / FILE_NAME).is_file()):
        return place
    from kervan.app.project import open_project
    from kervan.app.register import find_model, package_folder
    from kervan.core.features import codes

    project = open_project()
    found = find_model(project, model)
    own += codes(found.signature.features)
    return package_folder(project, found)
