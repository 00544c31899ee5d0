"""Environments: what each points to, how its server is, and what was released there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import MissingExtra, MissingTool, NotFound, Refused, ServerFailed, did_you_mean
from kervan.core.identity import Ref
from kervan.core.nouns import Deployment
from kervan.core.plugins import plugin
from kervan.store.lock import one_at_a_time
from kervan.store.transaction import POINTED

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.ports import Target

SCOPE = "environment"
STARTED, STOPPED = f"started {SCOPE}", f"stopped {SCOPE}"
PRODUCTION = "production"
LOCAL = "local"


def is_running(project: Project, deployment: Deployment) -> bool:
    """Say whether the server of an environment that points to this deployment is there."""
    target: Target = plugin("target", deployment.plan.target)
    return target.runs(place_folder(project, deployment))


def state_of(project: Project, environment: str) -> str:
    """Return how the server of an environment is: `running`, `stopped` by somebody, or `gone` by itself.

    It is `unknown` where its place cannot be asked: the other environments can be shown all the same.
    """
    try:
        if is_running(project, find_deployment(project, environment)):
            return "running"
    except (MissingExtra, MissingTool, ServerFailed, Refused):
        return "unknown"
    return "stopped" if was_stopped(project, environment) else "gone"


def was_stopped(project: Project, environment: str) -> bool:
    """Say whether somebody took the environment's server away, and nobody brought it back since."""
    told = {STOPPED: True, STARTED: False, f"{POINTED}{SCOPE}": False}
    events = project.store.catalog.events(subject=environment)
    return next(iter([told[each.action] for each in events if each.action in told][::-1]), False)


def releases(project: Project) -> list[Deployment]:
    """Return all deployments that came to answer, in all environments, newest first."""
    return [each for each in project.store.catalog.all(Deployment) if each.endpoint]


def current_deployment(project: Project, environment: str, *, at: float | None = None) -> Deployment | None:
    """Return what an environment points to now, or pointed to at a time in the past."""
    change = project.store.catalog.alias(SCOPE, environment, at=at)
    return None if change is None else project.store.catalog.get(Deployment, change.target)


def environment_names(project: Project) -> list[str]:
    """Return the names of all environments that something was released to."""
    return sorted({change.name for change in project.store.catalog.alias_history(SCOPE)})


def find_environment(project: Project, name: str) -> str:
    """Return the environment of this name, or the one in which a model of this name answers.

    `production` comes first where a model answers in several. Raises `NotFound` for any other name.
    """
    known = {change.name for change in project.store.catalog.alias_history(SCOPE)}
    if name in known:
        return name
    for environment in sorted(known, key=lambda each: (each != PRODUCTION, each)):
        if any(Ref.parse(ref).name == name for ref in find_deployment(project, environment).shares):
            return environment
    return find_deployment(project, name).name


def find_deployment(project: Project, environment: str) -> Deployment:
    """Return what an environment points to, or raise `NotFound`."""
    found = current_deployment(project, environment)
    if found is None:
        known = {change.name for change in project.store.catalog.alias_history(SCOPE)}
        hint = did_you_mean(environment, known) if known else "release a model first: kervan release"
        raise NotFound(f"nothing was released to {environment!r}", hint=hint)
    return found


def changing(project: Project, environment: str) -> AbstractContextManager[None]:
    """Wait until no other process changes the environment: what is rendered, runs and is on record agrees."""
    return one_at_a_time(environment_folder(project, environment) / "environment.lock")


def environment_folder(project: Project, environment: str) -> Path:
    """Return the folder of what an environment runs from."""
    return project.store.root / "environments" / environment


def place_folder(project: Project, deployment: Deployment) -> Path:
    """Return the folder of what a deployment's target was told; this machine's holds its servers as well."""
    folder = environment_folder(project, deployment.name)
    target = deployment.plan.target
    return folder if target == LOCAL else folder / "places" / target
