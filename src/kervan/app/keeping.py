"""What is kept of predictions, as the settings say it: told to servers, applied to files."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.compacted import about, all_segments, compact, is_compacted
from kervan.app.segments import compaction, feedback_of, records_folder, removal, seal_records, told_of
from kervan.core.access import read_span
from kervan.core.errors import Corrupted, InvalidConfig, InvalidInput, KervanError
from kervan.core.identity import id_time
from kervan.core.keeping import Keeping, read_size
from kervan.core.private import make_private, open_private, write_private
from kervan.serve.chain import is_open, is_surely_closed
from kervan.serve.record import SUFFIX, last_id
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kervan.app.compacted import About
    from kervan.app.project import Project
    from kervan.core.config import Config
    from kervan.serve.record import Segment

_KEY = "records.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of records: `begin` and `end` are the times of its first and last, in seconds since 1970.

    `state` is `open` (a server writes it), `closed`, or `compacted`.
    """

    environment: str
    name: str
    state: str
    size: int
    records: int
    begin: float
    end: float


def keeping_of(project: Project) -> Keeping:
    """Return what servers are told to keep; the key of pseudonyms is put beside the workspace's own.

    It is the one of `[data] protect`: the same value has the same pseudonym in tables and in records.
    """
    settings = project.config.records
    check_records_settings(project.config)
    place = ""
    if settings.hash:
        path = project.store.keys.path.with_name(_KEY)
        key = project.store.keys.derived("protect")
        with storage_errors(str(path)):
            if not path.is_file() or path.read_bytes() != key:
                write_private(path, key)
        place = str(path)
    return Keeping(
        entity=project.config.data.entity,
        sample=settings.sample,
        leave_out=settings.leave_out,
        hash=settings.hash,
        hash_key=place,
    )


def check_records_settings(config: Config) -> None:
    """Raise `InvalidConfig` for rules that cannot be kept."""
    settings = config.records
    if not 0 <= settings.sample <= 1:
        raise InvalidConfig(
            f"[records] sample: {settings.sample} cannot be used", hint="give a share from 0 to 1"
        )
    if both := set(settings.leave_out) & set(settings.hash):
        raise InvalidConfig(
            f"[records] {min(both)!r} is to be left out and to be hashed", hint="name it in one of them"
        )
    for name, read in (("keep", read_span), ("keep_size", read_size)):
        text = getattr(settings, name)
        try:
            seconds = read(text) if text else 1
        except InvalidInput as error:
            raise InvalidConfig(f"[records] {name}: {error}", hint=error.hint) from error
        if not seconds:
            raise InvalidConfig(f"[records] {name}: nothing would be kept", hint="give more, or leave it out")
    if config.data.entity and config.data.entity == config.data.target:
        raise InvalidConfig(
            "[data] entity: it is the target", hint="name the column that says whom a row is about"
        )


def record_files(project: Project) -> list[File]:
    """Return the files of records of all environments, and those of feedback, oldest first."""
    return [each for subject in _subjects(project) for each, _ in _listed(project, subject)]


def tidy(project: Project, environment: str, *, most: int | None = None) -> None:
    """Seal and compact what an environment's servers have closed, and apply the rules of what is kept.

    Where that would be more than `most` bytes, it is said instead how to do it.
    """
    waiting = sum(map(_waiting, all_segments(records_folder(project, environment))))
    if most is not None and waiting > most:
        project.remark("records", f"{waiting >> 20:,} MB wait to be tidied: `kervan records compact`")
        return
    seal_records(project, environment)
    try:
        compact_records(project, environment)
        if project.config.records.keep or project.config.records.keep_size:
            clean_records(project, environment)
    except KervanError as error:  # what was really asked for is done all the same
        project.remark("records", f"{error}; {error.hint}" if error.hint else str(error))


def _waiting(segment: Segment) -> int:
    """Return the bytes of a file that is closed and not compacted yet."""
    with suppress(FileNotFoundError):  # another process was faster
        if not is_compacted(segment) and is_surely_closed(segment.path):
            return segment.path.stat().st_size
    return 0


def compact_records(project: Project, environment: str = "") -> list[File]:
    """Write the sealed files of an environment, or of all, as Parquet, and return what was made.

    Nothing happens to a folder that another process compacts at the moment, nor to a file whose chain is
    broken. Feedback stays as it is.
    """
    found = []
    for subject in [environment] if environment else environments(project):
        folder = records_folder(project, subject)
        seal_records(project, subject)
        with _alone(folder) as is_alone:
            sealed = told_of(project, subject).sealed
            for segment in all_segments(folder) if is_alone else ():
                if segment.name in sealed and not is_compacted(segment) and is_surely_closed(segment.path):
                    _compact(project, subject, segment, sealed[segment.name])
                    found.append(segment.name)
    made = set(found)
    return [each for each in record_files(project) if each.name in made]


