"""The best model of a table within a time, in one call."""

from __future__ import annotations

from pathlib import Path

from kervan.api.progress import observer
from kervan.api.views import ModelView
from kervan.core.plugins import extras_named


def auto(
    source: str | Path,
    *,
    target: str = "",
    budget: str = "5m",
    metric: str = "",
    into: str | Path = ".",
    progress: bool | None = None,
) -> ModelView:
    """Find, accept and register the best model of a table that a budget allows, in a new project.

    Without `target` it is the column that is named like one, else the last. `metric` is what good means, by
    default `roc_auc` or `rmse`. The `kervan.toml` that is left in the folder `into` repeats the model. Asked
    again in that folder, the search goes on, and the model is a new version only if that is better. Raises
    `Conflict` for a folder that holds another project.
    """
    with extras_named():
        from kervan.app import auto as found
        from kervan.app.project import open_project
        from kervan.app.register import acceptance_of
    outcome = found.auto(
        str(source), Path(into), target=target, budget=budget, metric=metric, observe=observer(progress)
    ).outcome
    project = open_project(Path(into))
    return ModelView(outcome.model, acceptance_of(project, outcome.model), project)
