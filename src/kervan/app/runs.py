"""Runs, found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.nouns import Run

if TYPE_CHECKING:
    from kervan.app.project import Project


def search(
    project: Project, *, metric: str = "", ascending: bool = False, limit: int = 100
) -> list[tuple[Run, float | None]]:
    """Return the newest runs, or with `metric` those with its best last value, each with that value."""
    catalog = project.store.catalog
    if not metric:
        return [(run, None) for run in catalog.all(Run, limit=limit)]
    return [(run, value) for run, value in catalog.search_runs(metric, ascending=ascending, limit=limit)]


def run_log(project: Project, ident: str) -> tuple[Run, str]:
    """Return a run and its log."""
    run = project.store.catalog.get(Run, ident)
    return run, project.store.blobs.read_bytes(run.log).decode() if run.log else ""
