"""A trace as a way with stations, from whoever asked back to the rows that the model learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kervan.core.errors import NotFound
from kervan.core.nouns import Key, Role

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.trace import Trace


class Place(StrEnum):
    """What a station is."""

    CALLER = "caller"
    REQUEST = "request"
    DEPLOYMENT = "deployment"
    RELEASE = "release"
    MODEL = "model"
    ACCEPTANCE = "acceptance"
    RUN = "run"
    CODE = "code"
    DATASET = "dataset"
    ROWS = "rows"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One stop on the way: what it is, its name, since when, by whom and why, and what else is known.

    `id` is that of its record, or what names it, "" where nothing does. `facts` are those that there are.
    """

    place: Place
    name: str
    id: str = ""
    time: float | None = None
    by: str = ""
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def stations(project: Project, found: Trace) -> tuple[Station, ...]:
    """Return the way of a prediction, from who asked to the rows behind the model."""
    known = (
        _caller(project, found),
        _request(found),
        _deployment(found),
        _release(found),
        _model(found),
        *(_training(found) if found.run else (_import(found),)),
    )
    return tuple(each for each in known if each is not None)


def _caller(project: Project, found: Trace) -> Station:
    prediction = found.prediction
    facts = _there(trace=prediction.trace, request=prediction.request, protocol=prediction.protocol)
    if not prediction.caller:
        return Station(place=Place.CALLER, name="", facts=facts)
    try:
        key = project.store.catalog.get(Key, prediction.caller)
    except NotFound:
        return Station(place=Place.CALLER, name=prediction.caller, id=prediction.caller, facts=facts)
    scopes = ", ".join(key.scopes)
    facts |= _there(scopes=scopes, revoked=key.revoked)
    return Station(place=Place.CALLER, name=key.name, id=key.id, time=key.time, by=key.creator, facts=facts)


def _request(found: Trace) -> Station:
    prediction = found.prediction
    parts = {name: getattr(prediction, name) for name in ("seconds", "decode", "wait", "score")}
    facts = {"rows": prediction.rows, **parts, **_there(about=found.asked.entity)}
    return Station(
        place=Place.REQUEST, name=found.asked.id, id=prediction.id, time=prediction.time, facts=facts
    )


def _deployment(found: Trace) -> Station:
    deployment, prediction = found.deployment, found.prediction
    facts = {
        "share": prediction.share,
        "role": prediction.role,
        **_there(target=deployment.plan.target, mirrors=prediction.mirrors),
    }
    return Station(
        place=Place.DEPLOYMENT,
        name=deployment.name,
        id=deployment.id,
        time=deployment.time,
        by=deployment.creator,
        why=deployment.why,
        facts=facts,
    )


def _release(found: Trace) -> Station | None:
    release = found.release
    if release is None:
        return None
    facts = {
        "strategy": release.strategy,
        "status": release.status,
        **_there(reason=release.reason, ended_by=release.by_whom, approvers=", ".join(release.approvers)),
    }
    return Station(
        place=Place.RELEASE,
        name=release.model,
        id=release.id,
        time=release.time,
        by=release.creator,
        why=release.why,
        facts=facts,
    )


def _model(found: Trace) -> Station:
    model, manifest, gone = found.model, found.manifest, found.deleted
    facts: dict[str, Any] = _there(family=model.family, package=found.prediction.package)
    if manifest is not None:
        facts["formats"] = ", ".join(manifest.formats)
        facts["difference"] = max((each.largest for each in manifest.parity), default=0.0)
    if gone is not None:
        facts |= _there(deleted=gone.time, deleted_by=gone.actor, deleted_why=gone.why)
    return Station(
        place=Place.MODEL, name=model.ref, id=model.id, time=model.time, by=model.creator, facts=facts
    )


def _training(found: Trace) -> tuple[Station | None, ...]:
    return (_acceptance(found), _run(found), _code(found), _dataset(found), _rows(found))


def _acceptance(found: Trace) -> Station | None:
    report = found.acceptance
    if report is None:
        return None
    said = report.findings[0].message if report.findings else str(report.verdict)
    return Station(
        place=Place.ACCEPTANCE,
        name=str(report.verdict),
        id=report.id,
        time=report.time,
        by=report.creator,
        facts={"found": said},
    )


def _run(found: Trace) -> Station | None:
    run = found.run
    if run is None:
        return None
    facts = {"status": run.status, "host": run.host.name, "python": run.host.python, **_there(name=run.name)}
    return Station(place=Place.RUN, name=run.id, id=run.id, time=run.time, by=run.creator, facts=facts)


def _code(found: Trace) -> Station | None:
    code = found.run.code if found.run else None
    if code is None:
        return None
    facts = _there(repository=code.repository, branch=code.branch, uncommitted=bool(code.difference))
    return Station(place=Place.CODE, name=code.commit, id=code.commit, facts=facts)


def _dataset(found: Trace) -> Station | None:
    dataset = found.dataset
    if dataset is None:
        return None
    facts = {"rows": dataset.rows, "source": dataset.origin.source, "sha256": dataset.origin.sha256}
    return Station(
        place=Place.DATASET,
        name=dataset.ref,
        id=dataset.id,
        time=dataset.time,
        by=dataset.creator,
        facts=facts,
    )


def _rows(found: Trace) -> Station | None:
    dataset = found.dataset
    if dataset is None:
        return None
    part = dataset.part(Role.TRAIN)
    return Station(place=Place.ROWS, name=dataset.ref, facts={"rows": part.rows, "content": part.content})


def _import(found: Trace) -> Station | None:
    """Say where a model came from that was trained elsewhere."""
    manifest = found.manifest
    if manifest is None:
        return None
    lineage = manifest.lineage
    return Station(
        place=Place.IMPORT,
        name=lineage.source,
        time=manifest.created,
        by=manifest.creator,
        facts=_there(kind=lineage.source_kind, sha256=lineage.source_hash),
    )


def _there(**facts: Any) -> dict[str, Any]:
    """Return the facts that there are."""
    return {name: value for name, value in facts.items() if value not in (None, "") and value is not False}
