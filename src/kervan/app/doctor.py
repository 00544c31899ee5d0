"""Looks at everything that can be wrong with a project, and says how to mend it."""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kervan.app.audit import verify
from kervan.app.beside import look_at_cache, look_at_key, look_at_originals, look_at_permissions
from kervan.app.environments import SCOPE, current_deployment, state_of
from kervan.app.keys import access_file, is_published, keys
from kervan.app.realise import altered_file
from kervan.core.errors import KervanError, NotFound
from kervan.core.nouns import Finding, Model, Status, Verdict
from kervan.core.shown import moment
from kervan.core.workspace import doors_of
from kervan.flow.surroundings import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.app.project import Project

_SPARE_BYTES = 1 << 30
_SOON = 14 * 86_400.0


def examine(project: Project) -> list[Finding]:
    """Return one finding for each thing that was looked at; nothing is changed."""
    looks: tuple[tuple[str, Callable[[Project], Iterator[Finding]]], ...] = (
        ("catalog", _catalog),
        ("audit trail", _audit),
        ("files", _files),
        ("runs", _runs),
        ("environments", _environments),
        ("key", look_at_key),
        ("originals", look_at_originals),
        ("keys to servers", _keys),
        ("certificate", _certificate),
        ("cache", look_at_cache),
        ("permissions", look_at_permissions),
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
    told = (message, *(f"it does not cover {what}" for what in found.uncovered))
    yield _finding("audit trail", Verdict.PASSED, "; ".join(told))


def _files(project: Project) -> Iterator[Finding]:
    """Every file that a record needs must be there, with the content that it had."""
    wanted = sorted(project.store.catalog.blobs())
    broken = [(digest, what) for digest in wanted if (what := _broken(project, digest))]
    for digest, what in broken:
        message = f"file {digest} ({_owner(project, digest)}) {what} {project.store.blobs.url}"
        yield _finding("files", Verdict.FAILED, message, "restore it from a backup")
    if not broken:
        yield _finding("files", Verdict.PASSED, f"all {len(wanted)} files are there, as they were stored")


def _broken(project: Project, digest: str) -> str:
    try:
        with project.store.blobs.open(digest) as file:
            found = hashlib.sha256()
            while piece := file.read(1 << 20):
                found.update(piece)
    except NotFound:
        return "is gone from"
    return "" if found.hexdigest() == digest else "was altered in"


def _owner(project: Project, digest: str) -> str:
    """Say what a stored file is, as one of the records that need it knows it."""
    catalog = project.store.catalog
    for child, role in catalog.children(f"sha256:{digest}"):
        with suppress(NotFound):  # results of steps are no records of their own
            return f"{role} of {catalog.record(child).ref}"
    return "the result of a step"


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
        state = state_of(project, name)
        if state != "stopped" and (altered := altered_file(project, deployment)):
            hint = f"`kervan release --to {name}` writes it anew"
            yield _finding("environments", Verdict.FAILED, f"{altered} is not as the release wrote it", hint)
        if state == "gone":
            message = f"{name} points to {', '.join(deployment.shares)}, but its server is gone"
            hint = f"`kervan release --to {name}` brings it back, and its server.log may say what ended it"
            yield _finding("environments", Verdict.FAILED, message, hint)
    yield _finding("environments", Verdict.PASSED, f"{len(names)} environments point to known models")


def _keys(project: Project) -> Iterator[Finding]:
    """What the servers know of keys has to be what is on record: a revoked key opens nothing."""
    if not is_published(project):
        message = f"{access_file(project)} is not what is on record of keys"
        yield _finding("keys to servers", Verdict.FAILED, message, "`kervan key publish` writes it anew")
        return
    count = sum(key.opens(time.time()) for key in keys(project))
    yield _finding("keys to servers", Verdict.PASSED, f"servers know the {count} keys that open something")


def _certificate(project: Project) -> Iterator[Finding]:
    """The certificate that releases show must be one that can be shown, for a while yet."""
    doors = doors_of(project.config)
    if not doors.certificate:
        return
    from kervan.serve.tls import Certificates  # brings the web server's libraries

    ends = Certificates(doors).ends
    left = ends - time.time()
    verdict = Verdict.FAILED if left < 0 else Verdict.WARNED if left < _SOON else Verdict.PASSED
    message = f"{doors.certificate} {'expired' if left < 0 else 'expires'} {moment(ends)}"
    yield _finding("certificate", verdict, message, "" if left > _SOON else "put a new one in its place")


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
