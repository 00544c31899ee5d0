"""Recorded predictions: JSON lines in segment files, read without a database.

A segment is named `<first id>.<writer>.jsonl`. Its lines begin with their ids, which rise, so one
prediction is found by bisection. Each writer writes segments of its own; what a crash cut off at the end
of one is never continued and never read.

A request of one row has its record's id as the prediction's id; row n of a request of many (from 0) is
`<record's id>.<n>`. A record without outputs is of a request that the model gave no usable answer for.

Each record says the version of its form. Those of the first did not, and had no chain (`kervan.serve.chain`).
"""

from __future__ import annotations

import heapq
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from kervan.core.errors import Corrupted, InvalidInput, StorageFailed
from kervan.core.identity import id_time
from kervan.core.nouns import Prediction

SUFFIX = ".jsonl"
FORM = 4  # of the records that are written; older ones are read too
_HEAD = b'{"id":"'
_ID = slice(len(_HEAD), len(_HEAD) + 26)
_ULID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")
_BLOCK = 1 << 16
_DIGITS = 18  # of a row
_decoder = msgspec.json.Decoder(Prediction)


@dataclass(frozen=True, slots=True)
class _Versioned:
    version: int = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of records: the id that it begins with, and who wrote it."""

    path: Path
    first: str
    writer: str

    @property
    def name(self) -> str:
        """The name under which it was written, whatever became of it since."""
        return f"{self.first}.{self.writer}{SUFFIX}"


Reader = Callable[[Segment, float | None], Iterator[Prediction]]


def records(folder: Path, since: float | None = None, until: float | None = None) -> Iterator[Prediction]:
    """Yield the recorded predictions in the order of their ids, also while a server writes.

    `since` (inclusive) and `until` (exclusive) are seconds since 1970 and mean the time in the id.
    Raises `Corrupted` that names file and line where a complete line is no record.
    """
    return merged(segments(folder), read_segment, since, until)


def merged(
    found: list[Segment], read: Reader, since: float | None = None, until: float | None = None
) -> Iterator[Prediction]:
    """Yield the predictions of segments in the order of their ids; each is opened once its turn comes."""
    waiting = deque(segment for segment in found if until is None or id_time(segment.first) < until)
    heads: list[tuple[str, int, Prediction, Iterator[Prediction]]] = []
    opened, last = 0, ""
    while waiting or heads:
        while waiting and (not heads or waiting[0].first <= heads[0][0]):
            opened += 1
            _push(heads, opened, read(waiting.popleft(), since))
        if not heads:
            continue
        ident, number, prediction, following = heapq.heappop(heads)
        if until is not None and id_time(ident) >= until:
            continue
        if ident != last:  # a writer that could not undo a broken write repeats it in a new segment
            yield prediction
        last = ident
        _push(heads, number, following)


def find(folder: Path, ident: str) -> Prediction | None:
    """Return the record of a prediction by its id, that of its request or that of one of its rows.

    Reads a few lines of one segment for each process that wrote, however many records there are.
    """
    return find_among(segments(folder), ident, find_in)


def find_among(
    found: list[Segment], ident: str, find_in: Callable[[Segment, str], Prediction | None]
) -> Prediction | None:
    """Return the record of a prediction: of each writer's segments only the one that may hold it is asked."""
    record, row = split_id(ident)
    newest: dict[str, Segment] = {}
    for segment in found:
        if segment.first <= record:
            newest[segment.writer] = segment
    for segment in newest.values():
        prediction = find_in(segment, record)
        if prediction is not None:
            return prediction if row is None or row < prediction.rows else None
    return None


def row_ids(record: str, rows: int) -> tuple[str, ...]:
    """Return the prediction's id for each row of a recorded request.

    >>> row_ids("01JD", 1), row_ids("01JD", 2)
    (('01JD',), ('01JD.0', '01JD.1'))
    """
    return (record,) if rows == 1 else tuple(f"{record}.{row}" for row in range(rows))


def split_id(ident: str) -> tuple[str, int | None]:
    """Return the record's id and the row (None: the request) that a prediction's id names."""
    record, dot, row = ident.partition(".")
    if not _ULID.fullmatch(record) or (dot and not (row.isascii() and row.isdigit() and len(row) <= _DIGITS)):
        raise InvalidInput(
            f"{ident!r} is not a prediction's id", hint="ids have 26 letters and digits, a row adds '.0'"
        )
    return record, int(row) if dot else None


