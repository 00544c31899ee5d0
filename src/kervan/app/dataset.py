"""One version of a dataset as people look at it: figures, findings, origin, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.app.catalogue import aliases_of
from kervan.app.columns import PAGE, ColumnPage, ColumnQuery, page_of
from kervan.app.data import describe_dataset, validation_of
from kervan.app.dataset_column import ColumnView, column_of, columns_of
from kervan.app.dataset_steps import StepView, steps_of
from kervan.app.delete import Guard, dataset_guards
from kervan.app.original import can_be_forgotten, forgetting_of
from kervan.app.parts import LOOKED
from kervan.core.about import About
from kervan.core.errors import NotFound, did_you_mean
from kervan.core.nouns import (
    Dataset,
    Event,
    Finding,
    Model,
    Origin,
    Part,
    Role,
    Run,
    SplitRule,
    Status,
    Verdict,
)
from kervan.core.reading import Reading
from kervan.data.profile import Dependency, Pair, ValueCount
from kervan.data.profile.advice import pasteable
from kervan.data.quality import Validation
from kervan.store.codec import DELETED

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kervan.app.project import Project

_NEWEST = 20
_STRONGEST = 5
_SCORED = 50  # so many versions are looked up for their quality


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """A version on the line of all; `deleted` says by whom and why it went, if it did.

    `quality` is its score, 0 to 100, where that was looked up.
    """

    ref: str
    version: str
    time: float
    creator: str
    source: str
    target: str
    rows: int
    columns: int
    hash: str
    deleted: str
    quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetList:
    """One page of all datasets, counted from 1, newest first."""

    datasets: tuple[DatasetVersion, ...]
    total: int
    page: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Once the sealed part was opened: when, by whom, why, and for which model's candidate."""

    time: float
    actor: str
    why: str
    model: str
    candidate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedBy:
    """A run or model that learned from a dataset; `status` is a run's."""

    id: str
    ref: str
    time: float
    creator: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetView:
    """Everything about one version: `runs` are the newest of `run_count`, `models` of `model_count`.

    `advice` says what to do, and `lines` of `kervan.toml` do it where a setting can.
    `forgotten` says who destroyed the original's key, where that was done.
    `guards` say why it cannot be deleted now; without any it can. `validation` is None where nothing was
    counted yet.
    """

    ref: str
    name: str
    version: str
    hash: str
    creator: str
    time: float
    rows: int
    duplicates: int
    memory: int
    sampled: int
    target: str
    classes: tuple[ValueCount, ...]
    advice: tuple[str, ...]
    lines: str
    keys: tuple[tuple[str, ...], ...]
    dependencies: tuple[Dependency, ...]
    pairs: tuple[Pair, ...]
    origin: Origin
    joined: tuple[Origin, ...]
    steps: tuple[StepView, ...]
    split: SplitRule
    about: About
    aliases: tuple[str, ...]
    parts: tuple[Part, ...]
    protection: Mapping[str, str]
    reading: Reading
    findings: tuple[Finding, ...]
    columns: ColumnPage[ColumnView]
    versions: tuple[DatasetVersion, ...]
    looks: tuple[Look, ...]
    runs: tuple[UsedBy, ...]
    run_count: int
    models: tuple[UsedBy, ...]
    model_count: int
    guards: tuple[Guard, ...]
    validation: Validation | None
    person: str
    forgotten: Event | None
    forgettable: bool


_ORDERS: dict[str, Callable[[ColumnView], Any]] = {
    "name": lambda column: column.name.casefold(),
    "type": lambda column: column.type,
    "missing": lambda column: column.missing_share,
    "distinct": lambda column: column.distinct,
    "tells": lambda column: -1.0 if column.tells is None else column.tells,
    "findings": lambda column: len(column.findings),
}


