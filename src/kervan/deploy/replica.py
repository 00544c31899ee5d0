"""One replica: a server process in a folder of its own, which listens on a socket that it shares.

It holds the lock of its folder from its birth, so that it is found again by whoever looks after it next.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from kervan.core.locks import LOCK, is_held, process_number, sign, take
from kervan.core.private import make_private, write_private
from kervan.core.sockets import DOOR
from kervan.deploy.limits import Limits, set_limits
from kervan.deploy.patience import Patience
from kervan.deploy.process import STATE, read_state, stamp
from kervan.deploy.pulse import Pulse

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from kervan.core.serving import ServerState
    from kervan.deploy.kept import Kept

FILE = "serving.json"
_START_SECONDS = 60.0
_KILL_SECONDS = 5.0  # until the system has taken away a process
_log = logging.getLogger("kervan.deploy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What replicas are started with: the socket that they share, the port for gRPC, where their log goes.

    With a `keeper`, the end of a pipe, they end when its other end is closed.
    """

    listener: socket.socket
    grpc_port: int | None = None
    keeper: int | None = None
    log: int | None = None


class Replica:
    """A replica that is to answer for `kept`. Until it is started or was found it does not live."""

    def __init__(self, folder: Path, kept: Kept) -> None:
        self.folder = folder
        self.kept = kept
        self.patience = Patience()
        self.was_ready = self.has_died = False
        self._process: subprocess.Popen[bytes] | None = None
        self._pulse = Pulse(folder / DOOR)
        self._limits = Limits()
        self._started = time.monotonic()
        self._before = (0, 0)

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return is_held(self.folder / LOCK) if self._process is None else self._process.poll() is None

    @property
    def number(self) -> int | None:
        """The number of its process."""
        return process_number(self.folder) if self._process is None else self._process.pid

    @property
    def state(self) -> ServerState | None:
        """What it says of itself, if it has said something since it was started."""
        state = read_state(self.folder)
        return state if state is not None and state.pid == self.number else None

    @property
    def is_ready(self) -> bool:
        """Whether it answers for what it is to."""
        state = self.state
        ready = state is not None and state.deployment == self.kept.deployment and self.is_alive
        self.was_ready = self.was_ready or ready
        return ready

    @property
    def has_tried(self) -> bool:
        """Whether it has tried to answer for what it was told last."""
        state = self.state
        return (
            state is not None and stamp(self.folder) != self._before and state.attempt == self.kept.deployment
        )

    @property
    def lets_in(self) -> bool:
        """Whether it still lets callers in: it closes its door when it does not."""
        return self.is_alive and (self.folder / DOOR).exists()

    @property
    def reason(self) -> str:
        """Why it does not answer for what it is to."""
        state = self.state
        if state is not None and state.error:
            return state.error
        if self.exit == -signal.SIGKILL and self.kept.plan.memory:
            return f"replica {self.folder.name} needs more memory than {self.kept.plan.memory:,} bytes"
        return f"replica {self.folder.name} {'does not come up' if self.is_alive else 'died'}"

    def start(self, means: Means) -> None:
        """Start its process."""
        make_private(self.folder)
        (self.folder / STATE).unlink(missing_ok=True)
        self.tell(self.kept, means)
        lock = take(self.folder)
        inherited = [means.listener.fileno(), lock, *([] if means.keeper is None else [means.keeper])]
        command = [sys.executable, "-P", "-m", "kervan.serve.server", str(self.folder / FILE)]
        try:
            self._process = subprocess.Popen(
                [*command, *map(str, inherited)],
                stdin=subprocess.DEVNULL,
                stderr=means.log,
                pass_fds=inherited,
                start_new_session=means.keeper is None,
            )
            sign(lock, self._process.pid)
        finally:
            os.close(lock)
        self._started, self.was_ready, self.has_died = time.monotonic(), False, False
        self._pulse = Pulse(self.folder / DOOR)
        self._limits = set_limits(self.kept.plan, self._process.pid, self.folder)

    def adopt(self) -> None:
        """Look after a process that another supervisor started."""
        state = self.state
        self.was_ready = state is not None and bool(state.deployment)
        if self.number is not None:
            self._limits = set_limits(self.kept.plan, self.number, self.folder)

    def tell(self, kept: Kept, means: Means) -> None:
        """Write what it is to answer for; it reads that when it starts, and when its line is hung up."""
        self.kept = kept
        self._before = stamp(self.folder)
        own = replace(kept, port=means.listener.getsockname()[1], grpc_port=means.grpc_port)
        write_private(self.folder / FILE, msgspec.json.encode(own))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        found = self.number
        if found is not None and self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(found, number)

    def look(self, now: float) -> bool:
        """Say whether it has just died; kill it first if it hangs, has too much, or does not come up."""
        if not self.is_alive:
            if self.has_died:
                return False
            self.has_died = True
            self.patience.note_death(now, now - self._started, was_ready=self.was_ready)
            return True
        complaint = self._complaint(now)
        if complaint:
            _log.error(f"a replica {complaint} and is killed", extra={"replica": self.folder.name})
            self.signal(signal.SIGKILL)
        return False

    def _complaint(self, now: float) -> str:
        number = self.number
        if number is not None and self._limits.are_broken(number):
            return "takes more memory than it may"
        if not self.was_ready and not self.is_ready:
            return "does not come up" if now - self._started > _START_SECONDS else ""
        return "does not answer" if self._pulse.is_lost(now) else ""

    @property
    def exit(self) -> int | None:
        """How its process ended, if we started it and it did."""
        return None if self._process is None else self._process.poll()

    def wait(self, seconds: float) -> None:
        """Wait for its end, and after so many seconds end it by force."""
        deadline = time.monotonic() + seconds
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)
        deadline = time.monotonic() + _KILL_SECONDS
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(0.02)

    def forget(self) -> None:
        """Take away what a replica leaves that is gone, but for what it has counted."""
        self._pulse.close()
        self._limits.lift()
        for name in (DOOR, FILE, STATE, LOCK):
            (self.folder / name).unlink(missing_ok=True)
