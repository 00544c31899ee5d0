"""The audit trail, searched."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from kervan.core.nouns import Event
from kervan.store.codec import event_of
from kervan.store.tables import events

_SEARCHED = (events.c.actor, events.c.action, events.c.subject, events.c.why, events.c.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What events have to be like; "" and None ask for nothing.

    `action` is a whole one or its first word, `subject` an id, a name or a reference such as `income@1.0.0`,
    `text` stands anywhere. Times are seconds since 1970, `until` is not part of them.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    text: str = ""
    since: float | None = None
    until: float | None = None


def newest_events(connection: sa.Connection, sought: Sought, place: slice) -> tuple[list[Event], int]:
    """Return the events at a place among those that are like that, newest first, and how many those are."""
    found = sa.select(events.c.sequence, sa.func.count().over().label("total")).where(*_where(sought))
    found = found.order_by(events.c.sequence.desc()).limit(place.stop - place.start).offset(place.start)
    rows = connection.execute(found).all()
    if not rows:
        count = sa.select(sa.func.count()).select_from(events).where(*_where(sought))
        return [], (connection.scalar(count) or 0) if place.start else 0
    query = sa.select(events).where(events.c.sequence.in_([row.sequence for row in rows]))
    newest_first = connection.execute(query.order_by(events.c.sequence.desc()))
    return [event_of(row) for row in newest_first], rows[0].total


def events_after(connection: sa.Connection, sought: Sought, after: int, most: int) -> list[Event]:
    """Return the next events after one, by its number, oldest first."""
    query = sa.select(events).where(events.c.sequence > after, *_where(sought))
    return [event_of(row) for row in connection.execute(query.order_by(events.c.sequence).limit(most))]


def known_words(connection: sa.Connection) -> tuple[list[str], list[str]]:
    """Return everybody who ever acted, and every action."""
    rows = connection.execute(sa.select(events.c.actor, events.c.action).distinct()).all()
    return sorted({row.actor for row in rows}), sorted({row.action for row in rows})


def _where(sought: Sought) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = []
    if sought.actor:
        clauses.append(events.c.actor == sought.actor)
    if sought.action:
        first_word = events.c.action.startswith(f"{sought.action} ", autoescape=True)
        clauses.append((events.c.action == sought.action) | first_word)
    if sought.subject:
        ref = f'"ref":{msgspec.json.encode(sought.subject).decode()}'
        clauses.append((events.c.subject == sought.subject) | events.c.body.contains(ref, autoescape=True))
    if sought.text:
        clauses.append(sa.or_(*(each.icontains(sought.text, autoescape=True) for each in _SEARCHED)))
    if sought.since is not None:
        clauses.append(events.c.time >= sought.since)
    if sought.until is not None:
        clauses.append(events.c.time < sought.until)
    return clauses
