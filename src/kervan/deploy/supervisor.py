"""The supervisor: `python -m kervan.deploy.supervisor FOLDER/live.json`, or `Supervisor` in the foreground.

It holds the socket on which replicas listen, and looks after them. SIGHUP makes it read its file again and
change them; SIGTERM and SIGINT make it end them, after what they were asked is answered. Where it is killed
the replicas go on, and the next supervisor of the folder takes them over.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.core.access import check_doors
from kervan.core.errors import KervanError, ServerFailed
from kervan.core.locks import only_server
from kervan.core.log import log_json_lines
from kervan.core.private import make_private, write_private
from kervan.core.serving import ServerState
from kervan.core.sockets import DOOR, knock, listen, reserve, take_over
from kervan.deploy.companion import Companion
from kervan.deploy.kept import Kept, read_kept
from kervan.deploy.load import Meter
from kervan.deploy.process import REPLICAS, STATE
from kervan.deploy.replica import Means
from kervan.deploy.replicas import Replicas, found_in
from kervan.deploy.scaling import Scaling

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from kervan.deploy.replica import Replica

_ENDING = (signal.SIGTERM, signal.SIGINT)
_PAUSE = 0.25
_LOOK = 1.0
_HAND_SECONDS = 15.0
_KEPT = "kept.json"  # what the replicas answered for last, should they have to go back
_log = logging.getLogger("kervan.deploy")


class Supervisor:
    """Keeps replicas in a folder. With `file` it outlives nobody's terminal and can be taken over."""

    def __init__(self, folder: Path, kept: Kept, *, file: Path | None = None, log: int | None = None) -> None:
        self.kept = kept
        self.folder = folder / REPLICAS
        self._file = file
        self._log = log
        self._signals: set[int] = set()
        self._error = ""
        self._attempt = kept.deployment
        self._model, self._since = "", time.time()
        self._told: ServerState | None = None
        self._meter = Meter(self.folder)
        self._scaling = Scaling()
        self._next_look = self._asked_at = time.monotonic()
        self._asked = 0
        self._companion = Companion(folder) if file is not None else None

    @property
    def port(self) -> int:
        """Where the replicas listen."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def grpc_port(self) -> int | None:
        """Where they speak gRPC, if they do."""
        return None if self._reserved is None else int(self._reserved.getsockname()[1])

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Keep replicas until SIGTERM or SIGINT. Raises `ServerFailed` if they do not come up."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        numbers = (*_ENDING, signal.SIGHUP, signal.SIGCHLD)
        before = {number: signal.signal(number, lambda got, _: self._signals.add(got)) for number in numbers}
        waker = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            self._begin()
            try:
                self._tell(always=True)
                on_ready()
                while not self._is_over():
                    self._turn(reading)
            finally:
                self._end()
        finally:
            signal.set_wakeup_fd(waker)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)

    def _is_over(self) -> bool:
        return not self._signals.isdisjoint(_ENDING) or self._is_abandoned

    @property
    def _is_abandoned(self) -> bool:
        """Whether somebody deleted the folder: no command could find and end this server any more."""
        return self._file is not None and not self._file.exists()

    def _begin(self) -> None:
        """Listen and start replicas, or take over those that live."""
        check_doors(self.kept.host, self.kept)
        make_private(self.folder)
        before = self._kept_before()
        found = found_in(self.folder, before)
        taken = _taken_over(found)
        if taken is None:
            for each in found:
                each.signal(signal.SIGTERM)
            for each in found:
                each.wait(_HAND_SECONDS)
            found = []
            for path in (*self.folder.glob("*.counts"), self.folder / _KEPT):
                path.unlink(missing_ok=True)
        self._listener = taken or listen(self.kept.host, self.kept.port)
        self._reserved: socket.socket | None = None
        if self.kept.grpc_port is not None:
            grpc_port = self._grpc_port_of(found) or self.kept.grpc_port
            self._reserved = reserve(self.kept.host, grpc_port, is_ours=bool(found))
        self._keeper = os.pipe() if self._file is None else None
        means = Means(
            listener=self._listener,
            grpc_port=self.grpc_port,
            keeper=self._keeper[0] if self._keeper else None,
            log=self._log,
        )
        self._replicas = Replicas(self.folder, means, self._is_over, lambda: self._tell(always=True))
        if found:
            _log.info("replicas are taken over", extra={"replicas": len(found)})
            self._replicas.adopt(found)
            self.kept, wanted = before, self.kept
            self._attempt = before.deployment
            self._tell(always=True)  # they answer, whatever is still to be changed
            if wanted != before or self._replicas.ready < wanted.least:
                self._change(wanted)
            return
        try:
            self._replicas.open(self.kept, self.kept.least)
            self._keep(self.kept)
        except BaseException:
            self._end()
            raise

    def _grpc_port_of(self, found: list[Replica]) -> int | None:
        return next((each.state.grpc_port for each in found if each.state is not None), None)

    def _kept_before(self) -> Kept:
        try:
            return read_kept(self.folder / _KEPT)
        except KervanError:
            return self.kept

    def _keep(self, kept: Kept) -> None:
        """Take note that all replicas answer for it."""
        self.kept, self._error = kept, ""
        if self._file is not None:
            write_private(self.folder / _KEPT, msgspec.json.encode(kept))

    def _turn(self, waker: int) -> None:
        """Do what is to be done now, and sleep until there may be more."""
        if signal.SIGHUP in self._signals:
            self._signals.discard(signal.SIGHUP)
            self._read_again()
        self._signals.discard(signal.SIGCHLD)
        self._replicas.tend()
        if self._companion is not None:
            self._companion.tend()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK
            self._scale(now)
        self._tell()
        listener = self._listener.fileno()
        woken = select.select([waker, *([] if self._replicas.all else [listener])], [], [], _PAUSE)[0]
        if listener in woken:
            _log.info("somebody asks: replicas are started")
            self._asked_at = time.monotonic()
            self._replicas.grow(self.kept, self.kept.least)
        with suppress(BlockingIOError):
            os.read(waker, 512)

    def _read_again(self) -> None:
        if self._file is None:
            return
        try:
            wanted = read_kept(self._file)
        except KervanError as error:
            self._attempt = ""
            self._fail(error)
        else:
            self._change(wanted)
        self._tell(always=True)

    def _change(self, wanted: Kept) -> None:
        """Let the replicas answer for what is wanted; where they do not, what was before goes on."""
        try:
            self._check_address(wanted)
            self._replicas.switch(self.kept, wanted)
            self._replicas.open(wanted, wanted.least)
        except KervanError as error:
            self._attempt = wanted.deployment
            self._fail(error)
            return
        self._attempt = wanted.deployment
        self._replicas.shrink(wanted.most)
        self._keep(wanted)
        self._asked_at = time.monotonic()
        _log.info("switched", extra={"deployment": wanted.deployment, "replicas": len(self._replicas.all)})

    def _check_address(self, wanted: Kept) -> None:
        now = self.kept
        if wanted.host != now.host or wanted.port not in {0, now.port, self.port}:
            raise ServerFailed(f"replicas stay on {now.host}:{self.port}", hint="stop them first")
        if wanted.grpc_port not in {now.grpc_port, self.grpc_port}:
            raise ServerFailed("replicas keep their gRPC port", hint="stop them first")
        check_doors(wanted.host, wanted)

    def _fail(self, error: KervanError) -> None:
        self._error = f"{error} ({error.hint})" if error.hint else str(error)
        _log.error(self._error, extra={"deployment": self._attempt, "error": error})

    def _scale(self, now: float) -> None:
        """Have as many replicas as the load asks for, and none while nobody asks, where that is the plan."""
        plan, replicas = self.kept.plan, self._replicas
        if not replicas.all or (not plan.idle and self.kept.most == self.kept.least):
            return
        numbers = [each.number for each in replicas.all if each.is_ready]
        cores = min(plan.cpu, 1.0) if plan.cpu else 1.0
        load = self._meter.read(now, [each for each in numbers if each is not None], cores)
        count = len(replicas.all)
        if self._meter.asked != self._asked or len(numbers) < count:
            self._asked, self._asked_at = self._meter.asked, now
        if plan.idle and now - self._asked_at > plan.idle:
            _log.info("nobody asks: replicas end until somebody does")
            replicas.shrink(0)
            return
        if len(numbers) < count:  # until those that start have their part of the load
            return
        wanted = max(self._scaling.wanted(now, load, count, self.kept.most), self.kept.least)
        if wanted != count:
            _log.info("the load changed", extra={"replicas": wanted, "busy": round(load.busy, 2)})
        replicas.grow(self.kept, wanted)
        replicas.shrink(wanted)

    def _tell(self, *, always: bool = False) -> None:
        """Write what there is to say, if that has changed."""
        if self._file is None:
            return
        states = [each.state for each in self._replicas.all if each.is_ready]
        if states and states[0] is not None:
            self._model, self._since = states[0].model, states[0].since
        state = ServerState(
            pid=os.getpid(),
            host=self.kept.host,
            port=self.port,
            grpc_port=self.grpc_port,
            deployment=self.kept.deployment,
            model=self._model,
            since=self._since,
            attempt=self._attempt,
            error=self._error or self._replicas.complaint,
            replicas=len(states),
        )
        if state == self._told and not always:
            return
        self._told = state
        try:
            _write_state(self._file.parent, state)
        except OSError as error:  # a full disk must not stop the answers
            _log.error(f"cannot write the state: {error.strerror}", extra={"error": error})

    def _end(self) -> None:
        """Take no more calls, and end the replicas."""
        self._listener.close()
        if self._keeper is not None:
            os.close(self._keeper[1])
        self._replicas.close()
        if self._keeper is not None:
            os.close(self._keeper[0])
        if self._reserved is not None:
            self._reserved.close()


def _taken_over(found: list[Replica]) -> socket.socket | None:
    """Return the socket on which replicas listen, from the first one that gives it, or None."""
    callers = [caller for each in found if (caller := knock(each.folder / DOOR)) is not None]
    taken: socket.socket | None = None
    if callers:
        for caller in select.select(callers, [], [], _HAND_SECONDS)[0]:
            taken = taken or take_over(caller)
    for caller in callers:
        caller.close()
    return taken


def _write_state(folder: Path, state: ServerState) -> None:
    write_private(folder / STATE, msgspec.json.encode(state))


def main(arguments: list[str]) -> int:
    """Keep the replicas that the file named in the arguments describes; return the exit status."""
    log_json_lines()
    if len(arguments) != 1:
        _log.error("usage: python -m kervan.deploy.supervisor LIVE.json")
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to change
    file = Path(arguments[0])
    try:
        with only_server(file.parent):
            return _keep(file)
    except (KervanError, OSError) as error:
        _log.error(str(error), extra={"error": error})
        return 1


def _keep(file: Path) -> int:
    kept = read_kept(file)
    try:
        Supervisor(file.parent, kept, file=file).run()
    except Exception as error:  # noqa: BLE001 - who started us reads the reason in the state
        is_known = isinstance(error, KervanError)
        _log.error(str(error), extra={"error": error}, exc_info=not is_known)
        failed = ServerState(
            pid=os.getpid(),
            host=kept.host,
            port=kept.port,
            deployment="",
            model="",
            since=time.time(),
            attempt=kept.deployment,
            error=str(error) if is_known else f"{type(error).__name__}: {error}",
            replicas=0,
        )
        _write_state(file.parent, failed)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
