"""Commands about keys to the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kervan.cli.edge import ListGroup, Shown, shows, table, with_project
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.keys import Issued
    from kervan.app.project import Project
    from kervan.core.nouns import Key


@click.group(cls=ListGroup)
def key() -> None:
    """Issue, list, rotate and revoke keys to the servers.

    \b
    Example:
      kervan key create --scope predict:income --expires 90d --name shop
      kervan key
      kervan key rotate shop --overlap 1h
      kervan key revoke shop --why "left in a log"
    """


@key.command()
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="predict, feedback, metrics, control or docs; predict:NAME for one model. May be repeated.",
)
@click.option("--expires", help="After which time it opens nothing, such as 90d; by default never.")
@click.option("--name", default="", help="What people call it.")
@click.option("--rate", default="", help="How often it may be used for each model, such as 100/minute.")
@click.option("--why", default="", help="Goes on record.")
@shows(
    example="""kervan key create --scope predict:income --scope metrics --expires 90d --name ci
               kervan key create --scope predict --rate 100/minute --json"""
)
@with_project
def create(
    project: Project, scopes: tuple[str, ...], expires: str | None, name: str, rate: str, why: str
) -> Shown:
    """Issue a key and show its secret, this once: it is kept nowhere."""
    from kervan.app.keys import create_key
    from kervan.core.access import read_span

    seconds = None if expires is None else read_span(expires)
    return _issued(project, create_key(project, scopes, name=name, seconds=seconds, rate=rate, why=why))


@key.command("list")
@shows(example="kervan key list --json")
@with_project
def list_(project: Project) -> Shown:
    """List all keys that were ever issued, newest first, with what has become of them."""
    import time

    from kervan.app.keys import keys

    found = keys(project)
    now = time.time()
    rows = [
        (
            each.id,
            each.name,
            ", ".join(each.scopes),
            each.rate,
            _state(each, now),
            moment(each.time),
            each.creator,
        )
        for each in found
    ]
    headers = ("id", "name", "scopes", "rate", "", "since", "by")
    empty = "no keys yet: `kervan key create --scope predict`"
    return Shown([_told(each) for each in found], table(headers, rows, empty=empty))


@key.command()
@click.argument("ident", metavar="KEY")
@click.option(
    "--overlap",
    default="1h",
    show_default=True,
    help="How long the secret before opens as well; 0s not at all.",
)
@click.option("--why", default="", help="Goes on record.")
@shows(example="kervan key rotate ci --overlap 1d")
@with_project
def rotate(project: Project, ident: str, overlap: str, why: str) -> Shown:
    """Give KEY, an id or a name, a new secret and show it, this once."""
    from kervan.app.keys import rotate_key
    from kervan.core.access import read_span

    return _issued(project, rotate_key(project, ident, overlap=read_span(overlap), why=why))


@key.command()
@click.argument("ident", metavar="KEY")
@click.option("--why", default="", help="Goes on record.")
@shows(example='kervan key revoke ci --why "left in a log"')
@with_project
def revoke(project: Project, ident: str, why: str) -> Shown:
    """Let KEY, an id or a name, open nothing any more: within a second."""
    from kervan.app.keys import revoke_key

    revoked = revoke_key(project, ident, why=why)
    return Shown(_told(revoked), f"{revoked.name} is revoked")


@key.command()
@shows(example="kervan key publish")
@with_project
def publish(project: Project) -> Shown:
    """Write the file of hashes for the servers of this machine: where keys were changed on another one."""
    from kervan.app.keys import publish_keys

    place = publish_keys(project)
    return Shown({"file": place}, f"wrote {place}")


def _issued(project: Project, issued: Issued) -> Shown:
    """Show the token alone, so that a shell can take it."""
    project.remark("key", f"{issued.key.name} is {issued.key.id}; its secret is shown this once")
    return Shown({**_told(issued.key), "token": issued.token}, issued.token)


def _told(key: Key) -> dict[str, Any]:
    """Return what is told of a key: all but the hashes of its secrets."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(key)
    return {
        name: value for name, value in told.items() if name not in {"secrets", "version", "hash", "parents"}
    }


def _state(key: Key, now: float) -> str:
    if key.revoked is not None:
        return f"revoked {moment(key.revoked)}"
    if key.expires is None:
        return "does not expire"
    return f"{'expires' if now < key.expires else 'expired'} {moment(key.expires)}"
