"""From one prediction back to everything behind it: model, package, run, code, rows, acceptance, approver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.entity import Others, others_about
from kervan.app.feedback import feedback_about, newest
from kervan.app.records import find_record
from kervan.app.register import acceptance_of, find_model, manifest_of
from kervan.app.segments import check_record
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Deployment, Event, Model, Prediction, Report, Run
from kervan.core.releasing import Release
from kervan.serve.flags import Flags, flags_of

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.feedback import Feedback
    from kervan.core.schema import Signature
    from kervan.package.contents.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The one row that is traced: about whom, what was asked and answered, and what came back since.

    `label` and `reward` are the newest of `feedback`, which has all, oldest first.
    """

    id: str
    entity: Any
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    flags: Flags
    label: Any
    reward: float | None
    feedback: tuple[Feedback, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One prediction with its whole origin; `prediction` is the record of the request that it came in.

    Of a model that was trained elsewhere nothing but the manifest's lineage is known. `release` is the one of
    which the deployment was a stage, if any. A model that was deleted since is what is kept of it, and has no
    manifest; `deleted` says by whom and why. `made_of` are the datasets whose rows those of `dataset` were,
    the nearest first. `others` are further predictions about the same entity.
    """

    asked: Asked
    prediction: Prediction
    deployment: Deployment
    release: Release | None
    model: Model
    deleted: Event | None
    manifest: Manifest | None
    run: Run | None
    dataset: Dataset | None
    made_of: tuple[Dataset, ...]
    acceptance: Report | None
    others: Others


def trace(project: Project, ident: str) -> Trace:
    """Return everything behind a prediction; `ident` is the id that came with the answer.

    Raises `Corrupted` where the record, or one before it, is not as it was written.
    """
    environment, prediction = find_record(project, ident)
    check_record(project, environment, prediction.id)
    catalog = project.store.catalog
    deployment = catalog.get(Deployment, prediction.deployment)
    gone = catalog.deleted(Model, Ref.parse(prediction.model))
    model, event = gone or (find_model(project, prediction.model), None)
    dataset = _dataset_of(project, model)
    asked = _row(prediction, ident, model.signature, feedback_about(project, environment, prediction, ident))
    return Trace(
        asked=asked,
        prediction=prediction,
        deployment=deployment,
        release=catalog.get(Release, deployment.release) if deployment.release else None,
        model=model,
        deleted=event,
        manifest=None if event else manifest_of(project, model),
        run=None if model.is_imported else catalog.get(Run, model.run),
        dataset=dataset,
        made_of=() if dataset is None else made_of(project, dataset),
        acceptance=acceptance_of(project, model),
        others=others_about(project, environment, asked.entity, but=ident),
    )


def _dataset_of(project: Project, model: Model) -> Dataset | None:
    """Return what a model learned from, also if it was deleted since."""
    if model.is_imported:
        return None
    return project.store.catalog.get(Dataset, model.dataset, deleted=True)


def made_of(project: Project, dataset: Dataset) -> tuple[Dataset, ...]:
    """Return the datasets whose rows a dataset was made of, and those that these were, the nearest first."""
    found: dict[str, Dataset] = {}
    waiting = [dataset]
    while waiting:
        each = waiting.pop(0)
        came = (origin.retrieval.record for origin in (each.origin, *each.joined))
        for record in (each for each in came if each and each not in found):
            found[record] = project.store.catalog.get(Dataset, record, deleted=True)
            waiting.append(found[record])
    return tuple(found.values())


def _row(prediction: Prediction, ident: str, signature: Signature, feedback: tuple[Feedback, ...]) -> Asked:
    """Return one row of a request."""
    row = int(ident.partition(".")[2] or 0)
    label, reward = newest(feedback)
    return Asked(
        id=ident,
        entity=prediction.about(row),
        inputs=prediction.asked(row),
        outputs=prediction.answered(row),
        flags=flags_of(prediction, row, signature),
        label=label,
        reward=reward,
        feedback=feedback,
    )
