"""What people say to a release under way, or after it: hold, go on, all of it, back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app import endings
from kervan.app.engaged import carry_on, engaged
from kervan.app.environments import changing, find_deployment
from kervan.app.permission import releases_of, under_way
from kervan.core.errors import NotFound
from kervan.core.releasing import Release, Status

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Deployment


def pause(project: Project, environment: str, *, why: str = "") -> Release:
    """Let a release stay where it is; it is still rolled back if it has to be."""
    return _say(project, environment, Status.PAUSED, why)


def resume(project: Project, environment: str, *, why: str = "") -> Release:
    """Let a release go on."""
    return _say(project, environment, Status.RUNNING, why)


def promote(project: Project, environment: str, *, why: str = "") -> Deployment:
    """Let the version that comes have all requests at once, whatever is proven."""
    find_deployment(project, environment)
    with changing(project, environment), engaged(project, environment):
        return endings.promote(
            project, _going(project, environment), by=_who(project), reason=why or "asked for"
        )


def roll_back(project: Project, environment: str, *, why: str = "") -> Deployment:
    """Let the version before have all requests again: of a release under way, or of the last one.

    Raises `NotFound` where nothing was there before.
    """
    find_deployment(project, environment)
    with changing(project, environment), engaged(project, environment):
        last = under_way(project, environment) or _last(project, environment)
        _check_way_back(last)
        return endings.roll_back(project, last, by=_who(project), reason=why or "asked for")


def _say(project: Project, environment: str, status: Status, why: str) -> Release:
    find_deployment(project, environment)
    with changing(project, environment):
        going = _going(project, environment)
        said = replace(going, status=status)
        if said != going:
            with project.store.catalog.transaction() as transaction:
                transaction.update(said, action="paused" if status is Status.PAUSED else "resumed", why=why)
        carry_on(project, environment)
    return said


def _going(project: Project, environment: str) -> Release:
    going = under_way(project, environment)
    if going is None:
        raise NotFound(f"no release to {environment} is under way", hint="kervan releases shows what runs")
    return going


def _last(project: Project, environment: str) -> Release:
    """Return the release by which what answers now came, and before which something else was there.

    Later ones of the same version, which changed a setting, are no way back.
    """
    current = find_deployment(project, environment)
    known = (each for each in releases_of(project, environment) if each.model == current.main)
    others = (each for each in known if each.before not in {"", each.model})
    came = next((each for each in others if each.status is Status.PROMOTED), None)
    if came is None:
        raise _no_way_back(environment, current.main)
    return came


def _check_way_back(release: Release) -> None:
    """Raise `NotFound` for the first release to an environment, which may be under way still."""
    if not release.before:
        raise _no_way_back(release.name, release.model)


def _no_way_back(environment: str, ref: str) -> NotFound:
    return NotFound(f"nothing was in {environment} before {ref}", hint="release another model by its name")


def _who(project: Project) -> str:
    return project.store.workspace.actor
