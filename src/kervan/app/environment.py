"""One environment for those who watch it: who answers, how a release goes, what can be said to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.app.environments import find_deployment
from kervan.app.permission import approvers
from kervan.app.register import find_model
from kervan.app.standing import Standing, standings
from kervan.core.errors import NotFound
from kervan.core.nouns import Report
from kervan.core.releasing import Status
from kervan.core.serving import ShareRole
from kervan.monitor.judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.core.nouns import Deployment
    from kervan.core.observed import Observed

_MOST = 4  # metrics of which the evidence is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One version in an environment: its role and share, and what was seen of it in the stage that goes on.

    `p50` and `p99` are seconds; all that was seen is None where nobody looked.
    """

    model: str
    role: ShareRole
    share: float
    requests: int | None = None
    failed: int | None = None
    refused: int | None = None
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """How an environment stands: `current` is what it points to, `past` what was before, newest first.

    `can` names what can be said to it now: `promote`, `pause`, `resume`, `roll-back`, `stop`, `start`.
    `judgement` is of the release that goes on, or of the last one that was judged; `judged` names the model.
    `evidence` says of the metrics that had most against the candidate how that grew.
    """

    name: str
    current: Standing
    sides: tuple[Side, ...]
    can: tuple[str, ...]
    approvers: tuple[str, ...]
    judged: str
    judgement: Judgement | None
    evidence: Mapping[str, tuple[float, ...]]
    past: tuple[Standing, ...]


def environments(project: Project) -> list[Environment]:
    """Return how all environments stand, by their names."""
    found = standings(project)
    names = sorted({each.deployment.name for each in found if each.state})
    return [_environment(project, name, found) for name in names]


def environment(project: Project, name: str) -> Environment:
    """Return how an environment stands, or raise `NotFound`."""
    found = standings(project)
    if not any(each.deployment.name == name and each.state for each in found):
        find_deployment(project, name)  # says which environments there are
        raise NotFound(f"nothing answers in {name!r} yet", hint="kervan releases shows what does")
    return _environment(project, name, found)


def _environment(project: Project, name: str, found: list[Standing]) -> Environment:
    mine = [each for each in found if each.deployment.name == name]
    current = next(each for each in mine if each.state)
    judged, judgement = _judged(project, mine)
    return Environment(
        name=name,
        current=current,
        sides=tuple(_sides(current)),
        can=tuple(_can(current, mine)),
        approvers=_approvers(project, current, name),
        judged=judged,
        judgement=judgement,
        evidence=_evidence(judgement) if judgement else {},
        past=tuple(each for each in mine if each is not current),
    )


def _sides(current: Standing) -> Iterator[Side]:
    deployment, progress = current.deployment, current.progress
    seen = {each.model: each for each in (progress.stable, progress.candidate)} if progress else {}
    for ref, share in deployment.shares.items():
        yield _side(deployment, ref, share, seen.get(ref))


def _side(deployment: Deployment, ref: str, share: float, seen: Observed | None) -> Side:
    role = deployment.role(ref)
    if seen is None:
        return Side(model=ref, role=role, share=share)
    return Side(
        model=ref,
        role=role,
        share=share,
        requests=seen.requests,
        failed=seen.failed,
        refused=seen.refused,
        p50=seen.quantile(0.5),
        p99=seen.quantile(0.99),
    )


def _can(current: Standing, mine: list[Standing]) -> Iterator[str]:
    release = current.release
    if release is not None and not release.status.is_over:
        yield "promote"
        yield "resume" if release.status is Status.PAUSED else "pause"
        if release.before:
            yield "roll-back"
        return
    if any(each.deployment.main != current.deployment.main for each in mine):
        yield "roll-back"
    yield "stop" if current.state == "running" else "start"


def _approvers(project: Project, current: Standing, name: str) -> tuple[str, ...]:
    """Return who agreed to what comes, or else to what answers."""
    wanted = current.deployment.candidate or current.deployment.main
    try:
        return approvers(project, find_model(project, wanted), name)
    except NotFound:  # deleted since
        return ()


def _judged(project: Project, mine: list[Standing]) -> tuple[str, Judgement | None]:
    """Return the model that is judged or was judged last, and the judgement."""
    for each in mine:
        if each.progress is not None and each.release is not None:
            return each.release.model, each.progress.judgement
        if each.release is not None and each.release.report:
            report = project.store.catalog.get(Report, each.release.report)
            return each.release.model, msgspec.convert(msgspec.to_builtins(report.body), Judgement)
    return "", None


def _evidence(judgement: Judgement) -> dict[str, tuple[float, ...]]:
    names = dict.fromkeys(name for moment in judgement.history for name in moment.evidence)
    grown = {name: tuple(each.evidence.get(name, 0.0) for each in judgement.history) for name in names}
    return dict(sorted(grown.items(), key=lambda pair: -max(pair[1]))[:_MOST])
