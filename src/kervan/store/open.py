"""A workspace opened: its catalog, files and keys in one hand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kervan.core.nouns import Dataset, Package
from kervan.store.blobs import Blobs
from kervan.store.catalog import Catalog
from kervan.store.events import Entry
from kervan.store.keys import Keys
from kervan.store.ring import Ring

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.nouns import Workspace

KEY = "workspace key"
MADE_KEY = "made key"


class Store:
    """Where everything of a workspace is kept; each part is opened when it is first used."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.workspace.root

    @cached_property
    def catalog(self) -> Catalog:
        """Records, lineage, aliases, metrics and events."""
        return Catalog(self.workspace.catalog, actor=self.workspace.actor, folder=self.root)

    @cached_property
    def blobs(self) -> Blobs:
        """Files by their content."""
        return Blobs(self.workspace.blobs)

    @cached_property
    def keys(self) -> Keys:
        """The workspace's key."""
        return Keys(self.root / "keys", is_needed=self._needs_key, made=self._note_key)

    @cached_property
    def ring(self) -> Ring:
        """Keys that can be destroyed: of persons, and of originals."""
        return Ring(self.root / "keys" / "ring", secret=lambda: self.keys.derived("ring"))

    def _needs_key(self) -> bool:
        """Say whether something is on record that a key sealed or signed."""
        if any(True for _ in self.catalog.events(subject=KEY)):
            return True
        return any(self.catalog.all(kind, limit=1) for kind in (Dataset, Package))

    def _note_key(self, print_: str) -> None:
        with self.catalog.transaction() as transaction:
            transaction.event(Entry(action=MADE_KEY, subject=KEY, body={"print": print_}))

    def close(self) -> None:
        """Close the connections that were opened."""
        if "catalog" in self.__dict__:
            self.catalog.close()
