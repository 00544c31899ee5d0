"""Reports as pages that need nothing else, in the workspace's `reports` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.data import describe_dataset
from kervan.app.model_page import page_of
from kervan.core.errors import Corrupted
from kervan.core.identity import sha256, sha256_file
from kervan.core.private import write_private
from kervan.data.page import profile_page
from kervan.monitor.page import drift_page
from kervan.monitor.verdict_page import verdict_page
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.app.run import Outcome
    from kervan.core.nouns import Event
    from kervan.core.releasing import Release
    from kervan.monitor.drift import DriftReport
    from kervan.monitor.judgement import Judgement

WROTE = "wrote page"


def write_outcome(project: Project, outcome: Outcome) -> tuple[Path, ...]:
    """Write the pages about a life so far: the data's profile, and the model's evaluation."""
    dataset, model = outcome.dataset, outcome.model
    described = describe_dataset(project, dataset.ref)
    figures = profile_page(described.profile, dataset.ref, described.findings)
    answers = page_of(project, model.ref)
    return (
        _write(project, f"data-{dataset.name}-{dataset.version}", figures),
        _write(project, f"model-{model.name}-{model.version}", answers),
    )


def write_drift(project: Project, environment: str, report: DriftReport) -> Path:
    """Write the page about an environment's drift."""
    return _write(project, f"drift-{environment}", drift_page(report, title=f"Drift in {environment}"))


def write_release(project: Project, release: Release, judgement: Judgement) -> Path:
    """Write the page about how a release was judged."""
    title = f"{release.model} in {release.name}: {release.status}"
    return _write(project, f"release-{release.name}-{release.id}", verdict_page(judgement, title))


def check_pages(project: Project, events: Iterable[Event]) -> None:
    """Raise `Corrupted` that names the first page that is not as it was written; one that is gone is not."""
    told = {event.subject: str(event.body["content"]) for event in events if event.action == WROTE}
    for name, digest in told.items():
        path = _folder(project) / name
        if path.is_file() and sha256_file(path) != digest:
            raise Corrupted(f"{path} was altered", hint="remove it; `kervan run` writes it anew")


def _write(project: Project, name: str, page: str) -> Path:
    """Write a page, and put what it says on the audit trail if that is new."""
    content = page.encode()
    path = _folder(project) / f"{name}.html"
    write_private(path, content)
    digest = sha256(content)
    known = [event.body["content"] for event in project.store.catalog.events(subject=path.name, action=WROTE)]
    if known[-1:] != [digest]:
        with project.store.catalog.transaction() as transaction:
            transaction.event(Entry(action=WROTE, subject=path.name, body={"content": digest}))
    return path


def _folder(project: Project) -> Path:
    return project.store.root / "reports"
