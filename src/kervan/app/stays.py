"""Where the versions of a model answered, and answer: one stay for each version, environment and role."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.environments import SCOPE, was_stopped
from kervan.core.identity import Ref
from kervan.core.nouns import Deployment
from kervan.core.serving import ShareRole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """How long an environment had a version in one role, and its last share there, 0 to 1.

    `until` is None while it does, `stopped` says that its server was taken away meanwhile. `by` and `why` are
    those of the deployment with which it came, `release` is that one's.
    """

    model: str
    environment: str
    role: ShareRole
    share: float
    since: float
    until: float | None
    stopped: bool
    by: str
    why: str
    deployment: str
    release: str

    @property
    def is_now(self) -> bool:
        """Whether the environment has the version now, with a server."""
        return self.until is None and not self.stopped


def stays(project: Project, name: str) -> tuple[Stay, ...]:
    """Return all stays of a model's versions, those that last first, then the newest."""
    changes = project.store.catalog.alias_history(SCOPE)
    known = {each.id: each for each in project.store.catalog.all(Deployment)}
    found: list[Stay] = []
    for environment in sorted({change.name for change in changes}):
        there = [change for change in reversed(changes) if change.name == environment]
        ends = [*(change.time for change in there[1:]), None]
        stopped = was_stopped(project, environment)
        open_stays: dict[tuple[str, ShareRole], Stay] = {}
        for change, until in zip(there, ends, strict=True):
            coming = _of(known[change.target], name, change.time, until, stopped=stopped and until is None)
            present = {(each.model, each.role): each for each in coming}
            found += [stay for key, stay in open_stays.items() if key not in present]
            open_stays = {key: _joined(open_stays.get(key), stay) for key, stay in present.items()}
        found += open_stays.values()
    return tuple(sorted(found, key=lambda each: (each.until is not None, -each.since)))


def _of(
    deployment: Deployment, name: str, since: float, until: float | None, *, stopped: bool
) -> Iterator[Stay]:
    for ref, share in deployment.shares.items():
        if Ref.parse(ref).name == name:
            yield Stay(
                model=ref,
                environment=deployment.name,
                role=deployment.role(ref),
                share=share,
                since=since,
                until=until,
                stopped=stopped,
                by=deployment.creator,
                why=deployment.why,
                deployment=deployment.id,
                release=deployment.release,
            )


def _joined(before: Stay | None, now: Stay) -> Stay:
    """Go on with a stay whose share alone changed."""
    if before is None:
        return now
    return replace(before, share=now.share, until=now.until, stopped=now.stopped)
