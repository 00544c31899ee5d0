"""Prediction records under the audit trail: each file checked by its chain, and entered once it is closed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from kervan.app.compacted import about, all_segments, any_lines, is_compacted
from kervan.core.errors import Corrupted
from kervan.core.feedback import FOLDER
from kervan.core.identity import sha256_file
from kervan.serve.chain import check_segment, is_open, last_link
from kervan.store.database import storage_errors
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from kervan.app.compacted import About
    from kervan.app.project import Project
    from kervan.core.nouns import Event
    from kervan.serve.chain import Seen
    from kervan.serve.record import Segment

SEALED = "sealed records"
COMPACTED = "compacted records"
REMOVED = "removed records"
_RESTORE = "restore it from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many files of prediction records there are: all, those on the trail, those that nothing covers.

    `removed` counts those that a rule took away, on record.
    """

    files: int = 0
    sealed: int = 0
    unchained: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What the trail says of a folder's files.

    The SHA-256 of sealed ones as they were written, that of compacted ones, the last link of removed ones.
    """

    sealed: dict[str, str] = field(default_factory=dict)
    compacted: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)


def seal_records(project: Project, environment: str) -> None:
    """Enter the environment's closed files of records and feedback that are not on the audit trail yet.

    One whose chain is broken is not entered: `check_records` names it.
    """
    for subject in (environment, feedback_of(environment)):
        _seal(project, subject)


def _seal(project: Project, subject: str) -> None:
    told = told_of(project, subject)
    closed = [each for each in all_segments(records_folder(project, subject)) if not is_open(each.path)]
    fresh = {each.name for each in closed} - set(told.sealed)
    if not fresh:
        return
    entries = []
    try:
        for segment, seen in _check(records_folder(project, subject), told):
            if segment.name in fresh:
                entries.append(_entry(subject, segment, seen))
    except Corrupted:
        return
    with project.store.catalog.transaction() as transaction:
        for entry in entries:
            transaction.event(entry)


def check_records(project: Project, events: Iterable[Event]) -> Coverage:
    """Check every file of prediction records against its chain and the audit trail.

    Raises `Corrupted` that names the first file in which something was altered, or that was removed.
    """
    known = _told(events)
    home = records_folder(project, "")
    folders = [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
    names = {each for path in folders for each in (path.name, feedback_of(path.name))}
    files = sealed = unchained = removed = 0
    for subject in sorted(names | set(known)):
        told = known[subject]
        folder = records_folder(project, subject)
        there = {each.name for each in all_segments(folder)}
        for name in told.sealed:
            if name not in there and name not in told.removed:
                raise Corrupted(f"{folder / name} was removed", hint=_RESTORE)
        removed += len(told.removed)
        for segment, seen in _check(folder, told):
            files += 1
            sealed += segment.name in told.sealed
            unchained += seen.linked < seen.records and segment.name not in told.sealed
    return Coverage(files=files, sealed=sealed, unchained=unchained, removed=removed)


def check_record(project: Project, environment: str, ident: str) -> None:
    """Check the file that holds a record: all of a closed one, of one that grows what the record follows.

    Raises `Corrupted` if anything of that was altered.
    """
    folder = records_folder(project, environment)
    told = told_of(project, environment)
    for own in _by_writer(folder):
        until = [each for each in own if each.first <= ident]
        for segment in until[-1:]:
            if is_compacted(segment):  # its lines were checked when it was made
                _check_compacted(segment, told)
                continue
            if segment.name in told.sealed:
                _check_sealed(segment, told)
                continue
            before = until[-2] if len(until) > 1 else None
            after = _link_before(told, segment, before, _last_link(before) if before else "")
            check_segment(segment, _upto(any_lines(segment), ident), {}, after=after)


def records_folder(project: Project, environment: str) -> Path:
    """Return the folder of an environment's prediction records."""
    return project.store.root / "predictions" / environment


