"""The newest predictions about somebody, found in little time however many records there are."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.compacted import about_in, all_segments, is_compacted
from kervan.app.newest import newest_first
from kervan.app.segments import records_folder
from kervan.core.identity import id_time
from kervan.serve.keeper import text_of
from kervan.serve.record import parse, row_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.serve.record import Segment

_MOST = 10
_NUMERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SECONDS = 0.3  # after which no further file is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """The newest predictions about the same entity, newest first, by id.

    All records were looked at that were made after `since`, in seconds since 1970; where that is None, all.
    """

    ids: tuple[str, ...] = ()
    since: float | None = None


def others_about(project: Project, environment: str, entity: Any, *, but: str) -> Others:
    """Return the ten newest predictions about an entity beside one, `but`, in an environment.

    The newest files of records are looked at first, for about a third of a second.
    """
    if entity is None:
        return Others()
    wanted = text_of(entity)
    started = time.monotonic()
    ids: list[str] = []
    for bound, segment in newest_first(all_segments(records_folder(project, environment))):
        if len(ids) == _MOST and bound <= ids[-1]:
            break
        if time.monotonic() - started > _SECONDS:
            return Others(ids=tuple(ids), since=min(time.time(), id_time(bound)))
        ids = nlargest(_MOST, {*ids, *_about(segment, wanted)} - {but})
    return Others(ids=tuple(ids))


def _about(segment: Segment, entity: str) -> Iterator[str]:
    """Yield the ids of the rows in a segment that are about an entity."""
    if is_compacted(segment):
        for ident, told, rows in about_in(segment, entity):
            yield from _rows(ident, told if told == entity else msgspec.json.decode(told), rows, entity)
        return
    try:
        content = segment.path.read_bytes()
    except FileNotFoundError:  # it was compacted a moment ago, and is found in its new form the next time
        return
    written = re.escape(msgspec.json.encode(entity))
    if _NUMERAL.fullmatch(entity):
        written = rb"(?:%b|%b(?:\.0)?)" % (written, re.escape(entity.encode()))
    for match in re.finditer(rb'"entity":(?:%b[,}]|\[[^\n]*?%b)' % (written, written), content):
        start, end = content.rfind(b"\n", 0, match.start()) + 1, content.find(b"\n", match.end())
        if end > 0:
            record = parse(content[start : end + 1], segment.path, start)
            yield from _rows(record.id, record.entity, record.rows, entity)


def _rows(record: str, about: Any, rows: int, wanted: str) -> Iterator[str]:
    """Yield the ids of the rows of a record that are about an entity."""
    for row, ident in enumerate(row_ids(record, rows)):
        told = about[row] if isinstance(about, list) else about
        if told is not None and text_of(told) == wanted:
            yield ident
