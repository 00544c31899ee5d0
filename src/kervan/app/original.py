"""The kept original of a dataset: its key can be destroyed, on record, while the dataset stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, Refused
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Event

FORGOT = "forgot original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What nobody can read any more: so many keys of a dataset's originals.

    `others` are datasets that keep the same bytes under keys of their own.
    """

    dataset: str
    source: str
    keys: int
    others: tuple[str, ...]


def forget_original(project: Project, ref: str, *, why: str) -> Forgotten:
    """Destroy the keys of a dataset's original and of the tables it joined: their bytes are noise then.

    The dataset itself, its parts and its profile stay. Once more changes nothing. Raises `Refused` for an
    original from before they had keys of their own.
    """
    if not why.strip():
        raise InvalidInput(
            f"nothing is said why the original of {ref} is to go", hint='give a reason: --why "…"'
        )
    catalog, ring = project.store.catalog, project.store.ring
    dataset = catalog.find(Dataset, Ref.parse(ref))
    originals = (dataset.origin, *dataset.joined)
    if not can_be_forgotten(dataset):
        raise Refused(
            f"the original of {dataset.ref} was kept under the workspace's key, which more depends on",
            hint=f"ingest it again, then delete this version: `kervan data delete {dataset.ref}`",
        )
    with catalog.transaction() as transaction:
        body = {"dataset": dataset.ref, "originals": [each.sha256 for each in originals]}
        transaction.event(Entry(action=FORGOT, subject=dataset.id, why=why, body=body))
        gone = ring.destroy(each.key for each in originals)
    hashes = {each.sha256 for each in originals}
    others = tuple(
        each.ref
        for each in catalog.all(Dataset, name=dataset.name)
        if each.id != dataset.id
        and any(one.sha256 in hashes and ring.holds(one.key) for one in (each.origin, *each.joined))
    )
    return Forgotten(dataset=dataset.ref, source=dataset.origin.source, keys=gone, others=others)


def can_be_forgotten(dataset: Dataset) -> bool:
    """Say whether all originals of a dataset have keys of their own."""
    return all(each.key for each in (dataset.origin, *dataset.joined))


def forgetting_of(project: Project, dataset: Dataset) -> Event | None:
    """Return who destroyed the key of a dataset's original, when and why; None if nobody did."""
    return next(project.store.catalog.events(subject=dataset.id, action=FORGOT), None)


def forgotten_originals(project: Project) -> frozenset[str]:
    """Return the ids of the datasets whose originals were forgotten."""
    return frozenset(event.subject for event in project.store.catalog.events(action=FORGOT))
