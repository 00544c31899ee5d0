"""What the catalog's tables hold, compared with the events that put it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Corrupted
from kervan.store.catalog import KINDS
from kervan.store.figures import NONE
from kervan.store.transaction import POINTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.nouns import Event
    from kervan.store.catalog import Catalog
    from kervan.store.codec import Kept

_RESTORE = "restore a backup and compare"


def check_catalog(catalog: Catalog, events: Sequence[Event]) -> tuple[int, tuple[str, ...]]:
    """Check every record, its lineage and metrics, and every alias against the events.

    Returns the number of records, and in words what is too old to be covered. Raises `Corrupted` that names
    the first thing that was altered, added or removed.
    """
    told = {event.subject: event.body for event in events if "sha256" in event.body}
    kept = list(catalog.kept())
    found = {each.id: each for each in kept if each.kind in KINDS}
    for each in kept:
        _check_record(each, told.get(each.id))
    if missing := told.keys() - found.keys():
        raise _wrong(f"record {min(missing)} was removed")
    if strays := catalog.orphans():
        raise _wrong(f"the lineage of {min(strays)} is of no record")
    _check_order(found, list(dict.fromkeys(event.subject for event in events if event.subject in found)))
    return len(found), (*_check_figures(catalog, told), *_check_aliases(catalog, events))


def _check_record(kept: Kept, told: Any) -> None:
    if kept.kind in KINDS or told is not None:
        if told is None:
            raise _wrong(f"record {kept.id} is not on the audit trail")
        if (told["sha256"], told["kind"]) != (kept.sha256, kept.kind):
            raise _wrong(f"record {kept.id} was altered")
    if not kept.agrees:
        raise _wrong(f"record {kept.id} was altered")
    if not kept.is_linked:
        raise _wrong(f"the lineage of record {kept.id} was altered")


def _check_order(found: dict[str, Kept], order: Iterable[str]) -> None:
    """The ranks by which the newest of a name is found count its versions as they came."""
    ranks: dict[tuple[str, str], int] = {}
    for ident in order:
        each = found[ident]
        line = (each.kind, each.name)
        rank = ranks[line] = ranks.get(line, 0) + 1 if each.version else ranks.get(line, 0)
        if each.rank != (rank if each.version else 0):
            raise _wrong(f"record {ident} was altered")


def _check_figures(catalog: Catalog, told: dict[str, Any]) -> tuple[str, ...]:
    """Metrics are on the trail once their run has ended; of older runs they are not."""
    figures = catalog.figures()
    if strays := figures.keys() - told.keys():
        raise _wrong(f"the metrics of {min(strays)} are of no run")
    old = 0
    for ident, body in told.items():
        expected = body.get("figures")
        if expected is None:
            old += body["kind"] == "run" and ident in figures
        elif figures.get(ident, NONE) != expected:
            raise _wrong(f"the metrics of run {ident} were altered")
    return (f"the metrics of {old} runs that go on, or that ended before metrics were on it",) if old else ()


def _check_aliases(catalog: Catalog, events: Iterable[Event]) -> tuple[str, ...]:
    told = [_pointed(event) for event in events if event.action.startswith(POINTED)]
    found = catalog.alias_trail()
    alike = len(told) == len(found) and all(
        all(row[name] == value for name, value in wanted.items())
        for wanted, row in zip(told, found, strict=True)
    )
    if not alike:
        raise _wrong("what an environment pointed to was altered")
    old = sum("time" not in wanted for wanted in told)
    return (f"the times of {old} changes of environments from before they were on it",) if old else ()


def _pointed(event: Event) -> dict[str, Any]:
    """Return what the alias that an event put there has to say; old events say neither time nor place."""
    body = event.body
    wanted = {
        "scope": event.action.removeprefix(POINTED),
        "name": event.subject,
        "target": body["target"],
        "actor": event.actor,
        "why": event.why,
    }
    if "since" in body:
        wanted |= {"time": body["since"], "sequence": body["sequence"]}
    return wanted


def _wrong(what: str) -> Corrupted:
    return Corrupted(what, hint=_RESTORE)
