"""The newest predictions about somebody, found in little time however many records there are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from kervan.app.compacted import all_segments
from kervan.app.matching import Sought, newest_hits, read_hits
from kervan.app.newest import AFTER_ALL, newest_first
from kervan.app.segments import records_folder
from kervan.core.identity import id_time
from kervan.serve.keeper import text_of
from kervan.serve.record import row_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.matching import Brief
    from kervan.app.project import Project
    from kervan.core.nouns import Prediction

_MOST = 10
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
    sought = Sought(low="", high=AFTER_ALL, entity=text_of(entity))
    started = time.monotonic()
    ids: list[str] = []
    for bound, segment in newest_first(all_segments(records_folder(project, environment))):
        if len(ids) == _MOST and bound <= ids[-1]:
            break
        if time.monotonic() - started > _SECONDS:
            return Others(ids=tuple(ids), since=min(time.time(), id_time(bound)))
        found = read_hits(newest_hits(segment, sought, _MOST + 1))
        fresh = {ident for record in found for ident in rows_about(record, sought.entity)}
        ids = nlargest(_MOST, {*ids, *fresh} - {but})
    return Others(ids=tuple(ids))


def rows_about(record: Prediction | Brief, entity: str) -> Iterator[str]:
    """Yield the ids of the rows of a record that are about an entity."""
    for row, ident in enumerate(row_ids(record.id, record.rows)):
        told = record.about(row)
        if told is not None and text_of(told) == entity:
            yield ident
