"""Several processes that answer at one address, and the one that looks after them.

Each worker is a server of its own, in a folder of its own, on a socket that its keeper holds: where a worker
dies, who waits on its socket waits for the next one. A switch is made in all of them or in none.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import ServerFailed
from kervan.core.private import make_private, write_private
from kervan.serve.listening import DRAIN_SECONDS, ENDING, listen, reserve
from kervan.serve.state import STATE, read_state

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from kervan.core.serving import ServerState, Serving

_log = logging.getLogger("kervan.serve")
FILE = "serving.json"
_STEP = 0.05
_START_SECONDS = 60.0
_SWITCH_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
_LIVED_SECONDS = 60.0  # after which a worker that dies is replaced at once again


@dataclass(slots=True)
class _Worker:
    folder: Path
    socket: socket.socket
    grpc_port: int | None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _STEP  # until it is started again, should it die at once

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def state(self) -> ServerState | None:
        return read_state(self.folder)

    def start(self, serving: Serving, log: int | None) -> None:
        """Start it with what it is to answer for, and the descriptor that takes its log."""
        make_private(self.folder)
        (self.folder / STATE).unlink(missing_ok=True)
        self.tell(serving)
        number = self.socket.fileno()
        command = [sys.executable, "-P", "-m", "kervan.serve.server", str(self.folder / FILE), str(number)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, pass_fds=[number])
        self.started = time.monotonic()

    def tell(self, serving: Serving) -> None:
        """Write what it is to answer for."""
        own = replace(serving, port=self.socket.getsockname()[1], grpc_port=self.grpc_port, workers=1)
        write_private(self.folder / FILE, msgspec.json.encode(own))

    def signal(self, number: signal.Signals) -> None:
        if self.is_alive and self.process is not None:
            self.process.send_signal(number)


class Workers:
    """The workers of one server. Signals are those of a server with one process."""

    def __init__(self, serving: Serving, folder: Path, log: int | None = None) -> None:
        self.serving = serving
        self._log = log
        self._reserved = reserve(serving.host, serving.grpc_port) if serving.grpc_port is not None else None
        self.grpc_port: int | None = self._reserved.getsockname()[1] if self._reserved else None
        sockets = listen(serving.host, serving.port, serving.workers)
        self.port: int = sockets[0].getsockname()[1]
        self._all = [_Worker(folder / str(place), each, self.grpc_port) for place, each in enumerate(sockets)]
        self._signals: list[int] = []

    def run(self, on_ready: Callable[[], None], on_hang_up: Callable[[], None]) -> None:
        """Start the workers and keep them until SIGTERM or SIGINT.

        Raises `ServerFailed` if they do not start.
        """
        numbers = (*ENDING, signal.SIGHUP)
        before = {
            number: signal.signal(number, lambda got, _: self._signals.append(got)) for number in numbers
        }
        try:
            for worker in self._all:
                worker.start(self.serving, self._log)
            self._wait_for(self.serving, _START_SECONDS)
            on_ready()
            while not (set(self._signals) & set(ENDING)):
                if self._signals:
                    self._signals.clear()
                    on_hang_up()
                self._replace_the_dead()
                time.sleep(_STEP)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def switch(self, serving: Serving) -> None:
        """Let all workers answer for something else, or none. Raises `ServerFailed` with the first reason."""
        try:
            self._tell_all(serving)
            self._wait_for(serving, _SWITCH_SECONDS)
        except ServerFailed:
            self._tell_all(self.serving)
            raise
        self.serving = serving

    def _tell_all(self, serving: Serving) -> None:
        for worker in self._all:
            worker.tell(serving)
            worker.signal(signal.SIGHUP)

    def _wait_for(self, serving: Serving, seconds: float) -> None:
        """Wait until every worker answers for it; raise `ServerFailed` if one does not."""
        deadline = time.monotonic() + seconds
        for worker in self._all:
            while (state := worker.state) is None or state.attempt != serving.deployment:
                if not worker.is_alive or time.monotonic() > deadline or set(self._signals) & set(ENDING):
                    raise ServerFailed(f"worker {worker.folder.name} did not come up{_reason(worker)}")
                time.sleep(_STEP)
            if state.deployment != serving.deployment:
                raise ServerFailed(state.error or f"worker {worker.folder.name} kept {state.model}")

    def _replace_the_dead(self) -> None:
        for worker in self._all:
            if worker.is_alive or worker.process is None:
                continue
            lived = time.monotonic() - worker.started
            if lived > worker.pause:
                worker.pause = _STEP if lived > _LIVED_SECONDS else min(worker.pause * 2, _LONGEST_PAUSE)
                _log.error("a worker died and is replaced", extra={"exit": worker.process.returncode})
                worker.start(self.serving, self._log)

    def _end(self) -> None:
        for worker in self._all:
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS + 5
        for worker in self._all:
            if worker.process is None:
                continue
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.socket.close()
        if self._reserved is not None:
            self._reserved.close()


def _reason(worker: _Worker) -> str:
    state = worker.state
    return f": {state.error}" if state is not None and state.error else ""
