"""Reads the records of predictions, in whatever form they lie, also one that is only now written down."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kervan.app.compacted import all_segments, find_any, read_any
from kervan.app.environments import SCOPE
from kervan.app.segments import records_folder
from kervan.core.errors import NotFound
from kervan.core.identity import id_time
from kervan.serve.record import find_among, merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.core.nouns import Prediction

_WRITTEN_AFTER = 10.0  # seconds; a tenth of a second is usual, but disks can be busy
_STEP = 0.02


def predictions(
    project: Project, environment: str, *, since: float | None = None, until: float | None = None
) -> Iterator[Prediction]:
    """Yield an environment's recorded predictions in the order of their ids, also while servers write.

    `since` (inclusive) and `until` (exclusive) are seconds since 1970.
    """
    yield from merged(all_segments(records_folder(project, environment)), read_any, since, until)


def find_record(project: Project, ident: str) -> tuple[str, Prediction]:
    """Return the environment and the record of a prediction by the id that came with its answer.

    A record is on disk a moment after its answer: an id of the last ten seconds is waited for. Raises
    `NotFound` if there is none.
    """
    environments = sorted({change.name for change in project.store.catalog.alias_history(SCOPE)})
    while True:
        now = time.time()
        for environment in environments:
            found = find_among(all_segments(records_folder(project, environment)), ident, find_any)
            if found is not None:
                return environment, found
        if not environments or not 0 <= now - id_time(ident) < _WRITTEN_AFTER:
            raise NotFound(f"there is no prediction {ident!r}", hint="the id is in the answer, under `id`")
        time.sleep(_STEP)


def settle(project: Project, ident: str) -> None:
    """Wait until a prediction that was just answered is on record, for ten seconds at most."""
    with suppress(NotFound):  # the server refuses requests once it cannot record any more
        find_record(project, ident)
