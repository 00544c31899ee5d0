"""The whole way, as `kervan.toml` describes it: only what changed runs again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.accept import accept_candidate
from kervan.app.ingest import ingest_data
from kervan.app.register import register
from kervan.app.release import release
from kervan.app.settings import check_settings
from kervan.app.train import Trained, require_goal, train

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Dataset, Deployment, Model, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a life so far has led to; `deployment` is None where no release was asked for."""

    dataset: Dataset
    trained: Trained
    acceptance: Report
    model: Model
    deployment: Deployment | None


def run_project(project: Project, *, why: str = "", until: float = float("inf")) -> Outcome:
    """Live a model's life up to its release. `why` goes on record with acceptance and release.

    Candidates are looked for `until` then at most, in the seconds of `time.monotonic`.
    """
    check_settings(project.config)
    dataset = ingest_data(project)
    trained = train(project, dataset, until=until)
    acceptance, model = admit(project, trained, why=why)
    wanted = project.config.release.to
    deployment = release(project, model.ref, to=wanted, why=why) if wanted else None
    return Outcome(
        dataset=dataset, trained=trained, acceptance=acceptance, model=model, deployment=deployment
    )


def admit(project: Project, trained: Trained, *, why: str = "") -> tuple[Report, Model]:
    """Judge a candidate on validation and on the sealed test part, and register it if it passes both."""
    require_goal(trained)
    acceptance = accept_candidate(project, trained, why=why)
    return acceptance, register(project, trained, acceptance)
