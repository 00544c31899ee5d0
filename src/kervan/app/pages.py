"""Reports as pages that need nothing else, in the workspace's `reports` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kervan.app.data import describe_dataset
from kervan.data.page import profile_page
from kervan.model.evaluate import Acceptance
from kervan.model.page import evaluation_page
from kervan.monitor.page import drift_page

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.app.run import Outcome
    from kervan.monitor.drift import DriftReport


def write_outcome(project: Project, outcome: Outcome) -> tuple[Path, ...]:
    """Write the pages about a life so far: the data's profile, and the model's evaluation."""
    dataset, model = outcome.dataset, outcome.model
    acceptance = msgspec.convert(msgspec.to_builtins(outcome.acceptance.body), Acceptance)
    trained = outcome.trained
    figures = profile_page(describe_dataset(project, dataset.ref).profile, title=dataset.ref)
    answers = evaluation_page(model.ref, trained.evaluation, acceptance, trained.scores)
    return (
        _write(project, f"data-{dataset.name}-{dataset.version}", figures),
        _write(project, f"model-{model.name}-{model.version}", answers),
    )


def write_drift(project: Project, environment: str, report: DriftReport) -> Path:
    """Write the page about an environment's drift."""
    return _write(project, f"drift-{environment}", drift_page(report, title=f"Drift in {environment}"))


def _write(project: Project, name: str, page: str) -> Path:
    path = project.store.root / "reports" / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path
