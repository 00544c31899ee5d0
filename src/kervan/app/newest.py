"""The newest prediction records first, whatever number there is of them."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from heapq import nlargest
from typing import TYPE_CHECKING

from kervan.app.compacted import about, all_segments, any_ids, is_compacted
from kervan.app.segments import records_folder
from kervan.core.identity import id_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kervan.app.compacted import About
    from kervan.app.project import Project
    from kervan.serve.record import Segment

AFTER_ALL = "Z" * 26  # no id is greater


def newest_first(found: Sequence[Segment]) -> Iterator[tuple[str, Segment]]:
    """Yield segments, each with an id below which all of its own lie, the highest such id first.

    A writer's segment ends before the next of the same writer begins; a compacted one says where it ends.
    """
    bounds: list[tuple[str, Segment]] = []
    following: dict[str, str] = {}
    for segment in sorted(found, key=lambda each: each.first, reverse=True):
        bounds.append((following.get(segment.writer) or _end(segment), segment))
        following[segment.writer] = segment.first
    yield from sorted(bounds, key=lambda each: (each[0], each[1].first), reverse=True)


def told(segment: Segment) -> About:
    """Return what a compacted file says of itself; it is read once for as long as it stays the same."""
    return _told(segment.path, segment.path.stat().st_mtime_ns)


@lru_cache(maxsize=10_000)
def _told(path: Path, _changed: int) -> About:
    return about(path)


def _end(segment: Segment) -> str:
    """Return an id below which all of a writer's last segment lie."""
    if is_compacted(segment):
        with suppress(FileNotFoundError):  # it was removed a moment ago
            return id_after(told(segment).last_id)
    return AFTER_ALL


def first_of_newest(project: Project, environment: str, count: int) -> str:
    """Return the id with which the newest `count` records of an environment begin, "" if there are fewer."""
    newest: list[str] = []
    for bound, segment in newest_first(all_segments(records_folder(project, environment))):
        if len(newest) == count and bound <= newest[-1]:
            break
        newest = nlargest(count, [*newest, *any_ids(segment)])
    return newest[-1] if len(newest) == count else ""
