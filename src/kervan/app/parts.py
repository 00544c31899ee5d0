"""The rows of a dataset's parts: those to learn from, and the sealed one, opened on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.nouns import Role
from kervan.flow.table import from_parquet
from kervan.store.events import Entry

if TYPE_CHECKING:
    import polars as pl

    from kervan.app.project import Project
    from kervan.core.nouns import Dataset

LOOKED = "opened test"


def read_part(project: Project, dataset: Dataset, role: Role) -> pl.DataFrame:
    """Return the rows of the training or validation part. The test part is sealed: `Refused`."""
    if dataset.part(role).sealed:
        raise Refused(
            f"the {role} part of {dataset.ref} is sealed",
            hint="it is opened once, on record, when a model is accepted",
        )
    return from_parquet(project.store.blobs.read_bytes(dataset.part(role).blob))


def open_sealed(project: Project, dataset: Dataset, *, purpose: str, body: dict[str, Any]) -> pl.DataFrame:
    """Return the rows of the sealed test part; that it was opened, and why, is on record first."""
    part = dataset.part(Role.TEST)
    body = {**body, "test": part.content}
    with project.store.catalog.transaction() as transaction:
        transaction.event(Entry(action=LOOKED, subject=dataset.id, why=purpose, body=body))
    sealed = project.store.blobs.read_bytes(part.blob)
    return from_parquet(project.store.keys.open(sealed, sealed_as(dataset.name, Role.TEST)))


def sealed_as(name: str, role: Role) -> str:
    """Return the words to which the seal of a part is bound."""
    return f"{role} part of {name}"