def segments(folder: Path, suffix: str = SUFFIX) -> list[Segment]:
    """List the segments in the order of their first ids."""
    found = []
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            first, _, writer = path.name.removesuffix(suffix).partition(".")
            if path.name.endswith(suffix) and _ULID.fullmatch(first):
                found.append(Segment(path, first, writer))
    except OSError as error:
        raise StorageFailed(f"cannot read {folder}: {error.strerror}") from error
    return sorted(found, key=lambda segment: segment.path.name)


def _push(
    heads: list[tuple[str, int, Prediction, Iterator[Prediction]]], number: int, rest: Iterator[Prediction]
) -> None:
    prediction = next(rest, None)
    if prediction is not None:
        heapq.heappush(heads, (prediction.id, number, prediction, rest))


def read_segment(segment: Segment, since: float | None) -> Iterator[Prediction]:
    """Yield the records of one segment; a last line without its end is what a crash left, and skipped."""
    with segment.path.open("rb") as file:
        start = 0
        if since is not None:
            start = bisect(file, segment.path, lambda ident: id_time(ident) < since)
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield parse(line, segment.path, start)
            start += len(line)


def find_in(segment: Segment, record: str) -> Prediction | None:
    """Return a record of one segment by its id."""
    with segment.path.open("rb") as file:
        start = bisect(file, segment.path, lambda ident: ident < record)
        file.seek(start)
        line = file.readline()
        if not line.endswith(b"\n") or _line_id(line, segment.path, start) != record:
            return None
        return parse(line, segment.path, start)


def last_id(segment: Segment) -> str:
    """Return the id of the last whole record of a segment, that of its name where there is none."""
    with segment.path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        end = _end(file, size)
        if not end:
            return segment.first
        start = file.seek(_end(file, end - 1))
        return _line_id(file.read(_ID.stop), segment.path, start)


def bisect(file: BinaryIO, path: Path, is_before: Callable[[str], bool]) -> int:
    """Return where the first line starts whose id is not before the wanted place.

    `low` is always the start of a line, and every line that starts below it is before the place.
    """
    low, high = 0, _end(file, file.seek(0, os.SEEK_END))
    while low < high:
        middle = (low + high) // 2
        start = _line_start(file, middle)
        if start >= high:
            high = middle
            continue
        line = file.readline()
        if is_before(_line_id(line, path, start)):
            low = start + len(line)
        else:
            high = middle
    return low


def _line_start(file: BinaryIO, place: int) -> int:
    """Return where the first line at or after `place` starts, and stand there."""
    if place == 0:
        return file.seek(0)
    file.seek(place - 1)
    file.readline()
    return file.tell()


def _end(file: BinaryIO, place: int) -> int:
    """Return where the last line ends that is complete before a place."""
    while place > 0:
        size = min(_BLOCK, place)
        place = file.seek(place - size)
        newline = file.read(size).rfind(b"\n")
        if newline >= 0:
            return place + newline + 1
    return 0


def _line_id(line: bytes, path: Path, place: int) -> str:
    ident = line[_ID].decode("ascii", "replace")
    if not line.startswith(_HEAD) or not _ULID.fullmatch(ident):
        raise Corrupted(f"{path}, byte {place}: not a prediction", hint="restore the file from a copy")
    return ident


def parse(line: bytes, path: Path, place: int) -> Prediction:
    """Return the record in a line, or raise `Corrupted` that names file and byte."""
    try:
        prediction = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _check_form(_form(line), path, place)
        raise Corrupted(
            f"{path}, byte {place}: not a prediction: {error}", hint="restore the file from a copy"
        ) from error
    _check_form(prediction.version, path, place)
    return prediction


def _form(line: bytes) -> int:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(line, type=_Versioned).version
    return FORM


def _check_form(form: int, path: Path, place: int) -> None:
    if form > FORM:
        raise InvalidInput(
            f"{path}, byte {place}: a record of form {form}, this version reads up to {FORM}",
            hint="upgrade Kervan",
        )
