"""A file put to the project's checks without keeping it, and how good each version of a dataset was."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from kervan.app.checks import check_table, counted, fetched
from kervan.app.data import describe_dataset, validation_of
from kervan.app.remembered import of_source
from kervan.core.checking import WARN, Check
from kervan.core.errors import NotFound
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Finding, Verdict
from kervan.core.schema import Type
from kervan.data.checks.fresh import judged_anew
from kervan.data.columns import infer_schema
from kervan.data.pieces import spread
from kervan.data.quality import Validation, timely
from kervan.data.validate import verdict_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    import polars as pl

    from kervan.app.checks import Fetched
    from kervan.app.project import Project
    from kervan.core.config import DataSettings

# Which of two a column is depends on its rows.
_KINDS = {Type.INTEGER: Type.NUMBER, Type.TEXT: Type.CATEGORY}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileValidation:
    """What the checks found in a file: the worst verdict, every finding, and the counts."""

    source: str
    against: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    validation: Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionQuality:
    """How good one version was; older ones were not counted."""

    ref: str
    time: float
    rows: int
    validation: Validation | None


def validate_file(
    project: Project, location: str = "", *, folder: Path | None = None, against: str = ""
) -> FileValidation:
    """Put the project's checks to a file, by default to its source; its rows are not kept.

    `location` lies in `folder`, by default the project's. With `against` its columns, their types and their
    distributions (PSI) are compared with those of a dataset too; a moved distribution only warns.

    What was found in the bytes that the newest dataset was made of is known the next time, as long as nothing
    changes that it depends on; how fresh its rows are is judged anew each time.
    """
    location = location or project.config.data.source
    expected = describe_dataset(project, against).dataset if against else None
    with fetched(project, location, folder or project.config.folder) as came:
        what = ("validate", location, "" if expected is None else expected.id)
        body, is_known = of_source(came, what, lambda: _validated(came, expected))
    found = msgspec.convert(body, FileValidation)
    if not is_known:
        return found
    project.known("validate", f"{location} is unchanged")
    checks, newest = project.config.data.checks, found.validation.newest
    findings = judged_anew(found.findings, checks, newest, time.time())
    validation = replace(found.validation, quality=timely(found.validation.quality, findings))
    return replace(found, verdict=verdict_of(findings), findings=findings, validation=validation)


def _validated(came: Fetched, expected: Dataset | None) -> FileValidation:
    project, location, scratch = came.project, came.snapshot.source, came.scratch
    with project.stage("validate") as tell:
        loaded = came.read()
        checked = check_table(project, loaded.table, scratch)
        compared = () if expected is None else _compared(project, expected, spread(checked.table), scratch)
        findings = (*loaded.warnings, *checked.findings, *compared)
        counts = counted(checked, checked.table, findings)
        tell(f"{location}, {loaded.table.height:,} rows")
    return FileValidation(
        source=location,
        against="" if expected is None else expected.ref,
        verdict=verdict_of(findings),
        findings=findings,
        validation=counts,
    )


def quality_history(project: Project, name: str) -> tuple[VersionQuality, ...]:
    """Return how good each version of a dataset was, newest first."""
    found = project.store.catalog.all(Dataset, name=Ref.parse(name).name)
    if not found:
        raise NotFound(f"there is no dataset {name!r}", hint="`kervan data` shows what there is")
    return tuple(
        VersionQuality(ref=each.ref, time=each.time, rows=each.rows, validation=validation_of(project, each))
        for each in found
    )


def as_junit(found: FileValidation) -> str:
    """Write the findings as JUnit's XML, which build servers show: what only warns counts as passed."""
    failed = sum(each.verdict is Verdict.FAILED for each in found.findings)
    name, tests = f"kervan data validate {found.source}", str(len(found.findings))
    suite = Element("testsuite", name=name, tests=tests, failures=str(failed), errors="0", skipped="0")
    for finding in found.findings:
        named = " ".join(filter(None, [finding.rule, finding.subject]))
        case = SubElement(suite, "testcase", classname=found.source, name=named)
        if finding.verdict is Verdict.FAILED:
            SubElement(case, "failure", message=finding.message).text = finding.hint
        elif finding.verdict is Verdict.WARNED:
            SubElement(case, "system-out").text = f"warning: {finding.advice}"
    return tostring(suite, encoding="unicode", xml_declaration=True)


def _compared(project: Project, expected: Dataset, table: pl.DataFrame, scratch: Path) -> tuple[Finding, ...]:
    """Compare the rows that the checks left with a dataset: columns, types, distributions."""
    settings = project.config.data
    shape = tuple(_shape(expected, table, settings))
    checks = tuple(_distributions(expected, table, {each.subject for each in shape}))
    alone = project.with_settings(data=replace(settings, checks=checks, checks_from=()))
    return (*shape, *check_table(alone, table, scratch).findings)


def _shape(expected: Dataset, table: pl.DataFrame, settings: DataSettings) -> Iterator[Finding]:
    """Yield what differs in the columns and their types; protected ones are not what was read."""
    plain = replace(settings, checks=(), units={}, protect={})
    schema = {each.name: each.type for each in infer_schema(table, plain)}
    known = {each.name: each.type for each in expected.schema if each.name not in expected.protection}
    for name, kind in known.items():
        if name not in schema:
            yield _about(name, Verdict.FAILED, f"there is no column {name!r}, {expected.ref} has one")
        elif _KINDS.get(kind, kind) != _KINDS.get(schema[name], schema[name]):
            yield _about(
                name,
                Verdict.FAILED,
                f"column {name!r} is of the type {schema[name]}, {kind} in {expected.ref}",
            )
    for name in schema.keys() - known.keys() - set(expected.protection):
        yield _about(name, Verdict.WARNED, f"column {name!r} is new: {expected.ref} has none")


def _about(name: str, verdict: Verdict, message: str) -> Finding:
    hint = "look whether the source changed"
    return Finding(rule="schema", subject=name, verdict=verdict, message=message, hint=hint)


def _distributions(expected: Dataset, table: pl.DataFrame, differing: Collection[str]) -> Iterator[Check]:
    """Yield a check for each column that is of the same kind in both; free texts have no distribution."""
    for column in expected.schema:
        is_free = column.type is Type.TEXT or column.name in expected.protection
        if column.name in table.columns and column.name not in differing and not is_free:
            yield Check(column=column.name, like=expected.ref, severity=WARN)