def dataset_view(project: Project, ref: str, query: ColumnQuery | None = None) -> DatasetView:
    """Return what a page shows of a dataset, with the columns that `query` wants, else the first fifty."""
    described = describe_dataset(project, ref)
    dataset, figures = described.dataset, described.profile
    runs, run_count = project.store.catalog.descendants(Run, dataset.id, limit=_NEWEST)
    models, model_count = project.store.catalog.descendants(Model, dataset.id, limit=_NEWEST)
    return DatasetView(
        ref=dataset.ref,
        name=dataset.name,
        version=dataset.version,
        hash=dataset.hash,
        creator=dataset.creator,
        time=dataset.time,
        rows=dataset.rows,
        duplicates=figures.duplicates,
        memory=figures.memory,
        sampled=figures.sampled,
        advice=tuple(each.what for each in figures.advice),
        lines=pasteable(figures.advice),
        keys=figures.keys[:_STRONGEST],
        dependencies=figures.dependencies[:_NEWEST],
        pairs=figures.pairs[:_NEWEST],
        target=dataset.target,
        classes=figures.classes,
        origin=dataset.origin,
        joined=dataset.joined,
        steps=steps_of(dataset),
        split=dataset.split,
        about=dataset.about,
        aliases=aliases_of(project, [dataset])[dataset.id],
        parts=dataset.parts,
        protection=dataset.protection,
        reading=dataset.reading,
        findings=tuple(each for each in described.findings if each.verdict is not Verdict.PASSED),
        columns=page_of(list(columns_of(described)), query or ColumnQuery(), _ORDERS),
        versions=dataset_versions(project, dataset.name),
        looks=_looks(project, dataset),
        runs=tuple(_used(run, run.status) for run in runs),
        run_count=run_count,
        models=tuple(_used(model, model.family) for model in models),
        model_count=model_count,
        guards=tuple(dataset_guards(project, dataset)),
        validation=described.validation,
        person=dataset.person,
        forgotten=forgetting_of(project, dataset),
        forgettable=can_be_forgotten(dataset),
    )


def dataset_versions(project: Project, name: str) -> tuple[DatasetVersion, ...]:
    """Return all versions of a name, newest first, also those that were deleted."""
    catalog = project.store.catalog
    gone = {
        event.subject: f"{event.actor}: {event.why}" for event in catalog.events(action=f"{DELETED} dataset")
    }
    found = catalog.all(Dataset, name=name, deleted=True)
    scored = [each for each in found if each.id not in gone][:_SCORED]
    scores = {each.id: counts.quality.score for each in scored if (counts := validation_of(project, each))}
    return tuple(
        replace(_version(each, gone.get(each.id, "")), quality=scores.get(each.id)) for each in found
    )


def dataset_list(project: Project, *, page: int = 1, size: int = PAGE) -> DatasetList:
    """Return one page of all datasets, newest first; a page after the last is empty."""
    found, total = project.store.catalog.some(Dataset, slice((page - 1) * size, page * size))
    shown = tuple(_version(each, "") for each in found)
    return DatasetList(datasets=shown, total=total, page=page, size=size)


def column_view(project: Project, ref: str, name: str) -> ColumnView:
    """Return one column of a dataset with its figures."""
    described = describe_dataset(project, ref)
    found = column_of(described, name)
    if found is None:
        hint = did_you_mean(name, described.dataset.schema.names)
        raise NotFound(f"{described.dataset.ref} has no column {name!r}", hint=hint)
    return found


def _version(dataset: Dataset, deleted: str) -> DatasetVersion:
    return DatasetVersion(
        ref=dataset.ref,
        version=dataset.version,
        time=dataset.time,
        creator=dataset.creator,
        source=dataset.origin.source,
        target=dataset.target,
        rows=dataset.rows,
        columns=len(dataset.schema),
        hash=dataset.hash,
        deleted=deleted,
    )


def _looks(project: Project, dataset: Dataset) -> tuple[Look, ...]:
    """Return every time that these very rows were opened, also as a part of another version."""
    test = dataset.part(Role.TEST).content
    return tuple(
        Look(
            time=event.time,
            actor=event.actor,
            why=event.why,
            model=str(event.body.get("model", "")),
            candidate=str(event.body.get("candidate", "")),
        )
        for event in project.store.catalog.events(action=LOOKED)
        if event.body.get("test") == test
    )


def _used(record: Run | Model, what: str | Status) -> UsedBy:
    return UsedBy(id=record.id, ref=record.ref, time=record.time, creator=record.creator, what=str(what))
