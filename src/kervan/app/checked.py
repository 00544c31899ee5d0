"""What a place would refuse, found in the rendered files before anything is sent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.image import is_pulled
from kervan.core.errors import Refused
from kervan.core.nouns import Finding, Verdict
from kervan.core.places import Artefact
from kervan.core.plugins import plugin
from kervan.core.ports import Checking
from kervan.deploy.rendered import write_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePath

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Target
    from kervan.core.serving import Plan


def checked(
    project: Project, models: Sequence[Model], files: Mapping[PurePath, str], plan: Plan
) -> list[Finding]:
    """Return what the target of a plan would say of rendered files, and what is known of the models."""
    target: Target = plugin("target", plan.target)
    found = [*_registry(target, plan), *(each for model in models for each in _memory(project, model, plan))]
    if isinstance(target, Checking):
        with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
            write_files(Path(scratch), files)
            found += target.check(Path(scratch), plan)
    return found


def refuse(project: Project, findings: Sequence[Finding]) -> None:
    """Tell what a place might not like, and raise `Refused` for what it would refuse."""
    wrong = [each for each in findings if each.verdict is Verdict.FAILED]
    if wrong:
        raise Refused("; ".join(each.message for each in wrong), hint=wrong[0].hint)
    project.remark_all("check", findings, where="`kervan render` shows them all")


def _memory(project: Project, model: Model, plan: Plan) -> Sequence[Finding]:
    """Hold the memory of a replica against what the model's profile saw."""
    from kervan.app.profile import newest_profile  # brings what measures

    found = newest_profile(project, model) if plan.memory else None
    if found is None or not found.memory or plan.memory >= (needed := found.memory / found.replicas):
        return ()
    message = f"{model.ref} took {needed / 2**20:,.0f} MiB when it was profiled, and a replica may take "
    return (
        Finding(
            rule="memory",
            subject="[release] memory",
            verdict=Verdict.FAILED,
            message=f"{message}{plan.memory / 2**20:,.0f} MiB",
            hint=f"give at least {needed * 1.25 / 2**20:,.0f} MiB, or profile it again",
        ),
    )


def _registry(target: Target, plan: Plan) -> Sequence[Finding]:
    about = target.about
    if about.artefact is not Artefact.IMAGE or plan.image.registry or not is_pulled(plan):
        return ()
    return (
        Finding(
            rule="registry",
            subject="[image] registry",
            verdict=Verdict.FAILED if about.applies else Verdict.WARNED,
            message=f"{plan.target} pulls its image from a registry, and none is named",
            hint='write in kervan.toml: [image] registry = "registry.example.com/team"',
        ),
    )
