"""The project that the site shows, opened anew when its settings change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kervan.app.project import open_project, unread_project
from kervan.core.errors import NotFound
from kervan.core.loading import FILE_NAME, is_project

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project


class Opened:
    """A folder, and the project in it once there is one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._project: Project | None = None
        self._stamp: tuple[int, ...] = ()

    @property
    def is_begun(self) -> bool:
        """Whether there is a project in the folder already, also in one that cannot be read now."""
        try:
            return is_project(self.folder)
        except OSError:
            return True

    def project(self) -> Project:
        """Return the project as its settings are now, or raise `NotFound` where there is none yet."""
        if not self.is_begun:
            raise NotFound("there is no project in this folder yet", hint="the page Home starts one")
        with self._lock:
            stamp = self._now()
            if self._project is None or stamp != self._stamp:
                self._project, self._stamp = open_project(self.folder), stamp
            return self._project

    def unread(self) -> Project:
        """Return the folder without its settings, which are not there yet, or cannot be read."""
        return unread_project(self.folder)

    def close(self) -> None:
        """Close the project's connections."""
        if self._project is not None:
            self._project.store.close()

    def _now(self) -> tuple[int, ...]:
        try:
            stat = (self.folder / FILE_NAME).stat()
        except OSError:
            return ()
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
