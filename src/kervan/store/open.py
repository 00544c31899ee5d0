"""A workspace opened: its catalog, files and keys in one hand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kervan.store.blobs import Blobs
from kervan.store.catalog import Catalog
from kervan.store.keys import Keys

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.nouns import Workspace


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
        return Keys(self.root / "keys")

    def close(self) -> None:
        """Close the connections that were opened."""
        if "catalog" in self.__dict__:
            self.catalog.close()
