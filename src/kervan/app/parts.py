"""The rows of a dataset's parts: those to learn from, and the sealed one, opened on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.nouns import Part, Role
from kervan.core.plugins import extras_named
from kervan.data.content import content_hash
from kervan.data.pieces import batches
from kervan.flow.pieces import WHOLE, keep_pieces, read_pieces
from kervan.flow.table import from_parquet
from kervan.flow.values import Value
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.nouns import Dataset
    from kervan.data.pieces import Table
    from kervan.flow.pieces import Change

LOOKED = "opened test"


def store_part(project: Project, name: str, role: Role, table: Table) -> Part:
    """Store the rows of a part; those of the test part are sealed."""
    is_sealed = role is Role.TEST
    if is_sealed:
        blob, pieces = keep_pieces(batches(table), project.store.blobs, _sealing(project, name))
    else:
        blob, pieces = keep_pieces(batches(table), project.store.blobs)
    return Part(
        role=role,
        rows=table.height,
        blob=blob,
        content=content_hash(table),
        sealed=is_sealed,
        pieces=pieces,
    )


def part_value(dataset: Dataset, role: Role) -> Value:
    """Return what stands for the rows of a part as an input of a run."""
    part = dataset.part(role)
    return Value("pieces" if part.pieces else "table", part.blob)


def read_part(project: Project, dataset: Dataset, role: Role) -> pl.DataFrame:
    """Return the rows of the training or validation part. The test part is sealed: `Refused`."""
    with extras_named():
        import polars as pl
    return pl.concat(part_pieces(project, dataset, role))


def part_pieces(project: Project, dataset: Dataset, role: Role) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part piece by piece; the test part is sealed: `Refused`."""
    part = dataset.part(role)
    if part.sealed:
        raise Refused(
            f"the {role} part of {dataset.ref} is sealed",
            hint="it is opened once, on record, when a model is accepted",
        )
    if not part.pieces:
        return iter([from_parquet(project.store.blobs.read_bytes(part.blob))])
    return read_pieces(part.blob, project.store.blobs)


def open_sealed(project: Project, dataset: Dataset, *, purpose: str, body: dict[str, Any]) -> pl.DataFrame:
    """Return the rows of the sealed test part; that it was opened, and why, is on record first."""
    import polars as pl

    part = dataset.part(Role.TEST)
    body = {**body, "test": part.content}
    with project.store.catalog.transaction() as transaction:
        transaction.event(Entry(action=LOOKED, subject=dataset.id, why=purpose, body=body))
    opening = _opening(project, dataset.name)
    if not part.pieces:
        return from_parquet(opening(project.store.blobs.read_bytes(part.blob), WHOLE))
    return pl.concat(read_pieces(part.blob, project.store.blobs, opening))


def sealed_as(name: str, role: Role, place: int = WHOLE) -> str:
    """Return the words to which the seal of a part, or of one of its pieces, is bound."""
    whole = f"{role} part of {name}"
    return whole if place == WHOLE else f"{whole}, piece {place}"


def _sealing(project: Project, name: str) -> Change:
    return lambda content, place: project.store.keys.seal(content, sealed_as(name, Role.TEST, place))


def _opening(project: Project, name: str) -> Change:
    return lambda sealed, place: project.store.keys.open(sealed, sealed_as(name, Role.TEST, place))
