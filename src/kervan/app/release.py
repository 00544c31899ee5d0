"""Releases: which model answers in an environment, since when, by whom, and why."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.adopt import model_of
from kervan.app.register import package_folder, signing_key
from kervan.core.errors import NotFound, did_you_mean
from kervan.core.identity import Ref, check_name, new_id
from kervan.core.nouns import Deployment, Link, Model, Plan, Serving
from kervan.core.plugins import plugin
from kervan.store.database import storage_errors
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.ports import Target

SCOPE = "environment"
PRODUCTION = "production"


def release(project: Project, ref: str, *, to: str = "", why: str = "") -> Deployment:
    """Let a model answer in an environment; callers notice nothing of the change.

    `ref` may also name a package file or folder that this project made, such as one that it imported.
    The environment points to the new deployment only once it answers. If it does not come up, what
    answered before goes on, and `ServerFailed` says why.
    """
    settings = project.config.release
    environment = check_name(to or settings.to or PRODUCTION, "an environment")
    model = model_of(project, ref, why=why)
    plan = Plan(host=settings.host, port=settings.port)
    with _one_at_a_time(project, environment):
        current = current_deployment(project, environment)
        if current and current.shares == {model.ref: 1.0} and current.plan == plan:
            with project.stage("release") as tell:
                endpoint = _realise(project, model, current)
                tell(f"{model.ref} answers in {environment} at {endpoint}")
            return _moved(project, current, endpoint, why)
        return _replace(project, model, _prepare(project, model, plan, environment=environment, why=why))


def _prepare(project: Project, model: Model, plan: Plan, *, environment: str, why: str) -> Deployment:
    """Put a deployment on record before it answers, so that no prediction leads to an unknown one."""
    deployment = Deployment(
        id=new_id(),
        name=environment,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=model.id, role="model"), Link(parent=model.package, role="package")),
        shares={model.ref: 1.0},
        plan=plan,
        endpoint="",
        why=why,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(deployment, action="prepared", why=why)
    return deployment


def _replace(project: Project, model: Model, prepared: Deployment) -> Deployment:
    """Let a prepared deployment answer, and then let the environment point to it."""
    with project.stage("release") as tell:
        deployment = replace(prepared, endpoint=_realise(project, model, prepared))
        tell(f"{model.ref} answers in {deployment.name} at {deployment.endpoint}")
    with project.store.catalog.transaction() as transaction:
        transaction.update(deployment, action="released", why=deployment.why)
        transaction.point(SCOPE, deployment.name, deployment.id, why=deployment.why)
    return deployment


def _moved(project: Project, known: Deployment, endpoint: str, why: str) -> Deployment:
    """Note where a deployment answers now; who released it, when and why stays as it was."""
    if known.endpoint == endpoint:
        return known
    moved = replace(known, endpoint=endpoint)
    with project.store.catalog.transaction() as transaction:
        transaction.update(moved, action="moved", why=why)
    return moved


def stop(project: Project, environment: str) -> Deployment:
    """Take an environment's server away; its history stays, and the next release brings it back."""
    find_deployment(project, environment)
    with _one_at_a_time(project, environment):
        deployment = find_deployment(project, environment)
        target: Target = plugin("target", deployment.plan.target)
        target.remove(_folder(project, environment))
        with project.store.catalog.transaction() as transaction:
            body = {"deployment": deployment.id}
            transaction.event(Entry(action=f"stopped {SCOPE}", subject=environment, body=body))
    return deployment


def releases(project: Project) -> list[Deployment]:
    """Return all deployments that came to answer, in all environments, newest first."""
    return [each for each in project.store.catalog.all(Deployment) if each.endpoint]


def current_deployment(project: Project, environment: str, *, at: float | None = None) -> Deployment | None:
    """Return what an environment points to now, or pointed to at a time in the past."""
    change = project.store.catalog.alias(SCOPE, environment, at=at)
    return None if change is None else project.store.catalog.get(Deployment, change.target)


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


def records_folder(project: Project, environment: str) -> Path:
    """Return the folder of an environment's prediction records."""
    return project.store.root / "predictions" / environment


def _realise(project: Project, model: Model, deployment: Deployment) -> str:
    """Render the target's files, apply them, and return the endpoint's URL."""
    environment, plan = deployment.name, deployment.plan
    serving = Serving(
        environment=environment,
        deployment=deployment.id,
        package=str(package_folder(project, model)),
        records=str(records_folder(project, environment)),
        host=plan.host,
        port=plan.port,
        trusted=(signing_key(project).signer.key_id,),
    )
    target: Target = plugin("target", plan.target)
    folder = _folder(project, environment)
    with storage_errors(str(folder)):
        for path, text in target.render(serving).items():
            (folder / path).write_text(text, encoding="utf-8")
    return target.apply(folder)


@contextmanager
def _one_at_a_time(project: Project, environment: str) -> Iterator[None]:
    """Wait until no other process changes the environment: what is rendered, runs and is on record agrees."""
    folder = _folder(project, environment)
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "environment.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _folder(project: Project, environment: str) -> Path:
    return project.store.root / "environments" / environment
