"""The process that carries a release on: asked for before anything moves, until the release is over."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from kervan.app.environments import SCOPE, environment_folder
from kervan.app.permission import under_way
from kervan.core.locks import is_held
from kervan.core.private import open_private, write_private
from kervan.deploy.companion import FILE, LOCK, LOG, Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project


@contextmanager
def engaged(project: Project, environment: str) -> Iterator[None]:
    """See to it that a release is carried on, whatever becomes of this process meanwhile.

    Where it is not over at the end, the process for that starts at once; else nobody is asked for it.
    """
    folder = environment_folder(project, environment)
    command = [sys.executable, "-P", "-m", "kervan.app.conduct", str(project.store.root.parent), environment]
    asked = Asked(command=command, cwd=os.fspath(project.store.root.parent))
    write_private(folder / FILE, msgspec.json.encode(asked))
    try:
        yield
    finally:
        if under_way(project, environment) is None:
            call_off(project, environment)
        else:
            carry_on(project, environment)


def call_off(project: Project, environment: str) -> None:
    """Ask for nobody any more."""
    (environment_folder(project, environment) / FILE).unlink(missing_ok=True)


def carry_on(project: Project, environment: str) -> None:
    """Start what carries a release on, unless it runs."""
    folder = environment_folder(project, environment)
    if is_held(folder / LOCK) or not (folder / FILE).is_file():
        return
    asked = msgspec.json.decode((folder / FILE).read_bytes(), type=Asked)
    with os.fdopen(open_private(folder / LOG, os.O_APPEND), "ab") as log:
        process = subprocess.Popen(
            asked.command,
            cwd=asked.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # takes note of its end, whenever that is


def carry_all_on(project: Project) -> None:
    """Start what carries releases on that are under way, where it was killed."""
    for environment in sorted({each.name for each in project.store.catalog.alias_history(SCOPE)}):
        if under_way(project, environment) is not None:
            carry_on(project, environment)
