"""Releases: how a model comes to answer in an environment, and who let it, when and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.adopt import model_of
from kervan.app.endings import fail
from kervan.app.engaged import engaged
from kervan.app.environments import (
    PRODUCTION,
    STOPPED,
    changing,
    current_deployment,
    environment_folder,
    find_deployment,
    place_folder,
)
from kervan.app.keeping import tidy
from kervan.app.permission import approvers, check_free, check_permitted
from kervan.app.planned import check_strategy, plan_of, sized
from kervan.app.progress import Before, write_before
from kervan.app.register import find_model
from kervan.app.rehearsal import rehearse
from kervan.app.segments import seal_records
from kervan.app.terms import terms_of
from kervan.app.traffic import bring_back, move, staged, whole
from kervan.core.errors import KervanError, did_you_mean
from kervan.core.identity import check_name, new_id
from kervan.core.nouns import Deployment, Link, Model
from kervan.core.plugins import plugin
from kervan.core.releasing import Release, Status
from kervan.deploy.sightings import memory_in, seen_in
from kervan.deploy.strategies import strategy_of
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.terms import Terms
    from kervan.core.places import Place
    from kervan.core.ports import Target
    from kervan.core.serving import Plan


_LITTLE = 16 << 20  # bytes of records to tidy: nobody waits for more who releases something


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What somebody knows and wants all the same.

    `breaking`: callers cannot ask as they did; `again`: it was rolled back before.
    """

    breaking: bool = False
    again: bool = False


def release(
    project: Project, ref: str, *, to: str = "", why: str = "", consent: Consent | None = None
) -> Deployment:
    """Let a model come to answer in an environment; callers notice nothing of the change.

    `ref` may also name a package file or folder that this project made, such as one that it imported.
    Without it, what the environment points to answers (again), or in a new environment the newest model.
    The environment points to the new deployment only once it answers. If it does not come up, what
    answered before goes on, and `ServerFailed` says why. By a strategy of several stages this returns with
    the first of them; what follows goes on by itself, and `kervan releases` tells how.
    """
    settings = project.config.release
    environment = check_name(to or settings.to or PRODUCTION, "an environment")
    current = current_deployment(project, environment)
    named = model_of(project, ref, why=why) if ref or current is None else None
    terms, known = terms_of(settings), consent or Consent()
    coming = named or find_model(project, find_deployment(project, environment).main)
    plan = sized(project, coming, plan_of(project))
    check_strategy(terms.name, plan.target)
    if current is not None and named is not None and named.ref not in current.shares:
        _check(project, named, environment, why, known)
        rehearse(project, named, environment, breaking=known.breaking)
        _tell_of_rule(project, named, plan)
    with changing(project, environment):
        current = current_deployment(project, environment)
        if current is not None and _goes_on(current, named, plan):
            _tell_of_newer(project, current, named)
            done = bring_back(project, current, why)
        else:
            model = named or find_model(project, find_deployment(project, environment).main)
            _check(project, model, environment, why, known)
            begun = _begin(project, model, environment, plan, terms, why)
            done = _start(project, replace(begun, is_again=known.again))
    tidy(project, environment, most=_LITTLE)  # when others may move the traffic again
    return done


def _check(project: Project, model: Model, environment: str, why: str, known: Consent) -> None:
    """Raise `Conflict` or `Refused` where a model cannot come to an environment now."""
    check_free(project, environment)
    current = current_deployment(project, environment)
    if current is None or model.ref not in current.shares:
        check_permitted(project, model, environment, why=why, breaking=known.breaking, again=known.again)


def _goes_on(current: Deployment, named: Model | None, plan: Plan) -> bool:
    """Say whether what is wanted is what is there already."""
    is_whole = named is None or current.shares.get(named.ref) == 1.0
    return is_whole and replace(current.plan, rolls=False) == plan


def _tell_of_rule(project: Project, model: Model, plan: Plan) -> None:
    """Tell of a rule by a column that the model does not take: callers have to send it all the same."""
    inputs = model.signature.inputs
    if plan.rule is not None and plan.rule.column not in inputs:
        near = did_you_mean(plan.rule.column, inputs.names)
        told = f"{model.ref} takes no {plan.rule.column!r}: only rows that have it all the same can reach it"
        project.remark("release", f"{told}; {near}")


def _tell_of_newer(project: Project, current: Deployment, named: Model | None) -> None:
    """Tell of a model that is newer than what comes back, which has to be named."""
    if named is not None:
        return
    model = find_model(project, current.main)
    newest = project.store.catalog.newest(Model, model.name)
    if newest is not None and newest.ref != model.ref:
        project.remark("release", f"{newest.ref} is newer: `kervan release {newest.ref}` lets it answer")


def _begin(project: Project, model: Model, environment: str, plan: Plan, terms: Terms, why: str) -> Release:
    """Return the release of a model; where nothing answers yet or it is there already, it comes at once."""
    current = current_deployment(project, environment)
    before = "" if current is None else current.main
    is_move = before not in {"", model.ref}
    if not is_move and terms.name != "at-once":
        why_not = f"{model.ref} answers already" if before else f"nothing answers in {environment} yet"
        project.remark("release", f"{why_not}: it comes at once, and not by {terms.name}")
    now = time.time()
    return Release(
        id=new_id(),
        name=environment,
        creator=project.store.workspace.actor,
        time=now,
        parents=(Link(parent=model.id, role="model"),),
        model=model.ref,
        before=before,
        strategy=terms.name if is_move else "at-once",
        steps=terms.steps if is_move else (),
        every=terms.every,
        samples=terms.samples,
        plan=replace(plan, rolls=is_move and terms.strategy.rolls),
        guards=tuple(each.text for each in terms.guards),
        why=why,
        approvers=approvers(project, model, environment),
    )


def _start(project: Project, begun: Release) -> Deployment:
    """Take the first step of a release. If it fails, the release has, and the traffic is as before."""
    folder = environment_folder(project, begun.name)
    stages = strategy_of(begun.strategy).stages(begun.steps)
    write_before(folder, Before(seen=tuple(seen_in(folder).values()), memory=memory_in(folder)))
    with project.store.catalog.transaction() as transaction:
        transaction.put(begun, action="began", why=begun.why)
    about: Place = plugin("target", begun.plan.target).about
    if stages and not about.watched:
        on = f"`kervan release promote {begun.name}` goes on"
        told = f"the judge does not see what {about.title} sees: {on}"
        project.remark("release", told)
    with engaged(project, begun.name):
        try:
            if stages:
                return move(project, staged(begun, stages[0]), begun)
            ended = replace(begun, status=Status.PROMOTED, ended=time.time(), by_whom=begun.creator)
            return move(project, whole(begun, begun.model), ended)
        except (KervanError, KeyboardInterrupt) as error:
            fail(project, begun, error)
            raise


def stop(project: Project, environment: str, *, why: str = "") -> Deployment:
    """Take an environment's server away; its history stays, and a release without a model brings it back."""
    find_deployment(project, environment)
    with changing(project, environment):
        deployment = find_deployment(project, environment)
        check_free(project, environment)
        target: Target = plugin("target", deployment.plan.target)
        target.remove(place_folder(project, deployment))
        seal_records(project, environment)
        with project.store.catalog.transaction() as transaction:
            body = {"deployment": deployment.id}
            transaction.event(Entry(action=STOPPED, subject=environment, why=why, body=body))
    return deployment
