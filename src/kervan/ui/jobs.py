"""Work that takes a while, each in a process of its own, and how far it is."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context, resource_tracker
from typing import TYPE_CHECKING, Any

from kervan.app.project import Stage, open_project
from kervan.core.errors import Conflict, NotFound
from kervan.core.identity import new_id
from kervan.ui.page import Done
from kervan.ui.reply import is_bug, named_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from kervan.ui.page import Work

_MOST = 3  # at once
_KEPT = 50
_PATIENCE = 5.0  # seconds for all that is interrupted


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How a piece of work stands; `done` says what came of it, `error` and `hint` what went wrong."""

    id: str
    title: str
    command: str
    started: float
    ended: float | None = None
    stages: tuple[Stage, ...] = ()
    done: Done | None = None
    error: str = ""
    hint: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.ended is not None


class Jobs:
    """All work that this site has begun since it was started, the newest 50 of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._about: dict[str, str] = {}
        self._processes: dict[str, BaseProcess] = {}

    def begin(self, work: Work) -> Job:
        """Start work, or raise `Conflict` where the same or too much is under way."""
        with self._lock:
            going = [each for each in self._jobs.values() if not each.is_over]
            if same := next((each for each in going if self._about[each.id] == work.about), None):
                raise Conflict(f"{same.title}: this is under way", hint="wait until it is over")
            if len(going) >= _MOST:
                raise Conflict(f"{len(going)} things are under way", hint="wait until one of them is over")
            job = Job(id=new_id(), title=work.title, command=work.command, started=time.time())
            self._jobs[job.id], self._about[job.id] = job, work.about
            for old in [each.id for each in self._jobs.values() if each.is_over][:-_KEPT]:
                del self._jobs[old], self._about[old]
                self._processes.pop(old, None)
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        arguments = (os.getpid(), self._folder, work.function, dict(work.arguments), theirs)
        process = context.Process(target=_work, args=arguments)
        try:
            with _uninterrupted():
                process.start()
        except Exception:
            self._change(job.id, error="it could not be begun", ended=time.time())
            raise
        theirs.close()
        self._processes[job.id] = process
        threading.Thread(target=self._listen, args=(job.id, ours, process), daemon=True).start()
        return job

    def job(self, ident: str) -> Job:
        """Return how a piece of work stands."""
        found = self._jobs.get(ident)
        if found is None:
            raise NotFound(
                "this work is not known here any more", hint="what it did is on record: see the runs"
            )
        return found

    def all(self) -> list[Job]:
        """Return all work, newest first."""
        return sorted(self._jobs.values(), key=lambda each: each.started, reverse=True)

    def interrupt(self, ident: str) -> None:
        """Ask work to end; what it has done so far is kept."""
        process = self._processes.get(ident)
        if process is not None and process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGINT)

    def close(self) -> None:
        """Interrupt all work, and wait for it a little."""
        for ident in list(self._processes):
            self.interrupt(ident)
        end = time.monotonic() + _PATIENCE
        for process in list(self._processes.values()):
            process.join(max(0.0, end - time.monotonic()))
            process.terminate()

    def _listen(self, ident: str, messages: Connection, process: BaseProcess) -> None:
        """Take note of what a process tells until it ends."""
        with suppress(EOFError, OSError):
            while True:
                self._change(ident, **_read(messages.recv(), self._jobs[ident]))
        process.join()
        if self._jobs[ident].done is None and not self._jobs[ident].error:
            self._change(
                ident, error="it was interrupted", hint="begin it again: what is done is not done twice"
            )
        self._change(ident, ended=time.time())

    def _change(self, ident: str, **changes: Any) -> None:
        with self._lock:
            self._jobs[ident] = replace(self._jobs[ident], **changes)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a process that begins here wait with Ctrl-C until it can take it (`_work`)."""
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read(message: Stage | Done | tuple[str, str], job: Job) -> dict[str, Any]:
    if isinstance(message, Stage):
        return {"stages": (*job.stages, message)}
    if isinstance(message, Done):
        return {"done": message}
    return {"error": message[0], "hint": message[1]}


def _work(
    parent: int,
    folder: Path,
    function: Callable[..., Done],
    arguments: Mapping[str, Any],
    messages: Connection,
) -> None:
    """Do the work, and tell of it."""
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        project = open_project(folder, observe=messages.send)
        try:
            messages.send(function(project, **arguments))
        finally:
            project.store.close()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already
    except Exception as error:
        named = named_error(error)
        messages.send((str(named), named.hint))
        if is_bug(error):
            raise


def _leave_with(parent: int) -> None:
    """End with the site, also where that was killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
