"""What production asks for, compared with what the model was trained on."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.data import report_of
from kervan.app.environments import find_deployment
from kervan.app.keeping import tidy
from kervan.app.records import predictions
from kervan.core.errors import NotFound
from kervan.core.identity import Ref, new_id
from kervan.core.nouns import Link, Model, Report, ReportKind
from kervan.data.profile import Profile
from kervan.data.validate import verdict_of
from kervan.monitor.drift import DriftReport, drift

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kervan.app.project import Project

_MOST_ROWS = 200_000


def check_drift(
    project: Project, *, environment: str = "production", since: float | None = None
) -> tuple[Report, DriftReport]:
    """Compare the inputs that were logged for the current model with its training profile.

    `since` is a time in seconds since 1970; without it everything that this model was asked counts, up to
    the newest 200,000 rows. The report is kept.
    """
    deployment = find_deployment(project, environment)
    name = deployment.main
    model = project.store.catalog.find(Model, Ref.parse(name))
    profile = training_profile(project, model)
    tidy(project, environment)
    withheld: set[str] = set()
    with project.stage("drift") as tell:
        rows = list(islice(_logged(project, environment, name, since, withheld), _MOST_ROWS))
        if not rows:
            raise NotFound(
                f"{name} was not asked for any prediction in {environment} yet whose inputs were kept",
                hint="ask it for some: kervan predict -f rows.csv",
            )
        if not model.signature.reading.is_plain:
            rows = [model.signature.reading.row(row) for row in rows]
        found = drift(profile, rows, project.config.watch, model.signature.inputs.without(*withheld))
        tell(f"{len(rows):,} rows against {name}'s training data")
    if unknown := sorted(withheld & set(model.signature.inputs.names)):
        project.remark("drift", f"not compared, for records do not hold them as sent: {', '.join(unknown)}")
    report = Report(
        id=new_id(),
        name=environment,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=deployment.id, role="about"), Link(parent=model.id, role="model")),
        kind=ReportKind.DRIFT,
        verdict=verdict_of(found.findings),
        findings=found.findings,
        body=found,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
    return report, found


def training_profile(project: Project, model: Model) -> Profile:
    """Return the profile of the data that a model was trained on."""
    if model.is_imported:
        raise NotFound(
            f"{model.ref} was trained elsewhere, and nothing is known of the data that it learned from",
            hint="train a model on its rows here: what that one is asked can be compared",
        )
    report = report_of(project, model.dataset, ReportKind.PROFILE)
    if report is None:
        raise NotFound(f"the profile of {model.ref}'s data is gone", hint="restore a backup")
    return msgspec.convert(report.body, Profile)


def _logged(
    project: Project, environment: str, model: str, since: float | None, withheld: set[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the inputs of a model, and note the columns that some of them do not have as they were sent."""
    for prediction in predictions(project, environment, since=since):
        if prediction.model == model and prediction.inputs:
            withheld.update(prediction.withheld)
            yield from prediction.inputs
