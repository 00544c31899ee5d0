"""Rows that nobody gave, by a dataset's training rows: for tests and demonstrations, with a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.parts import read_part
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Role
from kervan.core.plugins import extras_named
from kervan.data.export import check_ending, write
from kervan.data.synthetic.closeness import closeness
from kervan.data.synthetic.copula import Copula, fit
from kervan.data.synthetic.marginal import names_of
from kervan.data.synthetic.privacy import privacy
from kervan.data.synthetic.report import SyntheticReport

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A synthetic table, and how close and how private it is."""

    table: pl.DataFrame
    report: SyntheticReport


def synthesize(project: Project, ref: str, *, rows: int | None = None, seed: int = 0) -> Synthetic:
    """Draw rows that follow the training part of a dataset, by default as many as that has, and report.

    Protected columns are left out, and the sealed test part is not opened: privacy is measured against the
    validation part. Raises `InvalidInput` for no rows.
    """
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    with extras_named(), project.stage("synthesize") as tell:
        train = learned_from(project, dataset)
        copula = fit(train, dataset.target)
        table = copula.draw(train.height if rows is None else rows, seed)
        tell(f"{table.height:,} rows like the {train.height:,} training rows of {dataset.ref}")
    with extras_named(), project.stage("compare"):
        held_out = read_part(project, dataset, Role.VALIDATION).select(train.columns)
        report = SyntheticReport(
            dataset=dataset.ref,
            rows=table.height,
            seed=seed,
            fitted=train.height,
            closeness=closeness(copula, train, table, seed),
            privacy=privacy(copula, train, held_out, table, seed),
            labels=names_of(copula.marginals, rare=False),
            rare=names_of(copula.marginals, rare=True),
            left_out=tuple(dataset.protection),
        )
    return Synthetic(table=table, report=report)


def write_synthetic(
    project: Project, ref: str, to: Path, *, rows: int | None = None, seed: int = 0
) -> SyntheticReport:
    """Write such rows to a file, as its name says, and return the report."""
    check_ending(to)
    found = synthesize(project, ref, rows=rows, seed=seed)
    write([found.table], to)
    return found.report


def fitted_to(project: Project, dataset: Dataset) -> Copula:
    """Return what is learned from the training part of a dataset."""
    return fit(learned_from(project, dataset), dataset.target)


def learned_from(project: Project, dataset: Dataset) -> pl.DataFrame:
    """Return the training rows without the protected columns, whose values must not come out again."""
    return read_part(project, dataset, Role.TRAIN).drop(dataset.protection, strict=False)
