"""The audit trail: each event carries the hash of the one before, so that any change shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kervan.core.errors import Corrupted
from kervan.core.identity import sha256
from kervan.core.nouns import Event

GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """Write a value as JSON in the one form that is hashed: keys sorted, no blanks."""
    return msgspec.json.encode(value, order="deterministic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be put on record."""

    action: str
    subject: str
    why: str = ""
    body: Mapping[str, Any]


def chain(entry: Entry, *, previous: Event | None, actor: str, time: float) -> Event:
    """Make the event that follows `previous`."""
    event = Event(
        sequence=previous.sequence + 1 if previous else 1,
        time=time,
        actor=actor,
        action=entry.action,
        subject=entry.subject,
        why=entry.why,
        body=entry.body,
        previous=previous.hash if previous else GENESIS,
        hash="",
    )
    return replace(event, hash=digest(event))


def digest(event: Event) -> str:
    """Return the hash that an event must carry: SHA-256 over everything else that it says."""
    fields = [event.sequence, event.time, event.actor, event.action, event.subject, event.why]
    return sha256(canonical([*fields, event.body, event.previous]))


def check_chain(events: Iterable[Event]) -> Event | None:
    """Check events in order of their sequence and return the last.

    Raises `Corrupted` that names the first event that was altered, removed or moved.
    """
    last: Event | None = None
    for event in events:
        expected = last.sequence + 1 if last else 1
        if event.sequence != expected:
            raise Corrupted(f"event {expected} is missing from the audit trail", hint="restore a backup")
        if event.previous != (last.hash if last else GENESIS) or event.hash != digest(event):
            raise Corrupted(
                f"event {event.sequence} ({event.action} {event.subject}) was altered",
                hint="restore a backup and compare",
            )
        last = event
    return last
