"""How nouns and events lie in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa

from kervan.core.errors import InvalidInput
from kervan.core.nouns import Event, Record
from kervan.store.tables import events

if TYPE_CHECKING:
    from collections.abc import Sequence

R = TypeVar("R", bound=Record)


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
