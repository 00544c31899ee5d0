"""What runs in an environment, looked at from inside: what it writes, and a shell beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.environments import find_deployment, place_folder
from kervan.core.errors import Refused
from kervan.core.plugins import plugin
from kervan.core.ports import Reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project
    from kervan.core.nouns import Deployment


def logs(project: Project, environment: str, *, lines: int) -> Sequence[str]:
    """Return the newest lines that what answers in an environment has written, oldest first."""
    deployment = find_deployment(project, environment)
    return _reporting(deployment).logs(place_folder(project, deployment), lines)


def shell(project: Project, environment: str) -> Sequence[str]:
    """Return the command that opens a shell where an environment answers, or raise `Refused`."""
    deployment = find_deployment(project, environment)
    return _reporting(deployment).shell(place_folder(project, deployment))


def _reporting(deployment: Deployment) -> Reporting:
    target = plugin("target", deployment.plan.target)
    if not isinstance(target, Reporting):
        raise Refused(
            f"{deployment.plan.target} tells nothing of what runs there",
            hint="its own console or command line may",
        )
    return target
