"""A folder of packages, each in a folder or in one file, that a server takes its models from."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import KervanError, StorageFailed
from kervan.core.identity import Version
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.opening import told

if TYPE_CHECKING:
    from kervan.package.contents.manifest import Manifest
    from kervan.serve.engine import Engine

_log = logging.getLogger("kervan.serve")
_SECONDS = 1.0


class Shelf:
    """Lets an engine have what lies in its folder: what is new there is loaded, what is gone is forgotten.

    A package that cannot be loaded is said in the log, and tried again when it has changed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._folder = Path(engine.current.serving.folder)
        self._known: dict[Path, tuple[tuple[int, int], tuple[str, str] | None]] = {}

    async def watch(self) -> None:
        """Look again every second until this is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_SECONDS)

    def look(self) -> None:
        """Load and forget what has changed since the last look."""
        try:
            there = {path: (_stamp(path), manifest) for path, manifest in packages_in(self._folder)}
        except (KervanError, OSError) as error:
            _log.error(str(error), extra={"error": error})
            return
        for path in [path for path in self._known if path not in there]:
            self._forget(path)
        for path, (stamp, manifest) in there.items():
            if path not in self._known or self._known[path][0] != stamp:
                self._known[path] = (stamp, self._load(path, manifest))

    def _load(self, path: Path, manifest: Manifest) -> tuple[str, str] | None:
        if any(each.package == manifest.hash for each in self._engine.table.rows):
            return manifest.name, manifest.version
        try:
            loaded = self._engine.load(path)
        except (KervanError, OSError) as error:
            _log.error("a package was not loaded", extra={"file": str(path), "error": error})
            return None
        _log.info("loaded", extra={"model": loaded.manifest.ref})
        return loaded.key

    def _forget(self, path: Path) -> None:
        _, key = self._known.pop(path)
        if key is None:
            return
        try:
            self._engine.unload(*key)
            _log.info("unloaded", extra={"model": "@".join(key)})
        except KervanError as error:  # it is the default, or was unloaded before
            _log.warning(str(error), extra={"error": error})


def _stamp(path: Path) -> tuple[int, int]:
    """Tell one content from the next: what says what a package holds is replaced with it."""
    stat = (path / FILE_NAME if path.is_dir() else path).stat()
    return stat.st_mtime_ns, stat.st_size


def packages_in(folder: Path) -> list[tuple[Path, Manifest]]:
    """Return the packages that lie in a folder and what they say of themselves, older versions first.

    Nothing is checked yet. Raises `StorageFailed` for a folder that cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise StorageFailed(
            f"cannot read {folder}: {error.strerror}", hint="name a folder of packages"
        ) from error
    found = [(path, manifest) for path in paths if (manifest := told(path)) is not None]
    return sorted(found, key=lambda each: (each[1].name, Version.parse(each[1].version)))


def named_by_others(folder: Path, name: str) -> list[Path]:
    """Return the package that lies in `<name>/model`, or those in there, older versions first.

    SageMaker unpacks the models of one endpoint so, each under a name that it makes up.
    """
    if Path(name).name != name or name.startswith("."):
        return []
    place = folder / name / "model"
    if told(place) is not None:
        return [place]
    return [path for path, _ in packages_in(place)] if place.is_dir() else []
