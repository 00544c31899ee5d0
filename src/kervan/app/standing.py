"""How releases stand: what runs where with which share, and how what is under way goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.engaged import carry_all_on
from kervan.app.environments import SCOPE, current_deployment, environment_folder, releases, state_of
from kervan.app.permission import under_way
from kervan.app.progress import Progress, read_progress
from kervan.core.nouns import Deployment
from kervan.core.releasing import Release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A deployment that answers or did, by which release it came, and how that goes.

    `state` is how its server is where the environment points to it, "" for what is past.
    """

    deployment: Deployment
    state: str
    release: Release | None
    progress: Progress | None

    @property
    def verdict(self) -> str:
        """What was found so far, or in the end, in a few words."""
        if self.release is None or (self.release.strategy == "at-once" and not self.release.reason):
            return ""
        if self.release.status.is_over:
            who = f" by {self.release.by_whom}" if self.release.by_whom else ""
            return f"{self.release.status}{who}: {self.release.reason}".rstrip(": ")
        judged = self.progress.judgement if self.progress else None
        return f"{self.release.status}, {judged.decision}: {judged.reason}" if judged else "under way"


def standings(project: Project) -> list[Standing]:
    """Return all deployments that came to answer, in all environments, newest first.

    A release whose process was killed is carried on.
    """
    carry_all_on(project)
    known = {change.name for change in project.store.catalog.alias_history(SCOPE)}
    # In this order: what moves meanwhile is shown as it was, and not half as it is.
    going = {name: release for name in known if (release := under_way(project, name)) is not None}
    current = {name: current_deployment(project, name) for name in known}
    found = releases(project)
    states = {name: state_of(project, name) for name in current}
    return [
        _standing(project, each, states[each.name] if _is_same(current.get(each.name), each) else "", going)
        for each in found
    ]


def _is_same(current: Deployment | None, each: Deployment) -> bool:
    return current is not None and current.id == each.id


def _standing(project: Project, deployment: Deployment, state: str, going: Mapping[str, Release]) -> Standing:
    release, progress = None, None
    begun = going.get(deployment.name)
    if begun is not None and (state or begun.id == deployment.release):
        release = begun  # also one that has not moved anything yet
    elif deployment.release:
        release = project.store.catalog.get(Release, deployment.release)
    if release is not None and state and not release.status.is_over:
        progress = read_progress(environment_folder(project, deployment.name), release.id)
    return Standing(deployment=deployment, state=state, release=release, progress=progress)
