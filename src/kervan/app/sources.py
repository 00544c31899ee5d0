"""Where a project's tables come from: what connectors fetch, and what the project itself can give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.dataset_source import DatasetConnector
from kervan.app.synthetic_source import MARK, SyntheticConnector
from kervan.core.fetching import nobody
from kervan.data import ingest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.config import DataSettings
    from kervan.core.fetching import Estimate
    from kervan.core.ports import Connector
    from kervan.data.ingest import Snapshot


def connectors_of(project: Project) -> tuple[Connector, ...]:
    """Return the adapters that fetch from a project's own records."""
    return (DatasetConnector(project), SyntheticConnector(project))


def take(
    project: Project,
    location: str,
    *,
    settings: DataSettings | None = None,
    folder: Path | None = None,
    admit: Callable[[Estimate], None] = nobody,
) -> Snapshot:
    """Fetch a table as `kervan.data.ingest.take` does, also one of the project's own datasets."""
    snapshot = ingest.take(
        location,
        folder or project.config.folder,
        settings,
        tell=lambda text: project.remark("fetch", text),
        admit=admit,
        own=connectors_of(project),
    )
    if snapshot.retrieval.record:
        version = snapshot.retrieval.version
        is_drawn = location.startswith(MARK)
        what = "follows the training rows of" if is_drawn else "is"
        end = ": nobody gave these rows" if is_drawn else " without its test rows, which stay sealed"
        project.remark("note", f"{location} {what} {version}{end}")
    return snapshot
