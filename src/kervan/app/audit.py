"""The audit trail, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, InvalidInput
from kervan.store.events import check_chain
from kervan.store.transaction import POINTED

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Event


_ATTEMPTS = 5
_RESTORE = "restore a backup and compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What a check of the audit trail found: all of it holds. `head` can be kept outside as an anchor."""

    events: int
    records: int
    head: str


def trail(project: Project, *, subject: str | None = None) -> list[Event]:
    """Return the events, oldest first; of one subject (a record's id, an environment) if it is given."""
    return list(project.store.catalog.events(subject=subject))


def verify(project: Project, *, anchor: str = "") -> Audit:
    """Check the chain of events, and every record and alias against the event that put it there.

    `anchor` is a head (`12:ab34…`) that was kept outside; it must be part of the chain, so that a trail
    that was cut off or written anew shows. Raises `Corrupted` that names the first thing that was altered.
    """
    sequence, expected = _parse_anchor(anchor)
    catalog = project.store.catalog
    for _ in range(_ATTEMPTS):
        events = trail(project)
        last = check_chain(events)
        if anchor and [event.hash for event in events if event.sequence == sequence] != [expected]:
            raise Corrupted(f"the audit trail does not contain its anchor {anchor}", hint=_RESTORE)
        wrong, records = _compare(project, events)
        if not wrong or catalog.head() == last:
            break  # else somebody wrote between the reading of the events and that of the records
    if wrong:
        raise Corrupted(wrong, hint=_RESTORE)
    head = f"{last.sequence}:{last.hash}" if last else ""
    return Audit(events=len(events), records=records, head=head)


def _compare(project: Project, events: list[Event]) -> tuple[str, int]:
    """Return what is wrong with the records and aliases, or "", and how many records there are."""
    catalog = project.store.catalog
    expected = {event.subject: str(event.body["sha256"]) for event in events if "sha256" in event.body}
    found = dict(catalog.fingerprints())
    for ident, fingerprint in found.items():
        if expected.get(ident) != fingerprint:
            what = "was altered" if ident in expected else "is not on the audit trail"
            return f"record {ident} {what}", len(found)
    if missing := expected.keys() - found.keys():
        return f"record {min(missing)} was removed", len(found)
    told = [
        (event.action.removeprefix(POINTED), event.subject, event.body["target"], event.actor, event.why)
        for event in events
        if event.action.startswith(POINTED)
    ]
    if catalog.alias_trail() != told:
        return "what an environment pointed to was altered", len(found)
    return "", len(found)


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
