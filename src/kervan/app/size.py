"""How large a source is, and whether the workspace has room for it: before anything is fetched."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.sources import connectors_of
from kervan.core.errors import StorageFailed
from kervan.core.plugins import extras_named
from kervan.data.connectors.find import find_connector, hidden, request_of
from kervan.data.room import SPARE_BYTES, amount

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.fetching import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSize:
    """What a source takes: `rows`, `fetched` and `stored` bytes are None where nobody knows beforehand.

    `stored` are the original, kept encrypted, and the parts, which take about as much. `free` are the bytes
    of the workspace's disk, None where it is no folder; `free_to_fetch` those of the temporary folder.
    """

    source: str
    rows: int | None
    fetched: int | None
    stored: int | None
    free: int | None
    free_to_fetch: int
    fits: bool


def size_of_source(project: Project) -> SourceSize:
    """Return how large the project's source is, as far as its place tells without sending it."""
    settings = project.config.data
    request = request_of(settings.source, project.config.folder, settings)
    with extras_named(), hidden(request):
        return room_for(project, find_connector(request.location, connectors_of(project)).estimate(request))


def room_for(project: Project, estimate: Estimate) -> SourceSize:
    """Say whether what was estimated fits, into the temporary folder and into the workspace."""
    original = estimate.stored if estimate.stored is not None else estimate.fetched
    stored = None if original is None else 2 * original
    here = Path(tempfile.gettempdir())
    free_to_fetch = shutil.disk_usage(here).free
    place = _folder(project)
    free = None if place is None else shutil.disk_usage(place).free
    is_same_disk = place is not None and place.stat().st_dev == here.stat().st_dev
    kept = stored or 0
    needed = (estimate.fetched or 0) + SPARE_BYTES + (kept if is_same_disk else 0)
    return SourceSize(
        source=project.config.data.source,
        rows=estimate.rows,
        fetched=estimate.fetched,
        stored=stored,
        free=free,
        free_to_fetch=free_to_fetch,
        fits=needed <= free_to_fetch and (free is None or kept <= free),
    )


def check_room(project: Project, estimate: Estimate) -> None:
    """Raise `StorageFailed`, with figures, where the workspace has no room for what was estimated."""
    found = room_for(project, estimate)
    if not found.fits:
        free = found.free_to_fetch if found.free is None else min(found.free, found.free_to_fetch)
        raise StorageFailed(
            f"{found.source} takes {amount(found.fetched or 0)} to fetch "
            f"and about {amount(found.stored or 0)} to keep, {amount(free)} are free",
            hint="free some space; TMPDIR and `[workspace] blobs` say where it is fetched to and kept",
        )


def _folder(project: Project) -> Path | None:
    """Return the nearest folder that is there of those where files are kept, None for a URL."""
    blobs = project.store.workspace.blobs.removeprefix("file://")
    if "://" in blobs:
        return None
    return next(each for each in (Path(blobs).resolve(), *Path(blobs).resolve().parents) if each.is_dir())