def clean_records(project: Project, environment: str = "", *, dry_run: bool = False) -> list[File]:
    """Remove the files that the rules in `[records]` let go of, on record, and return them, oldest first.

    `keep` is for each file's last record, `keep_size` for each environment's files together. What a server
    still writes stays, and so does what is not on the audit trail.
    """
    check_records_settings(project.config)
    gone: list[File] = []
    for subject in [environment] if environment else environments(project):
        if not dry_run:
            seal_records(project, subject)
        for each in (subject, feedback_of(subject)):
            gone += _clean(project, each, dry_run=dry_run)
    return gone


def environments(project: Project) -> list[str]:
    """Return the environments that have records."""
    home = records_folder(project, "")
    return sorted(path.name for path in home.iterdir() if path.is_dir()) if home.is_dir() else []


def _compact(project: Project, subject: str, segment: Segment, sealed: str) -> None:
    def announce(told: About, digest: str) -> None:
        if told.sha256 != sealed:
            raise Corrupted(
                f"{segment.path} was altered since it was sealed", hint="restore it from a backup"
            )
        with project.store.catalog.transaction() as transaction:
            transaction.event(compaction(subject, segment, told, digest))

    compact(segment, announce)


def _subjects(project: Project) -> list[str]:
    return [each for name in environments(project) for each in (name, feedback_of(name))]


def _clean(project: Project, subject: str, *, dry_run: bool) -> list[File]:
    folder = records_folder(project, subject)
    told = told_of(project, subject)
    listed = _listed(project, subject)
    there = {each.name: segment for each, segment in listed}
    files = [each for each, _ in listed]
    leaving = [
        each
        for each in _leaving(project, files)
        if each.state != "open" and (dry_run or each.name in told.sealed)
    ]
    if not leaving or dry_run:
        return leaving
    gone = [there[each.name] for each in leaving if is_surely_closed(there[each.name].path)]
    settings = project.config.records
    why = " and ".join(
        f"{name} = {value}" for name in ("keep", "keep_size") if (value := getattr(settings, name))
    )
    with project.store.catalog.transaction() as transaction:
        transaction.event(removal(subject, gone, why))
    with storage_errors(str(folder)):
        for segment in gone:
            segment.path.with_suffix(SUFFIX).unlink(missing_ok=True)
            segment.path.unlink(missing_ok=True)
    return leaving


def _leaving(project: Project, files: Sequence[File]) -> list[File]:
    """Return the files that are too old, or too many: the oldest of them."""
    settings = project.config.records
    ordered = sorted(files, key=lambda each: each.end)
    since = time.time() - read_span(settings.keep) if settings.keep else 0.0
    left = sum(each.size for each in ordered) - read_size(settings.keep_size) if settings.keep_size else 0
    leaving = []
    for each in ordered:
        if each.end < since or left > 0:
            leaving.append(each)
            left -= each.size
    return leaving


def _listed(project: Project, subject: str) -> list[tuple[File, Segment]]:
    """Look at all files of a folder; once another process has taken one of them away, at all of them anew."""
    folder = records_folder(project, subject)
    before: list[Segment] = []
    while True:
        there = all_segments(folder)
        try:
            return [(_file(subject, each), each) for each in there]
        except FileNotFoundError:
            if there == before:
                raise
            before = there


def _file(subject: str, segment: Segment) -> File:
    compacted = is_compacted(segment)
    told = about(segment.path) if compacted else None
    end = told.last_id if told else last_id(segment)
    return File(
        environment=subject,
        name=segment.name,
        state="compacted" if compacted else "open" if is_open(segment.path) else "closed",
        size=segment.path.stat().st_size,
        records=told.records if told else _lines(segment.path),
        begin=id_time(segment.first),
        end=id_time(end),
    )


def _lines(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            count += piece.count(b"\n")
    return count


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Say whether no other process compacts the folder, and keep others from it meanwhile."""
    if not folder.is_dir():
        yield False
        return
    with storage_errors(str(folder)):
        make_private(folder)
        lock = os.fdopen(open_private(folder / ".compact.lock", 0), "w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
