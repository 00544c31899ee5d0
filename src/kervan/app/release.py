"""Releases: which model answers in an environment, since when, by whom, and why."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.accept import open_suspicions
from kervan.app.adopt import model_of
from kervan.app.keeping import keeping_of, tidy
from kervan.app.register import cached_package, find_model, package_folder, signing_key
from kervan.app.segments import records_folder, seal_records
from kervan.core.access import check_doors
from kervan.core.errors import NotFound, Refused, did_you_mean
from kervan.core.identity import Ref, check_name, new_id
from kervan.core.nouns import Deployment, Link, Model, Package, Report
from kervan.core.plugins import plugin
from kervan.core.private import make_private, open_private, write_private
from kervan.core.serving import Plan, Serving
from kervan.core.workspace import doors_of
from kervan.store.database import storage_errors
from kervan.store.events import Entry
from kervan.store.transaction import POINTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import PurePath

    from kervan.app.project import Project
    from kervan.core.access import Doors
    from kervan.core.ports import Target

SCOPE = "environment"
STARTED, STOPPED = f"started {SCOPE}", f"stopped {SCOPE}"
PRODUCTION = "production"


def release(project: Project, ref: str, *, to: str = "", why: str = "") -> Deployment:
    """Let a model answer in an environment; callers notice nothing of the change.

    `ref` may also name a package file or folder that this project made, such as one that it imported.
    Without it, what the environment points to answers (again), or in a new environment the newest model.
    The environment points to the new deployment only once it answers. If it does not come up, what
    answered before goes on, and `ServerFailed` says why.
    """
    settings = project.config.release
    environment = check_name(to or settings.to or PRODUCTION, "an environment")
    is_open = bool(ref) or current_deployment(project, environment) is None
    named = model_of(project, ref, why=why) if is_open else None
    if named is not None and not why:
        _check_suspicions(project, named)
    plan = _plan(project)
    with _one_at_a_time(project, environment):
        current = current_deployment(project, environment)
        model = named or _returning(project, environment)
        if current and current.shares == {model.ref: 1.0} and current.plan == plan:
            done = _bring_back(project, model, current, why)
        else:
            prepared = _prepare(project, model, plan, environment=environment, why=why)
            done = _replace(project, model, prepared)
        tidy(project, environment)
    return done


def _plan(project: Project) -> Plan:
    """Return what the settings want, or raise `Refused` for an address that others could reach."""
    settings = project.config.release
    doors = doors_of(project.config)
    check_doors(settings.host, doors)
    _check_files(doors)
    return Plan(
        host=settings.host,
        port=settings.port,
        grpc_port=settings.grpc_port,
        workers=settings.workers,
        slow=settings.slow,
        keeping=keeping_of(project),
        **doors.closed,
    )


def _check_files(doors: Doors) -> None:
    """Raise `InvalidInput` for keys and certificates with which no server would start."""
    if doors.keys:
        from kervan.serve.access import read_grants  # brings the web server's libraries

        read_grants(Path(doors.keys))
    if doors.certificate:
        from kervan.serve.tls import Certificates

        Certificates(doors)


def _check_suspicions(project: Project, model: Model) -> None:
    """Raise `Refused` if a model was last accepted with columns that may give its target away."""
    acceptance = project.store.catalog.with_hash(Report, model.hash, name=model.name)
    found = open_suspicions(acceptance) if acceptance else ()
    if found:
        raise Refused(
            f"{model.ref} was accepted under suspicion: {'; '.join(each.message for each in found)}",
            hint=f'{found[0].hint}; or say why it may answer all the same: --why "…"',
        )


def _returning(project: Project, environment: str) -> Model:
    """Return the model that an environment points to, and tell of a newer one, which has to be named."""
    (ref,) = find_deployment(project, environment).shares
    model = find_model(project, ref)
    newest = project.store.catalog.newest(Model, model.name)
    if newest is not None and newest.ref != model.ref:
        project.remark("release", f"{newest.ref} is newer: `kervan release {newest.ref}` lets it answer")
    return model


def _bring_back(project: Project, model: Model, current: Deployment, why: str) -> Deployment:
    """Let what an environment points to answer; that it did not before goes on record."""
    was_gone = not is_running(project, current)
    with project.stage("release") as tell:
        endpoint = _realise(project, model, current)
        tell(f"{model.ref} answers in {current.name} at {endpoint}")
    if was_gone:
        body = {"deployment": current.id}
        with project.store.catalog.transaction() as transaction:
            transaction.event(Entry(action=STARTED, subject=current.name, why=why, body=body))
    return _moved(project, current, endpoint, why)


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
    """Take an environment's server away; its history stays, and a release without a model brings it back."""
    find_deployment(project, environment)
    with _one_at_a_time(project, environment):
        deployment = find_deployment(project, environment)
        target: Target = plugin("target", deployment.plan.target)
        target.remove(_folder(project, environment))
        seal_records(project, environment)
        with project.store.catalog.transaction() as transaction:
            body = {"deployment": deployment.id}
            transaction.event(Entry(action=STOPPED, subject=environment, body=body))
    return deployment


