"""From a source to a Dataset: read, checked, profiled, protected, split, the test part sealed, versioned."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.app.catalogue import told_of
from kervan.app.checks import check_table, counted, require_left
from kervan.app.data import report_of, validation_in
from kervan.app.dataset_source import split_anew
from kervan.app.parts import store_part
from kervan.app.protecting import measured, personal_findings, protection_of, store_tokens
from kervan.app.recipe import recipe_of
from kervan.app.rejects import has_rejects, store_rejects, with_reasons
from kervan.app.shaping import joined_tables, read_shaped, without_outliers
from kervan.app.size import check_room
from kervan.app.sources import take
from kervan.core.about import NOTHING_SAID
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.identity import check_name, new_id
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
from kervan.data.checks.fresh import judged_anew
from kervan.data.checks.run import stopped
from kervan.data.content import content_hash
from kervan.data.pieces import Chosen, Pieces, batches, changed, discard, spread
from kervan.data.protection.apply import check_rules, protect, tokens
from kervan.data.protection.find import private_columns
from kervan.data.quality import Validation
from kervan.data.room import check_space
from kervan.data.seen import seen
from kervan.data.steps.kept import written_of
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.config import DataSettings
    from kervan.core.schema import Schema
    from kervan.core.written import Written
    from kervan.data.checks.run import Checked
    from kervan.data.ingest import Snapshot
    from kervan.data.large import AnyLoaded
    from kervan.data.pieces import Table


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
        recipe = recipe_of(project, joined)
        newest = project.store.catalog.newest(Dataset, name)
        if newest is not None and (newest.origin.sha256, newest.recipe) == (snapshot.sha256, recipe):
            checked = _judged_anew(project, newest)
            if checked is not None:
                return _known(project, told_of(project, newest), "is unchanged", checked)
        loaded, steps = read_shaped(project, snapshot, joined)
        check_rules(loaded.table, protection_of(project))
        prepared = _prepare(project, loaded, steps, snapshot.scratch)
        if newest is not None and _is_same(project, newest, recipe, prepared):
            return _known(project, told_of(project, newest), "holds the same rows", ())  # told already
        with project.alive("keep"):
            return _keep(project, name, recipe, (snapshot, *joined.values()), prepared)


def _is_same(project: Project, dataset: Dataset, recipe: str, prepared: Prepared) -> bool:
    """Say whether a dataset came to be in the same way, with the same rows in it and kept out of it."""
    same = (dataset.hash, dataset.recipe) == (prepared.content, recipe)
    same = same and dataset.reading.written == _written(project.config.data, prepared)
    return same and has_rejects(project, dataset, prepared.rejects)


def _check_row_steps(project: Project, schema: Schema) -> None:
    """Refuse steps of the model that do not fit its columns: they make no other dataset, nor any model."""
    settings = project.config.data
    check_row_steps(settings.row_steps, schema.without(settings.target, *settings.protect))


def _known(project: Project, dataset: Dataset, what: str, findings: tuple[Finding, ...]) -> Dataset:
    """Return a dataset of before, with what was found in it then, or now."""
    _check_row_steps(project, dataset.schema)
    _require_passed(project, findings)
    project.known("dataset", f"{dataset.ref} {what}")
    _warn(project, findings)
    return dataset


def _judged_anew(project: Project, dataset: Dataset) -> tuple[Finding, ...] | None:
    """Return what was found in a dataset, with how fresh its rows are now; None if nobody knows their age."""
    checked, checks = report_of(project, dataset.id, ReportKind.VALIDATION), project.config.data.checks
    if checked is None:
        return None
    newest = validation_in(checked).newest if checked.body else {}
    if any(check.newest_within and check.column not in newest for check in checks):
        return None
    return judged_anew(checked.findings, checks, newest, time.time())


def _require_passed(project: Project, findings: Sequence[Finding]) -> None:
    """Raise `InvalidData` that names everything which stops the run."""
    if failed := stopped(findings):
        lines = "\n".join(f"  {finding.message}" for finding in failed)
        hint = failed[0].hint or "mend the rows, or change the checks in kervan.toml"
        raise InvalidData(f"{project.config.data.source} does not pass its checks:\n{lines}", hint=hint)


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
        _require_passed(project, findings)
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
        lacking = split.check_split(parts, settings.target, found.task, model.folds)
        counts = ", ".join(f"{role} {part.height:,}" for role, part in parts.items())
        tell(f"{counts} (sealed){split.told(rule, figures.duplicates)}")
    _warn(project, lacking)
    if proposed := split.propose(found.some, settings):
        project.remark("note", proposed)
    prepared = Prepared(
        rows=guarded.height,
        schema=schema,
        findings=(*found.findings, *lacking),
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
            reading=Reading.of_table(settings.missing, _written(settings, prepared)),
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


def _written(settings: DataSettings, prepared: Prepared) -> dict[str, Written]:
    """Return how people write the columns that a model may take."""
    inputs = prepared.schema.without(settings.target, *settings.protect).names
    found = written_of(settings.table_steps, prepared.steps)
    return {name: written for name, written in found.items() if name in inputs}


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
    with tempfile.TemporaryDirectory(dir=snapshot.scratch) as folder:
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
