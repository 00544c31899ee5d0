"""One version of a model as people look at it: how good it is, what it is made of, where it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.behaving import newest_tests, results_of
from kervan.app.board import Leaderboard, board_of
from kervan.app.columns import PAGE, ColumnPage, ColumnQuery, page_of
from kervan.app.costs import CostCurve, cost_curve
from kervan.app.decided import Decided, decided_of
from kervan.app.delete import Guard, model_guards
from kervan.app.register import acceptance_of, find_model, manifest_of
from kervan.app.registry import answering
from kervan.app.scores import (
    AcceptanceView,
    EvaluationView,
    acceptance_figures,
    acceptance_view,
    evaluation_of,
    evaluation_view,
)
from kervan.app.stays import Stay, stays
from kervan.core.errors import InvalidConfig, NotFound, Refused
from kervan.core.nouns import Dataset, Model, Package, PackageFile, Run
from kervan.core.schema import Difference, Type, difference, smallest_bump
from kervan.model.behaviour import Tested
from kervan.package.contents.manifest import Lineage, Parity
from kervan.store.codec import DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kervan.app.profile import Profiled
    from kervan.app.project import Project
    from kervan.core.features import Feature
    from kervan.core.schema import Column
    from kervan.package.contents.manifest import Manifest

_VALUES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version on the line of all: what changed for callers since the one before, and where it answers.

    `bump` is the smallest honest step from there ("" for the first), `answers` and `answered` name
    environments, now and before. `deleted` says by whom and why it went, if it did.
    """

    ref: str
    version: str
    time: float
    creator: str
    family: str
    metrics: Mapping[str, float]
    is_imported: bool
    bump: str
    changes: tuple[Difference, ...]
    answers: tuple[str, ...]
    answered: tuple[str, ...]
    deleted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputView:
    """One input: `allowed` are its first twenty categories of `categories`, `words` are counted in it."""

    name: str
    position: int
    type: Type
    nullable: bool
    unit: str
    minimum: float | None
    maximum: float | None
    allowed: tuple[str, ...]
    categories: int
    unseen: str
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatView:
    """One written format of the package: what it is, its bytes, and each proof of it."""

    name: str
    title: str
    extension: str
    vendor: str
    licence: str
    readers: str
    requires: Mapping[str, str]
    size: int
    proofs: tuple[Parity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card of the package, in Markdown."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """Everything about one version.

    `classes` are the first twenty of `class_count`. Without a run nobody measured it here: `board`,
    `evaluation` and `acceptance` are None. `load` is what it was last found to need, None if nobody looked.
    `decided` says from where on a class is named and why, and how it was calibrated. `money` is what its
    answers cost by threshold, where `[model.costs]` fits, `tests` what came of the tests of its behaviour.
    `stays` are its own; `guards` say why it cannot be deleted now.
    """

    ref: str
    name: str
    version: str
    hash: str
    creator: str
    time: float
    family: str
    is_imported: bool
    run: str
    dataset: str
    predicts: str
    predicts_type: Type
    unit: str
    classes: tuple[str, ...]
    class_count: int
    inputs: ColumnPage[InputView]
    features: tuple[Feature, ...]
    versions: tuple[ModelVersion, ...]
    stays: tuple[Stay, ...]
    board: Leaderboard | None
    evaluation: EvaluationView | None
    acceptance: AcceptanceView | None
    decided: Decided
    money: CostCurve | None
    tests: tuple[Tested, ...]
    formats: tuple[FormatView, ...]
    load: Profiled | None
    cards: tuple[Card, ...]
    package: str
    size: int
    files: tuple[PackageFile, ...]
    licence: str
    lineage: Lineage
    doubts: tuple[str, ...]
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A model in the list of all: `answers` names the environments that have it now."""

    ref: str
    family: str
    predicts: str
    metric: str
    value: float | None
    creator: str
    time: float
    is_imported: bool
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """One page of all models, counted from 1, newest first."""

    models: tuple[ModelRow, ...]
    total: int
    page: int
    size: int


_ORDERS: dict[str, Callable[[InputView], Any]] = {
    "name": lambda column: column.name.casefold(),
    "type": lambda column: column.type,
    "categories": lambda column: column.categories,
}


def model_view(project: Project, ref: str, query: ColumnQuery | None = None) -> ModelView:
    """Return what a page shows of a model, with the inputs that `query` wants, else the first fifty."""
    from kervan.app.profile import newest_profile  # brings what measures

    model = find_model(project, ref)
    manifest = manifest_of(project, model)
    package = project.store.catalog.get(Package, model.package)
    run = None if model.is_imported else project.store.catalog.get(Run, model.run)
    report = acceptance_of(project, model)
    acceptance = None if report is None else acceptance_view(report)
    evaluation = None if run is None else evaluation_of(project, run)
    metric = acceptance.metric if acceptance else ""
    where = stays(project, model.name)
    tests = None if run is None else newest_tests(project, name=model.name, candidate=model.hash)
    output = model.signature.output
    return ModelView(
        ref=model.ref,
        name=model.name,
        version=model.version,
        hash=model.hash,
        creator=model.creator,
        time=model.time,
        family=model.family,
        is_imported=model.is_imported,
        run=model.run,
        dataset=_dataset_ref(project, model),
        predicts=output.name,
        predicts_type=output.type,
        unit=output.unit,
        classes=output.allowed[:_VALUES],
        class_count=len(output.allowed),
        inputs=page_of(_inputs(model.signature.inputs.columns), query or ColumnQuery(), _ORDERS),
        features=model.signature.features,
        versions=_versions(project, model.name, where),
        stays=tuple(each for each in where if each.model == model.ref),
        board=None if run is None else board_of(project, run, metric),
        evaluation=None if evaluation is None else evaluation_view(evaluation),
        acceptance=acceptance,
        decided=decided_of(project, model),
        money=_money(project, model),
        tests=() if tests is None else results_of(tests),
        formats=tuple(_formats(manifest, package)),
        load=newest_profile(project, model),
        cards=tuple(_cards(project, manifest)),
        package=package.hash,
        size=sum(file.size for file in package.files),
        files=package.files,
        licence=manifest.licence,
        lineage=manifest.lineage,
        doubts=manifest.doubts,
        guards=tuple(model_guards(project, model)),
    )


def model_list(project: Project, *, page: int = 1, size: int = PAGE) -> ModelList:
    """Return one page of all models, newest first; a page after the last is empty."""
    found, total = project.store.catalog.some(Model, slice((page - 1) * size, page * size))
    now: dict[str, list[str]] = {}
    for each in answering(project, time.time()):
        if not each.stopped:
            now.setdefault(each.model, []).append(each.environment)
    rows = tuple(_row(project, model, tuple(now.get(model.ref, ()))) for model in found)
    return ModelList(models=rows, total=total, page=page, size=size)


def _row(project: Project, model: Model, answers: tuple[str, ...]) -> ModelRow:
    """Tell of a model in short: of its metrics the one that it was accepted by."""
    report = acceptance_of(project, model)
    metric = acceptance_figures(report).metric if report else ""
    if metric not in model.metrics:
        metric = next(iter(model.metrics), "")
    value = model.metrics.get(metric)
    return ModelRow(
        ref=model.ref,
        family=model.family,
        predicts=model.signature.output.name,
        metric=metric,
        value=value,
        creator=model.creator,
        time=model.time,
        is_imported=model.is_imported,
        answers=answers,
    )


def _versions(project: Project, name: str, where: Sequence[Stay]) -> tuple[ModelVersion, ...]:
    catalog = project.store.catalog
    events = catalog.events(action=f"{DELETED} model")
    gone = {event.subject: f"{event.actor}: {event.why}" for event in events}
    found = catalog.all(Model, name=name, deleted=True)
    return tuple(
        _version(model, before, where, gone.get(model.id, ""))
        for model, before in zip(found, [*found[1:], None], strict=True)
    )


def _version(model: Model, before: Model | None, where: Sequence[Stay], deleted: str) -> ModelVersion:
    own = [each for each in where if each.model == model.ref]
    now = sorted({each.environment for each in own if each.is_now})
    return ModelVersion(
        ref=model.ref,
        version=model.version,
        time=model.time,
        creator=model.creator,
        family=model.family,
        metrics=model.metrics,
        is_imported=model.is_imported,
        bump="" if before is None else smallest_bump(before.signature, model.signature).name.lower(),
        changes=() if before is None else difference(before.signature, model.signature),
        answers=tuple(now),
        answered=tuple(sorted({each.environment for each in own} - set(now))),
        deleted=deleted,
    )


def _money(project: Project, model: Model) -> CostCurve | None:
    """Return what answers cost, None where no costs are set or they do not fit this model."""
    try:
        return cost_curve(project, model) if project.config.model.costs else None
    except (InvalidConfig, NotFound, Refused):
        return None


def _dataset_ref(project: Project, model: Model) -> str:
    """Return what a model learned from, also if it was deleted since."""
    if model.is_imported:
        return ""
    return project.store.catalog.get(Dataset, model.dataset, deleted=True).ref


def _inputs(columns: Sequence[Column]) -> list[InputView]:
    return [
        InputView(
            name=column.name,
            position=position,
            type=column.type,
            nullable=column.nullable,
            unit=column.unit,
            minimum=column.minimum,
            maximum=column.maximum,
            allowed=column.allowed[:_VALUES],
            categories=len(column.allowed),
            unseen=column.unseen if column.allowed else "",
            words=len(column.words),
        )
        for position, column in enumerate(columns)
    ]


def _formats(manifest: Manifest, package: Package) -> Iterator[FormatView]:
    facts = {each.format: each for each in manifest.facts}
    for name in manifest.formats:
        about = facts.get(name)
        yield FormatView(
            name=name,
            title=about.title if about else "",
            extension=about.extension if about else "",
            vendor=about.vendor if about else "",
            licence=about.licence if about else "",
            readers=about.readers if about else "",
            requires=about.requires if about else {},
            size=sum(file.size for file in package.files if file.path.startswith(f"{name}/")),
            proofs=tuple(each for each in manifest.parity if f"{each.format}/".startswith(f"{name}/")),
        )


def _cards(project: Project, manifest: Manifest) -> Iterator[Card]:
    hashes = {file.path: file.sha256 for file in manifest.files}
    for name in (manifest.model_card, manifest.data_card):
        if name:
            yield Card(name=name, text=project.store.blobs.read_bytes(hashes[name]).decode())