def is_running(project: Project, deployment: Deployment) -> bool:
    """Say whether the server of an environment that points to this deployment is there."""
    target: Target = plugin("target", deployment.plan.target)
    return target.runs(_folder(project, deployment.name))


def state_of(project: Project, environment: str) -> str:
    """Return how the server of an environment is: `running`, `stopped` by somebody, or `gone` by itself."""
    if is_running(project, find_deployment(project, environment)):
        return "running"
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


def _realise(project: Project, model: Model, deployment: Deployment) -> str:
    """Render the target's files, apply them, and return the endpoint's URL."""
    folder = _folder(project, deployment.name)
    rendered = _render(project, deployment, package_folder(project, model))
    with storage_errors(str(folder)):
        for path, text in rendered.items():
            write_private(folder / path, text.encode())
    target: Target = plugin("target", deployment.plan.target)
    return target.apply(folder, deployment.plan)


def altered_file(project: Project, deployment: Deployment) -> Path | None:
    """Return the first of an environment's files that is not as its release rendered it, None if all are."""
    package = project.store.catalog.get(Package, _role(deployment, "package"))
    folder = _folder(project, deployment.name)
    for path, text in _render(project, deployment, cached_package(project, package)).items():
        if not (folder / path).is_file() or (folder / path).read_bytes() != text.encode():
            return folder / path
    return None


def _role(deployment: Deployment, role: str) -> str:
    return next(link.parent for link in deployment.parents if link.role == role)


def _render(project: Project, deployment: Deployment, package: Path) -> Mapping[PurePath, str]:
    """Return the files that tell the target to let a package's folder answer."""
    serving = Serving(
        environment=deployment.name,
        deployment=deployment.id,
        package=str(package),
        records=str(records_folder(project, deployment.name)),
        host=deployment.plan.host,
        port=deployment.plan.port,
        grpc_port=deployment.plan.grpc_port,
        workers=deployment.plan.workers,
        slow=deployment.plan.slow,
        share=next(iter(deployment.shares.values())),
        keeping=deployment.plan.keeping,
        **deployment.plan.closed,
        trusted=(signing_key(project).signer.key_id,),
    )
    target: Target = plugin("target", deployment.plan.target)
    return target.render(serving, deployment.plan)


@contextmanager
def _one_at_a_time(project: Project, environment: str) -> Iterator[None]:
    """Wait until no other process changes the environment: what is rendered, runs and is on record agrees."""
    folder = _folder(project, environment)
    with storage_errors(str(folder)):
        make_private(folder)
        lock = os.fdopen(open_private(folder / "environment.lock", 0), "w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _folder(project: Project, environment: str) -> Path:
    return project.store.root / "environments" / environment
