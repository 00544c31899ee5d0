"""What is asked of datasets: their reports, what was found in them, their rows to take away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.app.parts import part_pieces
from kervan.core.errors import NotFound
from kervan.core.identity import Ref
from kervan.core.nouns import (
    Dataset,
    Finding,
    Report,
    ReportKind,
    Role,
    Verdict,
)
from kervan.data import profile
from kervan.data.export import check_ending, write
from kervan.data.leaks import RULE
from kervan.data.quality import Validation

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.store.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A dataset, its figures, what profile and validation found, and what the latter counted, if it did."""

    dataset: Dataset
    profile: profile.Profile
    findings: tuple[Finding, ...]
    validation: Validation | None = None


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
    return validation_in(checked) if checked and checked.body else None


def validation_in(report: Report) -> Validation:
    """Return what validation counted, as its report holds it."""
    return msgspec.convert(report.body, Validation)


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
