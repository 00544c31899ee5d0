"""Models and datasets are deleted, on record, unless anything still needs them, which is then named."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.environments import SCOPE, current_deployment
from kervan.app.register import cached_package
from kervan.app.remembered import Answer
from kervan.core.errors import InvalidInput, Refused
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Deployment, Model, Package
from kervan.core.releasing import Release
from kervan.flow.known import StepResult
from kervan.store.transaction import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.core.nouns import Record
    from kervan.store.transaction import Transaction

_COMING_UP = 600.0  # seconds in which a server that was told of a deployment comes up, or never does
_MOST_MODELS = 1_000  # of one dataset are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One reason why something cannot be deleted now, and what would change that."""

    reason: str
    hint: str


def delete_model(project: Project, ref: str, *, why: str) -> Model:
    """Delete a version of a model with its package; its files go with the next `kervan gc`.

    What is on record of it stays: who made it, of what, what it answered. Its version is never given again.
    Raises `Refused` that names the environment in which it answers, or into which it is being released.
    """
    wanted = _exactly(ref, why, example="income@1.2.0")
    with project.store.catalog.transaction() as transaction:
        model = project.store.catalog.find(Model, wanted)
        _check(model_guards(project, model))
        package = project.store.catalog.get(Package, model.package)
        for record in (model, package):
            _retire(transaction, record, why)
    shutil.rmtree(cached_package(project, package), ignore_errors=True)
    return model


def delete_dataset(project: Project, ref: str, *, why: str) -> Dataset:
    """Delete a version of a dataset: its parts and the original, which go with the next `kervan gc`.

    Its profile and what was found in it stay on record. Raises `Refused` that names the run that reads it, or
    the models that were trained on it.
    """
    wanted = _exactly(ref, why, example="adult:3")
    with project.store.catalog.transaction() as transaction:
        dataset = project.store.catalog.find(Dataset, wanted)
        _check(dataset_guards(project, dataset))
        transaction.forget_holders(Answer, dataset.id)
        _retire(transaction, dataset, why)
    return dataset


def model_guards(project: Project, model: Model) -> Iterator[Guard]:
    """Say what keeps a model from being deleted: where it answers, or into which it is being released."""
    for used in _users(project, model):
        place = used.split()[-1]
        hint = f"release another version there first: `kervan release NAME@VERSION --to {place}`"
        yield Guard(reason=f"{model.ref} {used}", hint=hint)


def dataset_guards(project: Project, dataset: Dataset) -> Iterator[Guard]:
    """Say what keeps a dataset from being deleted: runs that read it, and models that it trained."""
    catalog = project.store.catalog
    for run in catalog.running():
        if any(link.parent == dataset.id for link in run.parents):
            yield Guard(reason=f"run {run.id} reads {dataset.ref}", hint="wait until it has ended")
    trained, _ = catalog.descendants(Model, dataset.id, limit=_MOST_MODELS)
    for model in trained:
        if used := next(_users(project, model), ""):
            hint = "what answers can be traced to its rows: release a model of other data there first"
            yield Guard(reason=f"{dataset.ref} trained {model.ref}, which {used}", hint=hint)
    if trained:
        refs = ", ".join(model.ref for model in trained)
        hint = f"delete them first, if they are not needed: `kervan models delete {trained[0].ref}`"
        yield Guard(reason=f"{dataset.ref} trained {refs}", hint=hint)


def _check(guards: Iterator[Guard]) -> None:
    for guard in guards:
        raise Refused(guard.reason, hint=guard.hint)


def _exactly(ref: str, why: str, *, example: str) -> Ref:
    """Read a reference that has to name one version, with a reason."""
    found = Ref.parse(ref)
    if found.version is None:
        raise InvalidInput(f"{ref!r} names no version", hint=f"say which one is to go: {example}")
    if not why.strip():
        raise InvalidInput(f"nothing is said why {ref} is to go", hint='give a reason: --why "…"')
    return found


def _users(project: Project, model: Model) -> Iterator[str]:
    """Say where a model answers, stands by, or is on its way to."""
    catalog = project.store.catalog
    for name in sorted({change.name for change in catalog.alias_history(SCOPE)}):
        current = current_deployment(project, name)
        if current is not None and model.ref in current.shares:
            role = "" if len(current.shares) == 1 else f" as {current.role(model.ref)}"
            yield f"is part of deployment {current.id}{role} in {name}"
    for release in catalog.all(Release):
        if not release.status.is_over and model.ref in {release.model, release.before}:
            yield f"is part of release {release.id} under way in {release.name}"
    for coming in catalog.all(Deployment):
        if not coming.endpoint and model.ref in coming.shares and time.time() - coming.time < _COMING_UP:
            yield f"is coming up as deployment {coming.id} in {coming.name}"


def _retire(transaction: Transaction, record: Record, why: str) -> None:
    """Delete a record, and let go of results of steps that hold the same files."""
    for link in record.parents:
        if link.parent.startswith(FILE):
            transaction.forget_holders(StepResult, link.parent)
    transaction.retire(record, why=why)
