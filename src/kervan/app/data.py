"""From a source to a Dataset: read, checked, profiled, protected, split, the test part sealed, versioned."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.catalogue import told_of
from kervan.app.checks import check_parts, check_table, counted, require_left
from kervan.app.dataset_source import split_anew
from kervan.app.parts import part_pieces, store_part
from kervan.app.protecting import measured, personal_findings, protection_of, store_tokens
from kervan.app.rejects import has_rejects, store_rejects, with_reasons
from kervan.app.shaping import joined_tables, read_shaped, steps_recipe, without_outliers
from kervan.app.size import check_room
from kervan.app.sources import take
from kervan.core.about import NOTHING_SAID
from kervan.core.errors import InvalidConfig, InvalidData, NotFound
from kervan.core.identity import Ref, check_name, new_id, sha256_parts
from kervan.core.nouns import (
    Dataset,
    Finding,
    Link,
    Origin,
    Report,
    ReportKind,
    Role,
    Shaping,
    SplitRule,
    Verdict,
)
from kervan.core.reading import Reading
from kervan.core.row_steps import check_row_steps
from kervan.data import columns, profile, split, target, validate
from kervan.data.checks.run import stopped
from kervan.data.content import content_hash
from kervan.data.export import check_ending, write
from kervan.data.leaks import RULE
from kervan.data.pieces import Chosen, Pieces, batches, changed, discard, spread
from kervan.data.protection.apply import check_rules, protect, tokens
from kervan.data.protection.find import private_columns
from kervan.data.quality import Validation
from kervan.data.room import check_space
from kervan.data.seen import seen
from kervan.store.events import canonical
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.schema import Schema
    from kervan.data.checks.run import Checked
    from kervan.data.ingest import Snapshot
    from kervan.data.large import AnyLoaded
    from kervan.data.pieces import Table
    from kervan.store.catalog import Catalog

# Raised when the same bytes and settings would give another dataset than before.
_FORM = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A table that passed every check, before anything of it is stored."""

    rows: int
    schema: Schema
    findings: tuple[Finding, ...]
    profile: profile.Profile
    parts: dict[Role, Table]
    content: str
    steps: tuple[Shaping, ...]
    split: SplitRule
    validation: Validation
    rejects: pl.DataFrame
    tokens: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validated:
    """A table that passed its checks, and what was noticed.

    `some` rows stand for all of a large table; a model tells rows apart by the columns `telling`.
    """

    task: str
    checked: Checked[pl.DataFrame | Pieces]
    table: Table
    some: pl.DataFrame
    telling: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A dataset, its figures, what profile and validation found, and what the latter counted, if it did."""

    dataset: Dataset
    profile: profile.Profile
    findings: tuple[Finding, ...]
    validation: Validation | None = None


def ingest_data(project: Project, *, folder: Path | None = None) -> Dataset:
    """Return the Dataset of the project's source: a new version only if content or settings changed.

    The source lies in the project's folder, or in `folder`. Nothing is stored unless the whole table passes;
    what stops it is raised as `InvalidData`.
    """
    settings = project.config.data
    name = check_name(project.config.dataset_name, "a dataset")
    if not settings.target:
        raise InvalidConfig("no target is set", hint='say which column to predict: [data] target = "…"')
    with project.stage("ingest") as tell:
        snapshot = take(
            project,
            settings.source,
            settings=settings,
            folder=folder,
            admit=lambda estimate: check_room(project, estimate),
        )
        tell(f"{settings.source}, {snapshot.size:,} bytes")
    project = split_anew(project, snapshot.retrieval.record)
    with snapshot, joined_tables(project) as joined:
        recipe = _recipe(project, joined)
        newest = project.store.catalog.newest(Dataset, name)
        if newest is not None and (newest.origin.sha256, newest.recipe) == (snapshot.sha256, recipe):
            return _known(project, told_of(project, newest), "is unchanged")
        loaded, steps = read_shaped(project, snapshot, joined)
        check_rules(loaded.table, protection_of(project))
        prepared = _prepare(project, loaded, steps, snapshot.path.parent)
        if newest is not None and _is_same(project, newest, recipe, prepared):
            return _known(project, told_of(project, newest), "holds the same rows")
        with project.alive("keep"):
            return _keep(project, name, recipe, (snapshot, *joined.values()), prepared)


def export_part(project: Project, ref: Ref, role: Role, to: Path, *, exact: bool = False) -> int:
    """Write a part as CSV, Parquet or JSON lines, as the file's name says, and return the number of its rows.

    In CSV, texts that a spreadsheet would run get a quote in front, unless they are to be `exact`.
    """
    check_ending(to)
    return write(part_pieces(project, project.store.catalog.find(Dataset, ref), role), to, exact=exact)


def describe_dataset(project: Project, ref: str) -> Described:
    """Return a dataset with its profile, and what validation and profile found."""
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    figures = _figures(project.store.catalog, _about(project, dataset.id))
    if figures is None:
        raise NotFound(f"the reports about {dataset.ref} are gone", hint="restore a backup")
    return Described(
        dataset=dataset, profile=figures[0], findings=figures[1], validation=validation_of(project, dataset)
    )


def datasets(project: Project, *, name: str | None = None) -> list[Dataset]:
    """Return all datasets, newest first."""
    return project.store.catalog.all(Dataset, name=name)


def report_of(project: Project, subject: str, kind: ReportKind) -> Report | None:
    """Return the newest report of a kind about a record."""
    return _newest(project.store.catalog, _about(project, subject)).get(kind)


def validation_of(project: Project, dataset: Dataset) -> Validation | None:
    """Return what validation counted in a dataset, None for one that is older than that."""
    checked = report_of(project, dataset.id, ReportKind.VALIDATION)
    return msgspec.convert(checked.body, Validation) if checked and checked.body else None


def suspicions(project: Project, dataset: Dataset) -> tuple[Finding, ...]:
    """Return the suspicions that columns give the target away which nobody has answered."""
    checked = report_of(project, dataset.id, ReportKind.VALIDATION)
    found = checked.findings if checked else ()
    return tuple(each for each in found if each.rule == RULE and each.verdict is Verdict.WARNED)


# Reports never change, a profile of 1,000 columns takes a while to read, and pages show it again and again.
@lru_cache(maxsize=4)
def _figures(
    catalog: Catalog, reports: tuple[str, ...]
) -> tuple[profile.Profile, tuple[Finding, ...]] | None:
    """Return the newest profile and findings among some reports about a dataset, None if one is missing."""
    newest = _newest(catalog, reports)
    figures, checked = (newest.get(kind) for kind in (ReportKind.PROFILE, ReportKind.VALIDATION))
    if figures is None or checked is None:
        return None
    found = msgspec.convert(figures.body, profile.Profile)
    return found, found.with_findings(checked.findings)


def _about(project: Project, subject: str) -> tuple[str, ...]:
    """Return the ids of all reports about a record, oldest first."""
    children = project.store.catalog.children(subject)
    return tuple(sorted(child for child, role in children if role == "about"))


def _newest(catalog: Catalog, reports: tuple[str, ...]) -> dict[ReportKind, Report]:
    """Return the newest report of each kind, each read once."""
    return {report.kind: report for report in (catalog.get(Report, each) for each in reports)}


def _is_same(project: Project, dataset: Dataset, recipe: str, prepared: Prepared) -> bool:
    """Say whether a dataset came to be in the same way, with the same rows in it and kept out of it."""
    same = (dataset.hash, dataset.recipe) == (prepared.content, recipe)
    return same and has_rejects(project, dataset, prepared.rejects)


def _check_row_steps(project: Project, schema: Schema) -> None:
    """Refuse steps of the model that do not fit its columns: they make no other dataset, nor any model."""
    settings = project.config.data
    check_row_steps(settings.row_steps, schema.without(settings.target, *settings.protect))


def _known(project: Project, dataset: Dataset, what: str) -> Dataset:
    """Return a dataset of before, with what was found in it then."""
    _check_row_steps(project, dataset.schema)
    project.known("dataset", f"{dataset.ref} {what}")
    if checked := report_of(project, dataset.id, ReportKind.VALIDATION):
        _warn(project, checked.findings)
    return dataset


def _warn(project: Project, findings: Sequence[Finding]) -> None:
    warned = [finding for finding in findings if finding.verdict is Verdict.WARNED]
    project.remark_all("warning", warned, where=f"kervan data show {project.config.dataset_name}")


def _validate(project: Project, loaded: AnyLoaded, scratch: Path) -> _Validated:
    """Put the checks to a table, leave out what they keep aside, and look at what else is wrong with it."""
    settings, model = project.config.data, project.config.model
    with project.stage("validate") as tell:
        task = target.task_of(target.values_of(loaded.table, settings.target), model.task)
        checked = check_table(project, loaded.table, scratch)
        if checked.table is not loaded.table:
            discard(loaded.table)
        require_left(checked)
        values = target.values_of(checked.table, settings.target)
        about_target = target.check_target(values, task)
        table = target.with_target(checked.table, values)
        some = spread(table)
        hidden = columns.unseen(table, settings, model.texts)
        noticed = [*loaded.warnings, *about_target, *checked.findings, *personal_findings(project, some)]
        findings = validate.validate(some, settings, noticed, hidden, whole=table.height)
        if failed := stopped(findings):
            lines = "\n".join(f"  {finding.message}" for finding in failed)
            hint = failed[0].hint or "mend the rows, or change the checks in kervan.toml"
            raise InvalidData(f"{settings.source} does not pass its checks:\n{lines}", hint=hint)
        aside = f"; {len(checked.rejected):,} rows kept aside" if len(checked.rejected) else ""
        tell(f"{task} of {settings.target!r}{aside}")
    why, is_open = target.why_task(values, model.task)
    if is_open:
        project.remark("note", f"a {task} of {settings.target!r}: {why}")
    _warn(project, findings)
    telling = seen(some, settings.target, hidden)
    return _Validated(task=task, checked=checked, table=table, some=some, telling=telling, findings=findings)


def _prepare(project: Project, loaded: AnyLoaded, steps: tuple[Shaping, ...], scratch: Path) -> Prepared:
    settings, model = project.config.data, project.config.model
    found = _validate(project, loaded, scratch)
    table, checked = found.table, found.checked
    with project.stage("protect") as tell:
        protection = protection_of(project)
        guarded = changed(table, scratch / "guarded", partial(protect, protection=protection))
        rejects = with_reasons(checked, protect(checked.aside, protection))
        hiding = measured(project, guarded)
        done = [f"{column}: {how}" for column, how in settings.protect.items()]
        done += [f"k = {hiding.k:,} over {', '.join(hiding.quasi)}"] if hiding else []
        tell(", ".join(done) or "nothing to protect")
    with project.stage("profile") as tell:
        schema = columns.infer_schema(guarded, settings)
        _check_row_steps(project, schema)
        passing = batches(guarded) if isinstance(guarded, Pieces | Chosen) else guarded
        private = private_columns(settings, found.findings)
        figures = profile.profile(passing, schema, settings.target, found.telling, private)
        tell(f"{len(schema)} columns")
    with project.stage("split") as tell:
        # By what a model sees of the rows: what it does not, such as their numbers, would part equal ones.
        assigned = split.assign(table, settings.split, found.telling, settings.target)
        rule = split.rule_of(settings, assigned)
        assigned, left_out = without_outliers(project, table, assigned)
        parts = split.split(guarded, assigned)
        split.check_split(parts, settings.target, found.task, model.folds)
        counts = ", ".join(f"{role} {part.height:,}" for role, part in parts.items())
        tell(f"{counts} (sealed){split.told(rule, figures.duplicates)}")
    if proposed := split.propose(found.some, settings):
        project.remark("note", proposed)
    prepared = Prepared(
        rows=guarded.height,
        schema=schema,
        findings=found.findings,
        profile=figures,
        parts=parts,
        content=content_hash(guarded),
        steps=(*steps, *left_out),
        validation=replace(counted(checked, table, found.findings), anonymity=hiding),
        split=rule,
        rejects=rejects,
        tokens=tokens(table, protection),
    )
    if guarded is not table:
        discard(table)
    return prepared


def _keep(
    project: Project, name: str, recipe: str, snapshots: Sequence[Snapshot], prepared: Prepared
) -> Dataset:
    """Store everything of a new version; the records appear together, once all files are durable."""
    store = project.store
    settings = project.config.data
    parts = tuple(store_part(project, name, role, table) for role, table in prepared.parts.items())
    for table in prepared.parts.values():
        discard(table)
    origin, *joined = (_store_original(project, name, snapshot) for snapshot in snapshots)
    links = [stored(origin.blob, "original")]
    links += (stored(blob, str(part.role)) for part in parts for blob in (part.blob, *part.pieces))
    links += (stored(each.blob, "joined") for each in joined)
    links += _made_of(origin, *joined)
    links += store_rejects(project, name, prepared.rejects)
    links += store_tokens(project, name, prepared.tokens)
    with store.catalog.transaction() as transaction:
        newest = store.catalog.newest(Dataset, name)
        if newest is not None and _is_same(project, newest, recipe, prepared):
            return newest  # another process was faster
        dataset = Dataset(
            id=new_id(),
            name=name,
            version=transaction.next_number(Dataset, name),
            hash=prepared.content,
            recipe=recipe,
            creator=store.workspace.actor,
            time=time.time(),
            parents=tuple(links),
            schema=prepared.schema,
            target=settings.target,
            rows=prepared.rows,
            origin=origin,
            parts=parts,
            protection={column: str(rule) for column, rule in settings.protect.items()},
            reading=Reading.of_table(settings.missing),
            steps=prepared.steps,
            split=prepared.split,
            about=(newest.about if newest else NOTHING_SAID).with_all_of(settings.about),
            joined=tuple(joined),
            person=settings.person,
        )
        transaction.put(dataset)
        transaction.put(_report(dataset, ReportKind.PROFILE, Verdict.PASSED, (), prepared.profile))
        verdict = validate.verdict_of(prepared.findings)
        transaction.put(
            _report(dataset, ReportKind.VALIDATION, verdict, prepared.findings, prepared.validation)
        )
    project.known("dataset", f"{dataset.ref} is new")
    return dataset


def _made_of(origin: Origin, *joined: Origin) -> list[Link]:
    """Return the way back to the datasets whose rows these are."""
    roles = {"source": (origin,), "joined": joined}
    return [
        Link(parent=record, role=role)
        for role, origins in roles.items()
        for record in dict.fromkeys(each.retrieval.record for each in origins)
        if record
    ]


def _store_original(project: Project, name: str, snapshot: Snapshot) -> Origin:
    """Encrypt the bytes of a source under a key of their own, which can be destroyed while the rest stays."""
    key = f"original {new_id()}"
    own = project.store.ring.keys([key])[key]
    with tempfile.TemporaryDirectory(dir=snapshot.path.parent) as folder:
        sealed = Path(folder) / "sealed"
        check_space(snapshot.size, sealed.parent)
        project.store.keys.seal_file(snapshot.path, sealed, f"original of {name}", own=own)
        blob = project.store.blobs.put_file(sealed, for_good=True)
    return Origin(
        source=snapshot.source,
        size=snapshot.size,
        sha256=snapshot.sha256,
        blob=blob,
        retrieval=snapshot.retrieval,
        key=key,
    )


def _report(
    dataset: Dataset, kind: ReportKind, verdict: Verdict, findings: tuple[Finding, ...], body: Any
) -> Report:
    return Report(
        id=new_id(),
        name=dataset.name,
        creator=dataset.creator,
        time=time.time(),
        parents=(Link(parent=dataset.id, role="about"),),
        kind=kind,
        verdict=verdict,
        findings=findings,
        body=body,
    )


def _recipe(project: Project, joined: Mapping[str, Snapshot]) -> str:
    """Return a hash of every setting that decides what becomes of the source's bytes."""
    settings: dict[str, Any] = msgspec.to_builtins(project.config.data)
    for name in ("source", "query", "table", "version", "cube"):
        del settings[name]  # they say where the bytes are
    del settings["entity"]  # it decides what is kept of predictions
    del settings["memory"]  # and this how its rows are looked at
    del settings["privacy_budget"]  # and this what is told of the rows
    for name in ("sheet", "person", "quasi", "sensitive", "k_at_least"):
        if not settings[name]:
            del settings[name]  # as recipes were before there was a choice
    del settings["about"]  # and this is what people say
    settings["steps"] = msgspec.to_builtins(project.config.data.table_steps)  # the others are the model's
    model = project.config.model
    parts = [_FORM, canonical(settings).decode(), model.task, *model.texts, *check_parts(project)]
    return sha256_parts([*parts, steps_recipe(project, joined)])
