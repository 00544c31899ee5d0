"""Where a project keeps everything (`.kervan` beside its `kervan.toml`, unless set), and how it is closed."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from kervan.core.access import ACCESS_FILE, Doors, is_loopback
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


def doors_of(config: Config) -> Doors:
    """Return how what a project releases is closed, with paths that begin in its folder.

    Where others can reach it and no file of keys is named, the workspace's own counts.
    """
    settings = config.release
    files = {
        name: str((config.folder / getattr(settings, name)).resolve()) if getattr(settings, name) else ""
        for name in ("keys", "certificate", "certificate_key", "client_ca")
    }
    is_open = settings.proxy or not is_loopback(settings.host)
    if not files["keys"] and is_open and not settings.platform:
        files["keys"] = str(workspace_of(config).root / ACCESS_FILE)
    return Doors(rate=settings.rate, proxy=settings.proxy, platform=settings.platform, **files)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
