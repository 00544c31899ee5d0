"""The chain of prediction records: each line carries a hash over itself and the line before.

A line is the record's JSON with `chain` as its last field: SHA-256 over the `chain` before and the line
without its own. A writer's first line follows a hash of the writer's name, and its next segment goes on from
the last line of the one before, so that a segment that is gone shows too. Segments from before there was a
chain have none.
"""

from __future__ import annotations

import fcntl
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, StorageFailed
from kervan.core.identity import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from kervan.serve.record import Segment

_FIELD = b',"chain":"'
_END = b'"}\n'
_TAIL = len(_FIELD) + 64 + len(_END)
_VERSION = len('{"id":"') + 26 + len('",')  # where a line says its form: those that do have a chain
_HINT = "restore the file from a copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a segment holds: whole records, those among them with a chain, its size and SHA-256.

    `last` is the chain's last link, "" where there is none.
    """

    records: int
    linked: int
    size: int
    sha256: str
    last: str


def start_of(writer: str) -> str:
    """Return what the first record of a writer follows."""
    return sha256(f"prediction records of {writer}".encode())


def linked(record: bytes, previous: str) -> tuple[bytes, str]:
    """Return the line of a record (its JSON) that follows `previous`, and its own link."""
    link = sha256(previous.encode() + record)
    return record[:-1] + _FIELD + link.encode() + _END, link


def check_segment(segment: Segment, lines: Iterable[bytes], known: Mapping[str, str], *, after: str) -> Seen:
    """Check the lines of a segment, as they were written, and return what it holds.

    The first follows the link `after`, or nothing of the same writer. The SHA-256 over all has to be what is
    `known` by the segment's name. Raises `Corrupted` that names the file and line at which something was
    altered, removed or moved.
    """
    seen = _check_lines(segment, lines, after or start_of(segment.writer))
    if seen.sha256 != known.get(segment.name, seen.sha256):
        raise Corrupted(f"{segment.path} was altered since it was sealed", hint=_HINT)
    return seen


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a segment as they were written."""
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise StorageFailed(f"cannot read {path}: {error.strerror}") from error


def last_link(path: Path) -> str:
    """Return the link that the last whole line of a file carries, "" if it has none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return link_of(file.read())


def is_open(path: Path) -> bool:
    """Say whether a server that lives still writes into a segment."""
    return _is_locked(path, unknown=False)


def is_surely_closed(path: Path) -> bool:
    """Say whether nobody writes into a segment any more; where nobody can know, it may be open."""
    return path.stat().st_size > 0 and not _is_locked(path, unknown=True)


def _is_locked(path: Path, *, unknown: bool) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return unknown
    return False


def _check_lines(segment: Segment, lines: Iterable[bytes], last: str) -> Seen:
    digest = hashlib.sha256()
    size = records = links = 0
    link = ""
    for line in lines:
        digest.update(line)
        size += len(line)
        if not line.endswith(b"\n"):  # what a crash cut off
            break
        records += 1
        found = link_of(line)
        if found or links or line[_VERSION:].startswith(b'"version":'):
            expected = sha256((link or last).encode() + line[:-_TAIL] + b"}")
            if found != expected:
                raise _broken(segment.path, records)
            link, links = found, links + 1
    if 0 < links < records:
        raise _broken(segment.path, 1)
    return Seen(records=records, linked=links, size=size, sha256=digest.hexdigest(), last=link)


def link_of(line: bytes) -> str:
    """Return the link that a line carries, "" if it has none."""
    tail = line[-_TAIL:]
    if not tail.startswith(_FIELD) or not tail.endswith(_END):
        return ""
    return tail[len(_FIELD) : -len(_END)].decode("ascii", "replace")


def _broken(path: Path, line: int) -> Corrupted:
    what = "it or the one before was altered, or the one before is gone"
    return Corrupted(f"{path}, line {line}: this record does not follow the one before: {what}", hint=_HINT)
