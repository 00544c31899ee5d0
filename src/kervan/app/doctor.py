"""Looks at everything that can be wrong with a project, and says how to mend it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from kervan.app.audit import verify
from kervan.app.release import SCOPE, current_deployment
from kervan.core.errors import KervanError
from kervan.core.nouns import Dataset, Finding, Model, Package, Status, Verdict
from kervan.pipeline.surroundings import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.app.project import Project

_SPARE_BYTES = 1 << 30


def examine(project: Project) -> list[Finding]:
    """Return one finding for each thing that was looked at; nothing is changed."""
    looks: tuple[tuple[str, Callable[[Project], Iterator[Finding]]], ...] = (
        ("catalog", _catalog),
        ("audit trail", _audit),
        ("files", _files),
        ("runs", _runs),
        ("environments", _environments),
        ("disk", _disk),
    )
    findings: list[Finding] = []
    for subject, look in looks:
        try:
            found = list(look(project))
        except KervanError as error:
            found = [_finding(subject, Verdict.FAILED, str(error), error.hint)]
        findings += found
    return findings


def _catalog(project: Project) -> Iterator[Finding]:
    catalog = project.store.catalog
    head = catalog.head()
    yield _finding(
        "catalog", Verdict.PASSED, f"{catalog.place} answers, {head.sequence if head else 0} events"
    )


def _audit(project: Project) -> Iterator[Finding]:
    found = verify(project)
    message = f"the chain of {found.events} events and {found.records} records holds"
    yield _finding("audit trail", Verdict.PASSED, message)


def _files(project: Project) -> Iterator[Finding]:
    """Every file that a record needs must be there; every model's files must have their content."""
    wanted = project.store.catalog.blobs()
    present = {file.hash for file in project.store.blobs.all()}
    for digest in sorted(wanted - present):
        message = f"file {digest} is gone from {project.store.blobs.url}"
        yield _finding("files", Verdict.FAILED, message, "restore it from a backup")
    for package in project.store.catalog.all(Package):
        for file in package.files:
            project.store.blobs.read_bytes(file.sha256)
    for dataset in project.store.catalog.all(Dataset):
        for part in dataset.parts:
            project.store.blobs.read_bytes(part.blob)
    if wanted <= present:
        yield _finding("files", Verdict.PASSED, f"all {len(wanted)} files are there")


def _runs(project: Project) -> Iterator[Finding]:
    dead = [run for run in project.store.catalog.running() if not is_alive(run.host)]
    for run in dead:
        message = f"run {run.id} ({run.name}) is marked {Status.RUNNING}, but its process is gone"
        yield _finding("runs", Verdict.WARNED, message, "the next `kervan run` marks it and goes on")
    if not dead:
        yield _finding("runs", Verdict.PASSED, "no run was left unfinished without a word")


def _environments(project: Project) -> Iterator[Finding]:
    names = sorted({change.name for change in project.store.catalog.alias_history(SCOPE)})
    for name in names:
        deployment = current_deployment(project, name)
        if deployment is None:
            continue
        for ref in deployment.shares:
            known = {model.ref for model in project.store.catalog.all(Model, name=ref.partition("@")[0])}
            if ref not in known:
                yield _finding("environments", Verdict.FAILED, f"{name} points to {ref}, which is not there")
    yield _finding("environments", Verdict.PASSED, f"{len(names)} environments point to known models")


def _disk(project: Project) -> Iterator[Finding]:
    folder = project.store.root if project.store.root.exists() else project.config.folder
    free = shutil.disk_usage(folder).free
    if free < _SPARE_BYTES:
        message = f"only {free / 2**20:,.0f} MiB are free for {folder}"
        yield _finding("disk", Verdict.WARNED, message, "free some space, or try `kervan gc`")
    else:
        yield _finding("disk", Verdict.PASSED, f"{free / 2**30:,.1f} GiB are free")


def _finding(subject: str, verdict: Verdict, message: str, hint: str = "") -> Finding:
    return Finding(rule="doctor", subject=subject, verdict=verdict, message=message, hint=hint)
