"""Removes what nothing refers to: stored files without a record, forgotten steps, half-written files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.app.project import Project

# A file is stored before the record that points to it, so a young one may be waiting for its record.
_YOUNG_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What was removed, or would be: files by their hash, leftovers by name, and the bytes that they take."""

    files: tuple[str, ...]
    leftovers: tuple[str, ...]
    size: int
    kept: int


def collect_garbage(project: Project, *, dry_run: bool = False, young: float = _YOUNG_SECONDS) -> Sweep:
    """Remove stored files that no record points to and that are older than `young` seconds."""
    store = project.store
    found = list(store.blobs.all())
    reachable = store.catalog.blobs()
    dead = [file for file in found if file.hash not in reachable and file.age >= young]
    leftovers = tuple(store.blobs.leftovers())
    if not dry_run:
        for file in dead:
            store.blobs.remove(file.hash)
        for name in leftovers:
            store.blobs.sweep(name)
    return Sweep(
        files=tuple(file.hash for file in dead),
        leftovers=leftovers,
        size=sum(file.size for file in dead),
        kept=len(found) - len(dead),
    )