def feedback_of(environment: str) -> str:
    """Return what the trail calls the feedback about an environment; its folder is called so too."""
    return f"{environment}/{FOLDER}"


def told_of(project: Project, subject: str) -> Told:
    """Return what the trail says of the files of an environment, or of its feedback."""
    return _told(project.store.catalog.events(subject=subject))[subject]


def compaction(subject: str, segment: Segment, told: About, digest: str) -> Entry:
    """Return the event that a sealed file is written as Parquet, whose SHA-256 is `digest`."""
    body = {"file": segment.name, "records": told.records, "content": digest}
    return Entry(action=COMPACTED, subject=subject, body=body)


def removal(subject: str, gone: Sequence[Segment], why: str) -> Entry:
    """Return the event that a rule takes files away: their last links let those after them be checked."""
    files = [{"file": each.name, "last": _last_link(each)} for each in gone]
    return Entry(action=REMOVED, subject=subject, why=why, body={"files": files})


def _told(events: Iterable[Event]) -> defaultdict[str, Told]:
    found: defaultdict[str, Told] = defaultdict(Told)
    for event in events:
        if event.action == SEALED:
            found[event.subject].sealed[str(event.body["file"])] = str(event.body["content"])
        elif event.action == COMPACTED:
            found[event.subject].compacted[str(event.body["file"])] = str(event.body["content"])
        elif event.action == REMOVED:
            gone = {str(each["file"]): str(each["last"]) for each in event.body["files"]}
            found[event.subject].removed.update(gone)
    return found


def _check(folder: Path, told: Told) -> Iterator[tuple[Segment, Seen]]:
    """Check the segments of each writer in their order, and give each with what it holds."""
    for own in _by_writer(folder):
        last, before = "", None
        for segment in own:
            last = _link_before(told, segment, before, last)
            if is_compacted(segment):
                _check_compacted(segment, told)
            seen = check_segment(segment, any_lines(segment), told.sealed, after=last)
            last, before = seen.last or last, segment
            yield segment, seen


def _check_compacted(segment: Segment, told: Told) -> None:
    """Raise `Corrupted` unless a compacted file is the one that was put on record."""
    with storage_errors(str(segment.path)):
        if sha256_file(segment.path) != told.compacted.get(segment.name):
            raise Corrupted(f"{segment.path} was altered since it was compacted", hint=_RESTORE)


def _check_sealed(segment: Segment, told: Told) -> None:
    """Raise `Corrupted` unless a closed file is the one that was put on record."""
    with storage_errors(str(segment.path)):
        if sha256_file(segment.path) != told.sealed[segment.name]:
            raise Corrupted(f"{segment.path} was altered since it was sealed", hint=_RESTORE)


def _upto(lines: Iterable[bytes], ident: str) -> Iterator[bytes]:
    """Yield the lines of a segment up to that of a record, and the next, which follows it by its link."""
    wanted = ident.encode()
    is_behind = False
    for line in lines:
        yield line
        if is_behind:
            return
        is_behind = wanted in line[:64]


def _link_before(told: Told, segment: Segment, before: Segment | None, last: str) -> str:
    """Return the link that a segment follows: `last` of the one `before`, or of one removed in between."""
    if not told.removed:
        return last
    start = before.name if before else ""
    ending = f".{segment.writer}."
    gone = [name for name in told.removed if start < name < segment.name and ending in name]
    return told.removed[max(gone)] if gone else last


def _last_link(segment: Segment) -> str:
    return about(segment.path).last if is_compacted(segment) else last_link(segment.path)


def _by_writer(folder: Path) -> list[list[Segment]]:
    found = sorted(all_segments(folder), key=lambda each: (each.writer, each.first))
    return [list(own) for _, own in groupby(found, key=lambda each: each.writer)]


def _entry(environment: str, segment: Segment, seen: Seen) -> Entry:
    body = {"file": segment.name, "records": seen.records, "size": seen.size, "content": seen.sha256}
    return Entry(action=SEALED, subject=environment, body=body)
