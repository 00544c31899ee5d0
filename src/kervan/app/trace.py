"""From one prediction back to everything behind it: model, package, run, code, rows, acceptance, approver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.feedback import feedback_about, newest
from kervan.app.records import find_record
from kervan.app.register import acceptance_of, manifest_of
from kervan.app.segments import check_record
from kervan.core.nouns import Dataset, Deployment, Model, Prediction, Report, Run
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

    Of a model that was trained elsewhere nothing but the manifest's lineage is known.
    """

    asked: Asked
    prediction: Prediction
    deployment: Deployment
    model: Model
    manifest: Manifest
    run: Run | None
    dataset: Dataset | None
    acceptance: Report | None


def trace(project: Project, ident: str) -> Trace:
    """Return everything behind a prediction; `ident` is the id that came with the answer.

    Raises `Corrupted` where the record, or one before it, is not as it was written.
    """
    environment, prediction = find_record(project, ident)
    check_record(project, environment, prediction.id)
    catalog = project.store.catalog
    deployment = catalog.get(Deployment, prediction.deployment)
    name, _, version = prediction.model.partition("@")
    model = next(found for found in catalog.all(Model, name=name) if found.version == version)
    return Trace(
        asked=_row(
            prediction, ident, model.signature, feedback_about(project, environment, prediction, ident)
        ),
        prediction=prediction,
        deployment=deployment,
        model=model,
        manifest=manifest_of(project, model),
        run=None if model.is_imported else catalog.get(Run, model.run),
        dataset=None if model.is_imported else catalog.get(Dataset, model.dataset),
        acceptance=acceptance_of(project, model),
    )


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
