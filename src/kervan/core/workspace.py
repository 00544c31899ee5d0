"""Which workspace a project uses: `.kervan` beside its `kervan.toml`, unless set otherwise."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from kervan.core.nouns import Workspace

if TYPE_CHECKING:
    from kervan.core.config import Config

FOLDER = ".kervan"


def workspace_of(config: Config) -> Workspace:
    """Return the handle of a project's workspace; nothing is opened or made."""
    root = (config.folder / FOLDER).resolve()
    return Workspace(
        root=root,
        catalog=config.workspace.catalog or f"sqlite:///{root / 'catalog.sqlite'}",
        blobs=config.workspace.blobs or str(root / "blobs"),
        actor=config.workspace.actor or _login(),
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
