"""Whether a model may be released: what people decided about it, when, and what callers rely on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kervan.app.accept import open_suspicions
from kervan.app.environments import current_deployment
from kervan.app.register import find_model
from kervan.core.errors import Conflict, NotFound, Refused
from kervan.core.freeze import is_frozen
from kervan.core.identity import Bump, check_name
from kervan.core.nouns import Report
from kervan.core.releasing import Release, Status
from kervan.core.schema import Effect, difference, smallest_bump
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Event, Model

APPROVED = "approved release"


def approve(project: Project, ref: str, *, environment: str, why: str) -> Event:
    """Agree on record that a model may be released to an environment."""
    if not why.strip():
        raise Refused("an approval needs a reason", hint='--why "…"')
    model = find_model(project, ref)
    where = check_name(environment, "an environment")
    with project.store.catalog.transaction() as transaction:
        body = {"ref": model.ref, "environment": where}
        return transaction.event(Entry(action=APPROVED, subject=model.id, why=why, body=body))


def approvers(project: Project, model: Model, environment: str) -> tuple[str, ...]:
    """Return who agreed that a model may be released, each once; who made it does not count."""
    events = project.store.catalog.events(subject=model.id, action=APPROVED)
    agreed = [each.actor for each in events if each.body.get("environment") == environment]
    return tuple(dict.fromkeys(each for each in agreed if each != model.creator))


def releases_of(project: Project, environment: str) -> list[Release]:
    """Return all releases to an environment, newest first."""
    return project.store.catalog.all(Release, name=environment)


def under_way(project: Project, environment: str) -> Release | None:
    """Return the release that is not over yet, if there is one."""
    newest = project.store.catalog.all(Release, name=environment, limit=1)
    return next((each for each in newest if not each.status.is_over), None)


def check_free(project: Project, environment: str) -> None:
    """Raise `Conflict` while an environment is in the middle of a release."""
    going = under_way(project, environment)
    if going is not None:
        raise Conflict(
            f"{environment} is in the middle of a release: {going.model}, {going.strategy}, {going.status}",
            hint=f"kervan release promote {environment}, or kervan release roll-back {environment}",
        )


def check_permitted(
    project: Project, model: Model, environment: str, *, why: str, breaking: bool, again: bool
) -> None:
    """Raise `Refused` if a model may not be released to an environment now, with what to do about it."""
    _check_suspicions(project, model, why)
    _check_freeze(project, environment)
    _check_approvals(project, model, environment)
    _check_callers(project, model, environment, breaking=breaking)
    _check_failures(project, model, environment, is_meant=again and bool(why.strip()))


def _check_suspicions(project: Project, model: Model, why: str) -> None:
    """Refuse a model that was last accepted with columns that may give its target away."""
    acceptance = project.store.catalog.with_hash(Report, model.hash, name=model.name)
    found = open_suspicions(acceptance) if acceptance else ()
    if found and not why.strip():
        raise Refused(
            f"{model.ref} was accepted under suspicion: {'; '.join(each.message for each in found)}",
            hint=f'{found[0].hint}; or say why it may answer all the same: --why "…"',
        )


def _check_freeze(project: Project, environment: str) -> None:
    now = datetime.now(UTC).astimezone()
    frozen = [each for each in project.config.release.freeze if is_frozen(each, now)]
    if frozen:
        raise Refused(
            f"nothing is released to {environment} now: {frozen[0]}",
            hint="wait, or change freeze in [release]; a way back is always open",
        )


def _check_approvals(project: Project, model: Model, environment: str) -> None:
    needed = project.config.release.approvals
    agreed = approvers(project, model, environment)
    if len(agreed) < needed:
        who = f"only {', '.join(agreed)} agreed" if agreed else "nobody agreed yet"
        raise Refused(
            f"{model.ref} needs {needed} approvals for {environment}, of others than {model.creator}: {who}",
            hint=f'kervan approve {model.ref} --for {environment} --why "…"',
        )


def _check_callers(project: Project, model: Model, environment: str, *, breaking: bool) -> None:
    """Refuse a schema with which those who ask now could not ask any more."""
    current = current_deployment(project, environment)
    if current is None or breaking:
        return
    try:
        before = find_model(project, current.main)
    except NotFound:
        return
    if smallest_bump(before.signature, model.signature) is Bump.MAJOR:
        broken = [
            f"{each.column!r}: {each.what}"
            for each in difference(before.signature, model.signature)
            if each.effect is Effect.BREAKS
        ]
        raise Refused(
            f"{model.ref} breaks those who ask {before.ref} in {environment}: {'; '.join(broken)}",
            hint="--breaking if they know; else serve it under another name or environment",
        )


def _check_failures(project: Project, model: Model, environment: str, *, is_meant: bool) -> None:
    """Refuse what had to be taken back here, unless somebody wants it again and says why."""
    came = (each for each in releases_of(project, environment) if each.status is not Status.FAILED)
    last = next((each for each in came if each.model == model.ref), None)
    if last is not None and last.status is Status.ROLLED_BACK and not is_meant:
        raise Refused(
            f"{model.ref} was rolled back in {environment}: {last.reason}",
            hint='release it again if you know why it will be well: --again --why "…"',
        )
