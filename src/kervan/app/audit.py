"""The audit trail, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, InvalidInput
from kervan.store.events import check_chain

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Event


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
    """Check the chain of events, and every record against the event that put it there.

    `anchor` is a head (`12:ab34…`) that was kept outside; it must be part of the chain, so that a trail
    that was cut off or written anew shows. Raises `Corrupted` that names the first thing that was altered.
    """
    sequence, expected = _parse_anchor(anchor)
    recorded: dict[str, str] = {}
    found: list[str] = []

    def watched() -> list[Event]:
        events = trail(project)
        found.extend(event.hash for event in events if event.sequence == sequence)
        for event in events:
            if "sha256" in event.body:
                recorded[event.subject] = str(event.body["sha256"])
        return events

    last = check_chain(watched())
    if anchor and found != [expected]:
        raise Corrupted(f"the audit trail does not contain its anchor {anchor}", hint="restore a backup")
    checked = _check_records(project, recorded)
    head = f"{last.sequence}:{last.hash}" if last else ""
    return Audit(events=last.sequence if last else 0, records=checked, head=head)


def _check_records(project: Project, recorded: dict[str, str]) -> int:
    seen = set()
    for ident, fingerprint in project.store.catalog.fingerprints():
        seen.add(ident)
        if recorded.get(ident) != fingerprint:
            what = "was altered" if ident in recorded else "is not on the audit trail"
            raise Corrupted(f"record {ident} {what}", hint="restore a backup and compare")
    missing = recorded.keys() - seen
    if missing:
        raise Corrupted(f"record {min(missing)} was removed", hint="restore a backup and compare")
    return len(seen)


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
