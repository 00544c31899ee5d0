"""What a place needs besides rendered files: the image of each version in a registry, or its ZIP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.image import ensure, is_pulled, order_of
from kervan.core.places import Artefact
from kervan.core.plugins import plugin
from kervan.deploy.bundle import Bundled, write_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Target
    from kervan.core.serving import Plan


def supply(project: Project, models: Sequence[Model], plan: Plan, folder: Path) -> None:
    """Make what the target of a plan needs of each model, unless it is there."""
    target: Target = plugin("target", plan.target)
    if target.about.artefact is Artefact.IMAGE:
        for model in models:
            ensure(project, model, plan.image, pushed=is_pulled(plan))
    elif isinstance(target, Bundled):
        for model in models:
            _write_zip(project, model, target, plan, folder)


def _write_zip(project: Project, model: Model, target: Bundled, plan: Plan, folder: Path) -> None:
    keys = {"access.json": Path(plan.keys).read_bytes()} if plan.keys else {}
    with project.stage("bundle") as tell:
        file = folder / f"{model.version}.zip"
        made = write_bundle(order_of(project, model, plan.image), target.runtime, file, keys)
        tell(f"{file.name}: {made.packed / 2**20:.1f} MiB, {made.unpacked / 2**20:.1f} MiB unpacked")
