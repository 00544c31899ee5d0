"""A server that runs on its own, a supervisor with its replicas: started, found, told to switch, stopped.

Each process holds the lock of its folder for as long as it lives, and says in `state.json` how it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kervan.core.errors import ServerFailed
from kervan.core.locks import LOCK, process_number
from kervan.core.serving import ServerState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STATE = "state.json"
LOG = "server.log"
REPLICAS = "replicas"
_STEP = 0.05
_START_SECONDS = 60.0
_SWITCH_SECONDS = 60.0
_DRAIN_SECONDS = 20.0
_TAIL = 4096

T = TypeVar("T")


def read_state(folder: Path) -> ServerState | None:
    """Return what the server last said about itself; it may be gone since."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=ServerState)
    except (OSError, msgspec.DecodeError):
        return None


def stamp(folder: Path) -> tuple[int, int]:
    """Tell one writing of the state from the next: each makes a new file."""
    try:
        stat = (folder / STATE).stat()
    except OSError:
        return (0, 0)
    return stat.st_ino, stat.st_mtime_ns


def running(folder: Path) -> ServerState | None:
    """Return the state of the server that runs from the folder, or None if none does.

    One that came to nothing says so, with no deployment, while it ends: it does not run.
    """
    number = process_number(folder)
    state = read_state(folder)
    is_there = state is not None and state.pid == number and bool(state.deployment)
    return state if is_there else None


def orphans(folder: Path) -> list[Path]:
    """Return the folders of the replicas that live in a folder."""
    return [path.parent for path in folder.glob(f"{REPLICAS}/*/{LOCK}") if process_number(path.parent)]


def start(file: Path) -> ServerState:
    """Start a supervisor in a session of its own and wait until its replicas answer.

    Raises `ServerFailed` with the server's own reason if it ends before.
    """
    folder = file.parent
    (folder / STATE).unlink(missing_ok=True)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kervan.deploy.supervisor", os.fspath(file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    threading.Thread(target=process.wait, daemon=True).start()  # takes note of its end, whenever that is
    state = None
    try:
        state = _wait(lambda: running(folder), _START_SECONDS, lambda: process.poll() is not None)
    finally:
        if state is None:
            _stop_one(folder)
            process.kill()
    if state is None:
        raise ServerFailed(f"the server did not start: {_reason(folder)}", hint=f"see {folder / LOG}")
    return state


def switch(folder: Path, deployment: str) -> ServerState:
    """Tell the running server to read its file again, and wait until it answers for the deployment.

    Raises `ServerFailed` with the server's reason if it refuses or dies.
    """
    number = process_number(folder)
    before = stamp(folder)
    if number is not None:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGHUP)

    done = None
    while done is None and _speaks(folder, before):  # it does so for each replica that it replaces
        before = stamp(folder)
        state = read_state(folder)
        done = state if state is not None and state.attempt == deployment else None
    if done is None or process_number(folder) is None:
        what = "ended" if process_number(folder) is None else "did not answer"
        raise ServerFailed(f"the server {what} while it switched", hint=f"see {folder / LOG}")
    if done.deployment != deployment:
        raise ServerFailed(f"the server kept {done.model}: {done.error}", hint=f"see {folder / LOG}")
    return done


def _speaks(folder: Path, before: tuple[int, int]) -> bool:
    """Wait until the server says something, and return whether it did."""

    def has_spoken() -> bool | None:
        return stamp(folder) != before or None

    return bool(_wait(has_spoken, _SWITCH_SECONDS, lambda: process_number(folder) is None))


def stop(folder: Path) -> None:
    """End what runs from the folder, if something does: kindly, and after 20 seconds by force."""
    _stop_one(folder)
    for replica in orphans(folder):  # of a supervisor that was killed
        _stop_one(replica)


def _stop_one(folder: Path) -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        number = process_number(folder)
        if number is None:
            return
        with suppress(ProcessLookupError):
            os.kill(number, signum)
        if _wait(lambda: process_number(folder) is None, _DRAIN_SECONDS, lambda: False):
            return
    raise ServerFailed(f"the server in {folder} does not end", hint=f"look at the process {number}")


def _wait(look: Callable[[], T | None], seconds: float, is_over: Callable[[], bool]) -> T | None:
    """Look until there is something, it is over, or the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        over = is_over() or time.monotonic() > deadline
        found = look()
        if found or over:
            return found
        time.sleep(_STEP)


def _reason(folder: Path) -> str:
    state = read_state(folder)
    if state is not None and state.error:
        return state.error
    try:
        lines = (folder / LOG).read_bytes()[-_TAIL:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"
