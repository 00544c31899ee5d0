"""The audit trail, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.pages import check_pages
from kervan.app.segments import Coverage, check_records
from kervan.app.witness import check_catalog
from kervan.core.errors import Corrupted, InvalidInput
from kervan.store.events import check_chain

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Event


_RESTORE = "restore a backup and compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What a check of the audit trail found: all of it holds. `head` can be kept outside as an anchor.

    `uncovered` says in words what is too old to be on it, or not on it yet.
    """

    events: int
    records: int
    head: str
    predictions: Coverage
    uncovered: tuple[str, ...]


def trail(project: Project) -> list[Event]:
    """Return all events, oldest first."""
    return list(project.store.catalog.events())


def verify(project: Project, *, anchor: str = "") -> Audit:
    """Check the chain of events, and everything that is kept against the event that put it there.

    `anchor` is a head (`12:ab34…`) that was kept outside; it must be part of the chain, so that a trail
    that was cut off or written anew shows. Raises `Corrupted` that names the first thing that was altered.
    """
    sequence, expected = _parse_anchor(anchor)
    before: Corrupted | None = None
    while True:
        events = trail(project)
        last = check_chain(events)
        if anchor and [event.hash for event in events if event.sequence == sequence] != [expected]:
            raise Corrupted(f"the audit trail does not contain its anchor {anchor}", hint=_RESTORE)
        try:
            records, uncovered = check_catalog(project.store.catalog, events)
            check_pages(project, events)
            predictions = check_records(project, events)
        except Corrupted as error:
            # What somebody writes while the one is read and then the other does not look the same twice.
            if before is not None and str(before) == str(error):
                raise
            before = error
        else:
            break
    head = f"{last.sequence}:{last.hash}" if last else ""
    if predictions.unchained:
        uncovered += (f"{predictions.unchained} files of prediction records from before there was a chain",)
    return Audit(events=len(events), records=records, head=head, predictions=predictions, uncovered=uncovered)


def _parse_anchor(anchor: str) -> tuple[int, str]:
    if not anchor:
        return 0, ""
    number, colon, digest = anchor.partition(":")
    if not colon or not number.isdecimal() or len(digest) != 64:
        raise InvalidInput(
            f"{anchor!r} is no anchor",
            hint="give what `kervan audit verify` printed as head, such as 12:ab34…",
        )
    return int(number), digest
