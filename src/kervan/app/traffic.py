"""Moves an environment's traffic: on record before anybody is answered, and pointed to once it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kervan.app.environments import SCOPE, STARTED, current_deployment, is_running, place_folder
from kervan.app.realise import realise
from kervan.app.register import find_model
from kervan.core.identity import new_id
from kervan.core.nouns import Deployment, Link
from kervan.core.plugins import plugin
from kervan.core.serving import Plan, ShareRole
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.ports import Target
    from kervan.core.releasing import Release
    from kervan.deploy.strategies import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is to answer in an environment, with which shares, and why; `release` is the id of a release."""

    environment: str
    shares: Mapping[str, float]
    roles: Mapping[str, ShareRole] = field(default_factory=dict)
    plan: Plan
    release: str = ""
    why: str = ""

    def flows(self, deployment: Deployment | None) -> bool:
        """Say whether a deployment is just that."""
        return deployment is not None and (
            (deployment.shares, deployment.roles, deployment.plan) == (self.shares, self.roles, self.plan)
        )


def staged(release: Release, stage: Stage) -> Traffic:
    """Return the traffic of a stage of a release."""
    return Traffic(
        environment=release.name,
        shares={release.before: 1 - stage.share, release.model: stage.share},
        roles={release.model: stage.role},
        plan=release.plan,
        release=release.id,
        why=release.why,
    )


def whole(release: Release, ref: str, *, standby: str = "", why: str = "") -> Traffic:
    """Return traffic of which one version gets all, while another may stand by."""
    return Traffic(
        environment=release.name,
        shares={ref: 1.0} | ({standby: 0.0} if standby else {}),
        roles={standby: ShareRole.STANDBY} if standby else {},
        plan=release.plan,
        release=release.id,
        why=why or release.why,
    )


def move(project: Project, traffic: Traffic, then: Release | None = None) -> Deployment:
    """Let traffic flow, and the environment point to it; a release is then in the state that is given.

    Callers notice nothing of it. What flowed before goes on if this raises.
    """
    before = current_deployment(project, traffic.environment)
    prepared = _prepare(project, traffic)
    with project.stage("release") as tell:
        deployment = replace(prepared, endpoint=realise(project, prepared))
        tell(f"{deployment.told()} in {deployment.name} at {deployment.endpoint}")
    with project.store.catalog.transaction() as transaction:
        transaction.update(deployment, action="released", why=traffic.why)
        transaction.point(SCOPE, deployment.name, deployment.id, why=traffic.why)
        if then is not None:
            transaction.update(then, action=str(then.status), why=then.reason or then.why)
    if before is not None and before.plan.target != deployment.plan.target:
        left: Target = plugin("target", before.plan.target)
        left.remove(place_folder(project, before))
    return deployment


def bring_back(project: Project, current: Deployment, why: str) -> Deployment:
    """Let what an environment points to answer; that it did not before goes on record."""
    was_gone = not is_running(project, current)
    with project.stage("release") as tell:
        endpoint = realise(project, current)
        tell(f"{current.told()} in {current.name} at {endpoint}")
    if was_gone:
        body = {"deployment": current.id}
        with project.store.catalog.transaction() as transaction:
            transaction.event(Entry(action=STARTED, subject=current.name, why=why, body=body))
    return _moved(project, current, endpoint, why)


def flows(project: Project, traffic: Traffic) -> Deployment | None:
    """Return the deployment that an environment points to if its traffic is the one that is meant."""
    current = current_deployment(project, traffic.environment)
    return current if traffic.flows(current) else None


def _prepare(project: Project, traffic: Traffic) -> Deployment:
    """Put a deployment on record before it answers, so that no prediction leads to an unknown one."""
    models = [find_model(project, ref) for ref in traffic.shares]
    deployment = Deployment(
        id=new_id(),
        name=traffic.environment,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=tuple(
            link
            for model in models
            for link in (Link(parent=model.id, role="model"), Link(parent=model.package, role="package"))
        ),
        shares=traffic.shares,
        roles=traffic.roles,
        plan=traffic.plan,
        release=traffic.release,
        endpoint="",
        why=traffic.why,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(deployment, action="prepared", why=traffic.why)
    return deployment


def _moved(project: Project, known: Deployment, endpoint: str, why: str) -> Deployment:
    """Note where a deployment answers now; who released it, when and why stays as it was."""
    if known.endpoint == endpoint:
        return known
    moved = replace(known, endpoint=endpoint)
    with project.store.catalog.transaction() as transaction:
        transaction.update(moved, action="moved", why=why)
    return moved
