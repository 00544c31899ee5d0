"""A process that is to run beside the replicas as long as a file asks for it."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.locks import is_held
from kervan.deploy.patience import Patience

if TYPE_CHECKING:
    from pathlib import Path

FILE = "companion.json"
LOCK = "companion.lock"
LOG = "companion.log"
_log = logging.getLogger("kervan.deploy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command of a companion, and the folder in which it runs."""

    command: list[str]
    cwd: str


class Companion:
    """Keeps the process of `companion.json` running, which itself holds `companion.lock` as long as it lives.

    It outlives its supervisor: the next one sees by the lock that it is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._patience = Patience()

    def tend(self) -> None:
        """Start it where it is asked for and is not there, a little later each time it dies."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            _log.info("the companion ended", extra={"exit": self._process.returncode})
            self._patience.note_death(now, now - self._started, was_ready=True)
            self._process = None
        if now < self._patience.until or not (self._folder / FILE).is_file():
            return
        if not is_held(self._folder / LOCK):
            self._start(now)

    def _start(self, now: float) -> None:
        self._started = now
        log = None
        try:
            asked = msgspec.json.decode((self._folder / FILE).read_bytes(), type=Asked)
            log = os.open(self._folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._process = subprocess.Popen(
                asked.command,
                cwd=asked.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except (OSError, msgspec.DecodeError) as error:
            self._patience.note_death(now, 0.0, was_ready=True)
            _log.error(f"the companion does not start: {error}", extra={"error": error})
        finally:
            if log is not None:
                os.close(log)
