"""Prediction records under the audit trail: each file checked by its chain, and entered once it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.serve.chain import check_writer, is_open, last_link
from kervan.serve.record import segments
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Event
    from kervan.serve.chain import Seen
    from kervan.serve.record import Segment

SEALED = "sealed records"
_RESTORE = "restore it from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many files of prediction records there are: all, those on the trail, those that nothing covers."""

    files: int = 0
    sealed: int = 0
    unchained: int = 0


def seal_records(project: Project, environment: str) -> None:
    """Enter the environment's closed files of records that are not on the audit trail yet.

    One whose chain is broken is not entered: `check_records` names it.
    """
    folder = records_folder(project, environment)
    known = _sealed(project.store.catalog.events(subject=environment, action=SEALED))[environment]
    fresh = {each.path for each in segments(folder)} - {folder / name for name in known}
    closed = {path for path in fresh if not is_open(path)}
    if not closed:
        return
    entries = []
    try:
        for segment, seen in _check(folder, known):
            if segment.path in closed:
                entries.append(_entry(environment, segment, seen))
    except Corrupted:
        return
    with project.store.catalog.transaction() as transaction:
        for entry in entries:
            transaction.event(entry)


def check_records(project: Project, events: Iterable[Event]) -> Coverage:
    """Check every file of prediction records against its chain and the audit trail.

    Raises `Corrupted` that names the first file in which something was altered, or that was removed.
    """
    known = _sealed(event for event in events if event.action == SEALED)
    home = _home(project)
    names = {path.name for path in home.iterdir() if path.is_dir()} if home.is_dir() else set()
    files = sealed = unchained = 0
    for environment in sorted(names | set(known)):
        told = known[environment]
        for name in told:
            if not (home / environment / name).is_file():
                raise Corrupted(f"{home / environment / name} was removed", hint=_RESTORE)
        for segment, seen in _check(home / environment, told):
            files += 1
            sealed += segment.path.name in told
            unchained += seen.linked < seen.records and segment.path.name not in told
    return Coverage(files=files, sealed=sealed, unchained=unchained)


def check_record(project: Project, environment: str, ident: str) -> None:
    """Check the file that holds a record. Raises `Corrupted` if anything in it was altered."""
    folder = records_folder(project, environment)
    known = _sealed(project.store.catalog.events(subject=environment, action=SEALED))[environment]
    for own in _by_writer(folder):
        until = [each for each in own if each.first <= ident]
        after = last_link(until[-2].path) if len(until) > 1 else ""
        for _ in check_writer(until[-1:], known, after=after) if until else ():
            pass


def records_folder(project: Project, environment: str) -> Path:
    """Return the folder of an environment's prediction records."""
    return _home(project) / environment


def _home(project: Project) -> Path:
    return project.store.root / "predictions"


class _Known(dict[str, dict[str, str]]):
    def __missing__(self, key: str) -> dict[str, str]:
        return {}


def _sealed(events: Iterable[Event]) -> _Known:
    """Return the SHA-256 of each sealed file, by environment and name."""
    found = _Known()
    for event in events:
        found.setdefault(event.subject, {})[str(event.body["file"])] = str(event.body["content"])
    return found


def _check(folder: Path, known: dict[str, str]) -> Iterator[tuple[Segment, Seen]]:
    for own in _by_writer(folder):
        yield from check_writer(own, known)


def _by_writer(folder: Path) -> list[list[Segment]]:
    found = sorted(segments(folder), key=lambda each: (each.writer, each.first))
    return [list(own) for _, own in groupby(found, key=lambda each: each.writer)]


def _entry(environment: str, segment: Segment, seen: Seen) -> Entry:
    body = {"file": segment.path.name, "records": seen.records, "size": seen.size, "content": seen.sha256}
    return Entry(action=SEALED, subject=environment, body=body)
