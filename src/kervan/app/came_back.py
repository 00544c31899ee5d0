"""What came back about a few predictions, looked up by their ids in little time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.compacted import all_segments, any_lines
from kervan.app.newest import newest_first
from kervan.app.segments import feedback_of, records_folder
from kervan.core.feedback import Feedback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kervan.app.project import Project

_SECONDS = 0.1  # after which no further file is looked at
_KEY = b'"prediction":"'
_RECORD = 26  # letters of an id without the row
_decoder = msgspec.json.Decoder(Feedback)


def said_about(project: Project, environment: str, asked: Mapping[str, str]) -> dict[str, tuple[Any, Any]]:
    """Return the newest label and reward of predictions, by id, of those about which something came back.

    `asked` has the model of each. What was said by entity and time is not looked up. The files from the time
    of the oldest on are read, for about a tenth of a second.
    """
    if not asked:
        return {}
    names = {ident.encode() for ident in asked} | {ident[:_RECORD].encode() for ident in asked}
    found: dict[str, tuple[Any, Any]] = {}
    for each in _named(project, environment, names, min(asked)):
        ident = each.prediction if each.prediction in asked else each.prediction.partition(".")[0]
        model = asked.get(ident, "").partition("@")[0]
        if ident not in asked or each.model not in {"", model}:
            continue
        label, reward = found.get(ident, (None, None))
        found[ident] = (
            label if each.label is None else each.label,
            reward if each.reward is None else each.reward,
        )
    return found


def _named(project: Project, environment: str, names: set[bytes], first: str) -> Iterator[Feedback]:
    """Yield what names a prediction and came after `first`, oldest first within each writer."""
    started = time.monotonic()
    segments = newest_first(all_segments(records_folder(project, feedback_of(environment))))
    later = [segment for bound, segment in segments if bound > first]
    for segment in reversed(later):
        if time.monotonic() - started > _SECONDS:
            return
        for line in any_lines(segment):
            place = line.find(_KEY) + len(_KEY)
            if line[place : place + _RECORD] in names and line.endswith(b"\n"):
                yield _decoder.decode(line)
