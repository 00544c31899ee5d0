"""What differs between two versions of a dataset: schema, rows, findings, and how each column moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.data import Described, describe_dataset
from kervan.core.nouns import Finding, Role, Verdict
from kervan.core.schema import Difference, Schema, Signature, difference
from kervan.monitor.profiles import Moved, moves

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDifference:
    """The rows of one part in both versions; `is_same` says that they are the same rows."""

    role: Role
    before: int
    now: int
    is_same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDifference:
    """How the dataset `now` differs from the one `before`.

    `schema` says what a caller of a model would feel of it. In `columns` come first those that came or
    went, then the others, the most moved first; `far` names those whose index is above `bound`. `found` was
    not found before, `gone` is not found any more.
    """

    before: str
    now: str
    is_same: bool
    rows_before: int
    rows_now: int
    duplicates_before: int
    duplicates_now: int
    target_before: str
    target_now: str
    parts: tuple[PartDifference, ...]
    schema: tuple[Difference, ...]
    columns: tuple[Moved, ...]
    bound: float
    far: tuple[str, ...]
    found: tuple[Finding, ...]
    gone: tuple[Finding, ...]


def diff_datasets(project: Project, before: str, now: str) -> DatasetDifference:
    """Compare two datasets by their records and profiles; no row is read, so the sealed part stays sealed.

    An index counts as far above `[watch] psi`.
    """
    old, new = describe_dataset(project, before), describe_dataset(project, now)
    columns = moves(old.profile, new.profile)
    bound = project.config.watch.psi
    return DatasetDifference(
        before=old.dataset.ref,
        now=new.dataset.ref,
        is_same=old.dataset.hash == new.dataset.hash,
        rows_before=old.dataset.rows,
        rows_now=new.dataset.rows,
        duplicates_before=old.profile.duplicates,
        duplicates_now=new.profile.duplicates,
        target_before=old.dataset.target,
        target_now=new.dataset.target,
        parts=tuple(_part(old.dataset, new.dataset, role) for role in Role),
        schema=difference(_signature(old.dataset), _signature(new.dataset)),
        columns=columns,
        bound=bound,
        far=tuple(each.name for each in columns if each.psi is not None and each.psi > bound),
        found=_new_in(new, old),
        gone=_new_in(old, new),
    )


def _part(old: Dataset, new: Dataset, role: Role) -> PartDifference:
    before, now = old.part(role), new.part(role)
    return PartDifference(role=role, before=before.rows, now=now.rows, is_same=before.content == now.content)


def _signature(dataset: Dataset) -> Signature:
    """Return what a model of all columns would take and give; protected ones mean nothing to a caller."""
    inputs: Schema = dataset.schema.without(dataset.target, *dataset.protection)
    return Signature(inputs=inputs, output=dataset.schema[dataset.target], reading=dataset.reading)


def _new_in(described: Described, other: Described) -> tuple[Finding, ...]:
    known = {(each.rule, each.subject) for each in other.findings if each.verdict is not Verdict.PASSED}
    told = (each for each in described.findings if each.verdict is not Verdict.PASSED)
    return tuple(each for each in told if (each.rule, each.subject) not in known)
