"""What answered where at a time: for every environment which models, with which share, by whom, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.environments import SCOPE, STARTED, STOPPED
from kervan.core.nouns import Deployment, Model
from kervan.core.serving import ShareRole
from kervan.store.codec import DELETED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """A model that an environment had: its role and share of the traffic, since when, set by whom, and why.

    `rule` says which rows are a candidate's, where no share decides. `stopped` says that somebody had taken
    the environment's server away by then.
    """

    environment: str
    model: str
    role: ShareRole
    share: float
    rule: str
    since: float
    by: str
    why: str
    deployment: str
    release: str
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version that was there: since when, registered by whom, and when it was deleted, if it is since."""

    model: str
    since: float
    by: str
    deleted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What environments pointed to at a time, in seconds since 1970, and the versions registered by then."""

    at: float
    environments: tuple[Answering, ...]
    models: tuple[Registered, ...]


def registry(project: Project, *, at: float | None = None) -> Registry:
    """Return what answered in every environment at a time, by default now, and the models then."""
    when = time.time() if at is None else at
    return Registry(at=when, environments=answering(project, when), models=tuple(_registered(project, when)))


def answering(project: Project, at: float) -> tuple[Answering, ...]:
    """Return what answered in every environment at a time, by the environments' names."""
    names = sorted({change.name for change in project.store.catalog.alias_history(SCOPE)})
    return tuple(each for name in names for each in _answering(project, name, at))


def _answering(project: Project, name: str, at: float) -> Iterator[Answering]:
    change = project.store.catalog.alias(SCOPE, name, at=at)
    if change is None:
        return
    deployment = project.store.catalog.get(Deployment, change.target)
    stopped = _was_stopped(project, name, change.time, at)
    for ref, share in sorted(deployment.shares.items(), key=lambda pair: -pair[1]):
        yield Answering(
            environment=name,
            model=ref,
            role=deployment.role(ref),
            share=share,
            rule="" if deployment.rule is None else deployment.rule.told(),
            since=change.time,
            by=change.actor,
            why=change.why,
            deployment=deployment.id,
            release=deployment.release,
            stopped=stopped,
        )


def _was_stopped(project: Project, name: str, since: float, at: float) -> bool:
    """Say whether somebody took the server away between two times, and nobody brought it back."""
    events = project.store.catalog.events(subject=name)
    actions = [each.action for each in events if since <= each.time <= at]
    return next((each == STOPPED for each in reversed(actions) if each in {STARTED, STOPPED}), False)


def _registered(project: Project, at: float) -> Iterator[Registered]:
    """Yield the versions that were registered and not deleted at a time, newest first."""
    catalog = project.store.catalog
    gone = {each.subject: each.time for each in catalog.events(action=f"{DELETED} model")}
    for model in catalog.all(Model, deleted=True):
        deleted = gone.get(model.id)
        if model.time <= at and (deleted is None or deleted > at):
            yield Registered(model=model.ref, since=model.time, by=model.creator, deleted=deleted)
