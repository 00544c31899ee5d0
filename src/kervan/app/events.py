"""The audit trail, searched and taken along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.nouns import Event
from kervan.store.trail import Sought

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project

FORMS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_LARGEST_PAGE = 10_000
_LAST_PAGE = 10**9
_AT_ONCE = 2_000

__all__ = ["FORMS", "EventsPage", "Sought", "export_events", "find_events", "list_events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPage:
    """One page of the events that were asked for, newest first, `total` in all.

    `actors` and `actions` are all that there are on the trail.
    """

    events: tuple[Event, ...]
    total: int
    page: int
    size: int
    actors: tuple[str, ...]
    actions: tuple[str, ...]


def find_events(project: Project, sought: Sought, *, page: int = 1, size: int = 50) -> EventsPage:
    """Return one page of the events that are as `sought`, newest first."""
    if not 1 <= page <= _LAST_PAGE or not 1 <= size <= _LARGEST_PAGE:
        raise InvalidInput(
            f"there is no page {page} of {size} events",
            hint=f"pages count from 1 and have {_LARGEST_PAGE:,} events at most",
        )
    first = (page - 1) * size
    found, total = project.store.catalog.newest_events(_fit(sought), slice(first, first + size))
    actors, actions = project.store.catalog.event_words()
    return EventsPage(
        events=tuple(found), total=total, page=page, size=size, actors=tuple(actors), actions=tuple(actions)
    )


def list_events(project: Project, sought: Sought, *, newest: int | None = None) -> list[Event]:
    """Return the events that are as `sought`, oldest first; with `newest` only so many at the end."""
    if newest is None:
        return [event for page in _pages(project, _fit(sought)) for event in page]
    found, _ = project.store.catalog.newest_events(_fit(sought), slice(0, newest))
    return found[::-1]


def export_events(project: Project, sought: Sought, form: str) -> Iterator[bytes]:
    """Return the events that are as `sought`, oldest first, as pieces of a file: `jsonl` or `csv`.

    Only JSON lines have them exactly as they are hashed; in CSV, texts that a spreadsheet would run get a
    quote in front.
    """
    if form not in FORMS:
        raise InvalidInput(f"events are not written as {form!r}", hint=did_you_mean(form, FORMS))
    write = _json_lines if form == "jsonl" else _csv
    return (write(events, number) for number, events in enumerate(_pages(project, _fit(sought))))


def _fit(sought: Sought) -> Sought:
    """No database but SQLite can be asked about the letter NUL."""
    texts = {name: getattr(sought, name).replace("\0", "") for name in ("actor", "action", "subject", "text")}
    return replace(sought, **texts)


def _pages(project: Project, sought: Sought) -> Iterator[list[Event]]:
    after = 0
    while True:
        events = project.store.catalog.events_after(sought, after, most=_AT_ONCE)
        if events or not after:
            yield events
        if len(events) < _AT_ONCE:
            return
        after = events[-1].sequence


def _json_lines(events: list[Event], _number: int) -> bytes:
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def _csv(events: list[Event], number: int) -> bytes:
    import polars as pl

    from kervan.data.spreadsheet import csv_text

    columns = {
        "event": [each.sequence for each in events],
        "time": [_iso(each.time) for each in events],
        "actor": [each.actor for each in events],
        "action": [each.action for each in events],
        "subject": [each.subject for each in events],
        "why": [each.why for each in events],
        "details": [msgspec.json.encode(each.body).decode() for each in events],
        "hash": [each.hash for each in events],
    }
    kinds = {name: pl.Int64 if name == "event" else pl.String for name in columns}
    text = csv_text(pl.DataFrame(columns, schema=kinds))
    return (text if number == 0 else text.partition("\n")[2]).encode()


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
