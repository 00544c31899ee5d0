"""What a place needs besides rendered files: the image of each version in a registry, or its ZIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.image import ensure
from kervan.core.errors import Refused
from kervan.core.places import Artefact
from kervan.core.plugins import plugin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Target
    from kervan.core.serving import Plan


def supply(project: Project, models: Sequence[Model], plan: Plan, folder: Path) -> None:
    """Make what the target of a plan needs of each model, unless it is there."""
    target: Target = plugin("target", plan.target)
    if target.about.artefact is Artefact.NONE:
        return
    if target.about.artefact is Artefact.ZIP:
        raise Refused(f"{plan.target} needs a ZIP, and none can be made yet")
    for model in models:
        ensure(project, model, plan.image, pushed=plan.target != "local-container")
