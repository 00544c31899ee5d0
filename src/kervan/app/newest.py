"""The newest prediction records first, whatever number there is of them."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from kervan.app.compacted import all_segments, any_ids
from kervan.app.segments import records_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.app.project import Project
    from kervan.serve.record import Segment

_AFTER_ALL = "Z" * 26  # no id is greater


def newest_first(found: Sequence[Segment]) -> Iterator[tuple[str, Segment]]:
    """Yield segments, each with an id below which all of its own lie, the highest such id first.

    A writer's segment ends before the next of the same writer begins.
    """
    bounds: list[tuple[str, Segment]] = []
    following: dict[str, str] = {}
    for segment in sorted(found, key=lambda each: each.first, reverse=True):
        bounds.append((following.get(segment.writer, _AFTER_ALL), segment))
        following[segment.writer] = segment.first
    yield from sorted(bounds, key=lambda each: (each[0], each[1].first), reverse=True)


def first_of_newest(project: Project, environment: str, count: int) -> str:
    """Return the id with which the newest `count` records of an environment begin, "" if there are fewer."""
    newest: list[str] = []
    for bound, segment in newest_first(all_segments(records_folder(project, environment))):
        if len(newest) == count and bound <= newest[-1]:
            break
        newest = nlargest(count, [*newest, *any_ids(segment)])
    return newest[-1] if len(newest) == count else ""
