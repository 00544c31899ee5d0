"""How nouns and events lie in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa

from kervan.core.errors import InvalidInput
from kervan.core.identity import sha256
from kervan.core.nouns import Event, Record, Run
from kervan.store.tables import events
from kervan.store.traits import Traits, traits_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

R = TypeVar("R", bound=Record)


DELETED = "deleted"  # the state of a record of which only its name, version and lineage are kept

# The columns of a record that repeat what its body says.
SAID = ("id", "name", "version", "hash", "creator", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record as the tables hold it: `sha256` is that of its body.

    `agrees` says that the columns say the same as the body, `is_linked` that the lineage does.
    """

    id: str
    kind: str
    name: str
    version: str
    rank: int
    sha256: str
    agrees: bool
    is_linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Any(Record):
    """What the bodies of all kinds have in common; runs and releases have a status, and what was deleted."""

    status: str = ""


def kept_of(row: Any, links: Collection[tuple[str, str]], traits: Traits) -> Kept:
    """Read a row of the records with its lineage, (parent, role) each, and traits, whatever they say."""
    try:
        body = msgspec.json.decode(row.body, type=_Any)
        told = traits_of(row.body) if row.kind == kind_of(Run) else {}
    except (msgspec.DecodeError, UnicodeEncodeError):
        body, told = None, {}
    return Kept(
        id=row.id,
        kind=row.kind,
        name=row.name,
        version=row.version,
        rank=row.rank,
        sha256=sha256(row.body.encode(errors="replace")),
        agrees=body is not None
        and body.status == row.state
        and all(getattr(body, name) == getattr(row, name) for name in SAID)
        and traits == told,
        is_linked=body is not None and {(link.parent, link.role) for link in body.parents} == set(links),
    )


def kind_of(kind: type[Record]) -> str:
    """Return the name under which records of a noun are stored."""
    return kind.__name__.lower()


def decode(kind: type[R], body: str) -> R:
    """Read a stored record."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"a stored {kind.__name__.lower()} cannot be read: {error}") from error


def event_of(row: Any) -> Event:
    """Read a stored event."""
    values = {name: getattr(row, name) for name in events.c.keys() if name != "body"}  # noqa: SIM118
    return Event(**values, body=msgspec.json.decode(row.body))


def last_event(connection: sa.Connection) -> Event | None:
    """Return the newest event."""
    row = connection.execute(sa.select(events).order_by(events.c.sequence.desc()).limit(1)).first()
    return None if row is None else event_of(row)


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if not rows:
        return
    # Driver-level SQL: building 100,000 statements through the expression language takes three times as long.
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    action = f"UPDATE SET {changes}" if changes else "NOTHING"
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(keys)}) DO {action}",
        list(rows),
    )
