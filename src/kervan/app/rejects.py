"""Rows that a check kept out of a dataset: stored sealed, with the reasons, and shown on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import NotFound
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Link
from kervan.data.checks.run import REASONS, ROW, RULES
from kervan.data.export import check_ending, write
from kervan.flow.table import from_parquet, to_parquet
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project
    from kervan.data.checks.run import Checked

_ROLE = "rejects"
_NAMES = {name: f"kervan:{name}" for name in (ROW, RULES, REASONS)}  # so that no column of a table is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that was kept aside: its number in the source (from 1, without the header), and why."""

    row: int
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """The first rows that were kept out of a dataset, of `total`; values as they are protected."""

    dataset: str
    total: int
    rows: tuple[Reject, ...]


def with_reasons(checked: Checked[Any], guarded: pl.DataFrame) -> pl.DataFrame:
    """Put the numbers and reasons of rejected rows beside the rows, which are protected already."""
    import polars as pl

    return pl.concat([checked.rejects.rename(_NAMES), guarded], how="horizontal")


def store_rejects(project: Project, name: str, rejects: pl.DataFrame) -> tuple[Link, ...]:
    """Keep rejected rows, encrypted as the original is, and return the link to them; none without any."""
    if not rejects.height:
        return ()
    sealed = project.store.keys.seal(to_parquet(rejects), _sealed_as(name))
    return (stored(project.store.blobs.put_bytes(sealed), _ROLE),)


def rejects_of(project: Project, ref: str, *, first: int = 0, limit: int | None = None) -> Rejects:
    """Return the rows that checks kept out of a dataset, in the order of the source.

    They begin with the one at the place `first`, from 0, and are at most `limit`.
    """
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    table = _kept(project, dataset)
    if table is None:
        return Rejects(dataset=dataset.ref, total=0, rows=())
    shown = table.slice(first, limit)
    columns = [name for name in shown.columns if name not in _NAMES.values()]
    rows = tuple(
        Reject(
            row=each[_NAMES[ROW]],
            rules=tuple(each[_NAMES[RULES]]),
            reasons=tuple(each[_NAMES[REASONS]]),
            values={name: each[name] for name in columns},
        )
        for each in shown.iter_rows(named=True)
    )
    return Rejects(dataset=dataset.ref, total=table.height, rows=rows)


def export_rejects(project: Project, ref: str, to: Path) -> int:
    """Write all rejected rows with their numbers and reasons to a file, and return how many there are."""
    import polars as pl

    check_ending(to)
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    table = _kept(project, dataset)
    if table is None:
        raise NotFound(f"{dataset.ref} has no rejected rows", hint='they come from severity = "reject"')
    lists = [pl.col(_NAMES[name]).list.join("; ") for name in (RULES, REASONS)]
    write([table.with_columns(lists)], to)
    return table.height


def has_rejects(project: Project, dataset: Dataset, rejects: pl.DataFrame) -> bool:
    """Say whether exactly these rows were kept out of a dataset, for these reasons."""
    table = _kept(project, dataset)
    return rejects.is_empty() if table is None else table.equals(rejects)


def _kept(project: Project, dataset: Dataset) -> pl.DataFrame | None:
    """Return the rows that were kept out of a dataset, None if there were none."""
    blob = next((link.parent for link in dataset.parents if link.role == _ROLE), None)
    if blob is None:
        return None
    sealed = project.store.blobs.read_bytes(blob.removeprefix("sha256:"))
    return from_parquet(project.store.keys.open(sealed, _sealed_as(dataset.name)))


def _sealed_as(name: str) -> str:
    return f"rejects of {name}"
