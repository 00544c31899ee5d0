"""What a run says while it goes on, for those who watch: its log and its steps, beside the catalog.

A run that is killed leaves both behind; who marks it as interrupted puts them on record.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from kervan.core.nouns import StepRun
from kervan.core.private import make_private, open_private

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = "runs"


class Live:
    """The files of one run. What cannot be written is left out: the run keeps it too, and goes on."""

    def __init__(self, root: Path, run: str) -> None:
        self._log = root / _FOLDER / f"{run}.log"
        self._steps = root / _FOLDER / f"{run}.steps"

    @staticmethod
    def left(root: Path) -> set[str]:
        """Return the ids of the runs whose files lie there."""
        return {path.stem for path in (root / _FOLDER).glob("*.*")}

    def line(self, text: str) -> None:
        """Add to the log."""
        _append(self._log, text)

    def step(self, step: StepRun) -> None:
        """Say how far a step is; what is said of it later counts."""
        _append(self._steps, msgspec.json.encode(step).decode())

    def log(self) -> str:
        """Return what was logged so far."""
        return _read(self._log)

    def steps(self) -> tuple[StepRun, ...]:
        """Return the steps that have begun, each as it was said last."""
        found: dict[str, StepRun] = {}
        for line in _read(self._steps).splitlines():
            with suppress(msgspec.DecodeError):  # a line that is only now written, or whose end is missing
                step = msgspec.json.decode(line, type=StepRun)
                found[step.key] = step
        return tuple(found.values())

    def end(self) -> None:
        """Take the files away: all of it is on record now."""
        for path in (self._log, self._steps):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _append(path: Path, line: str) -> None:
    with suppress(OSError):
        make_private(path.parent)
        descriptor = open_private(path, os.O_APPEND)
        try:
            os.write(descriptor, f"{line}\n".encode(errors="replace"))
        finally:
            os.close(descriptor)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
