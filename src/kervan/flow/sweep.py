"""Many calls of one step, of which nobody knows beforehand how many: each in one of a few processes.

Unlike a pipeline's, a call here says how far it got, can be given up on the way, and is ended when its time
is over. What was computed before is known; what is computed is kept as soon as it is there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Self

from kervan.core.nouns import Status, StepRun
from kervan.flow.known import key_of, recall, remember
from kervan.flow.processes import processes, surroundings, without_main
from kervan.flow.surroundings import usable_cores
from kervan.flow.values import Value
from kervan.flow.worker import Task, serve_tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from kervan.flow.step import Step
    from kervan.store.open import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A call reported a value; it waits for `Sweep.answer`."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A call ended: with a value, or with an error, or given up, or out of time."""

    name: str
    key: str
    seconds: float
    value: Value | None = None
    cached: bool = False
    error: Exception | None = None
    given_up: bool = False
    out_of_time: bool = False

    @property
    def told(self) -> str:
        """Say in words how it ended."""
        if self.error is not None:
            return f"failed: {self.error}"
        if self.cached:
            return "finished, cached"
        how = "given up" if self.given_up else "out of time" if self.out_of_time else "finished"
        return f"{how}, {self.seconds:.2f} s"

    def on_record(self, name: str, needs: tuple[str, ...] = ()) -> StepRun:
        """Return the call as runs have it, under the name of a step, with the keys of what it needed."""
        status = Status.FAILED if self.error or self.out_of_time else Status.INTERRUPTED
        return StepRun(
            name=name,
            key=self.key,
            status=Status.FINISHED if self.value else status,
            cached=self.cached,
            seconds=self.seconds,
            outputs=(self.value.hash,) if self.value else (),
            needs=needs,
        )


@dataclass(slots=True)
class _Slot:
    """One process, and the call that it computes."""

    process: BaseProcess
    connection: Connection
    name: str = ""
    key: str = ""
    started: float = 0.0
    until: float = float("inf")


class Sweep:
    """Calls of one step in at most so many processes, by default one for each core.

    Use it as a context manager: at the end no process is left.
    """

    def __init__(self, step: Step[..., Any], store: Store, *, workers: int = 0) -> None:
        self._step = step
        self._store = store
        self._most = workers or usable_cores()
        self._slots: list[_Slot] = []
        self._known: list[Ended] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for slot in self._slots:
            _end(slot)

    @property
    def workers(self) -> int:
        """How many calls can be computed at once."""
        return self._most

    @property
    def is_busy(self) -> bool:
        """Whether a call is being computed, or has ended and nobody has heard of it."""
        return bool(self._known) or any(slot.name for slot in self._slots)

    @property
    def has_room(self) -> bool:
        """Whether one more call can be computed at once."""
        return sum(bool(slot.name) for slot in self._slots) < self._most

    def start(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        until: float = float("inf"),
        otherwise: Callable[[], Value | None] = lambda: None,
    ) -> None:
        """Start a call by its name; it ends by itself or at `until`, in the seconds of `time.monotonic`.

        `otherwise` may give a value that is as good as one computed by this call, and is kept as its own.
        """
        key = key_of(self._step, arguments, name, self._store)
        known = Ended(name=name, key=key, seconds=0.0, cached=True)
        try:
            value = recall(key, self._store) or self._kept(key, otherwise())
        except Exception as error:  # noqa: BLE001  what a call would have raised
            self._known.append(replace(known, error=error))
            return
        if value is not None:
            self._known.append(replace(known, value=value))
            return
        slot = next((slot for slot in self._slots if not slot.name), None) or self._open()
        slot.name, slot.key, slot.started, slot.until = name, key, time.monotonic(), until
        module, place = self._step.place
        slot.connection.send(Task(self._store.workspace, module, place, dict(arguments)))

    def next(self, until: float = float("inf")) -> list[Heard | Ended]:
        """Wait until calls have something to say, at most until then, and return it."""
        if self._known:
            ended, self._known = self._known, []
            return list(ended)
        busy = [slot for slot in self._slots if slot.name]
        soonest = min([until, *(slot.until for slot in busy)])
        left = None if soonest == float("inf") else max(0.0, soonest - time.monotonic())
        ready = wait([slot.connection for slot in busy], left)
        found = [self._receive(slot) for slot in busy if slot.connection in ready]
        now = time.monotonic()
        late = [slot for slot in busy if slot.name and slot.connection not in ready and slot.until <= now]
        return [*found, *map(self._cut_off, late)]

    def _kept(self, key: str, value: Value | None) -> Value | None:
        if value is not None:
            remember(self._step, key, value, self._store)
        return value

    def answer(self, name: str, *, go_on: bool) -> None:
        """Say whether a call that reported a value shall go on."""
        next(slot for slot in self._slots if slot.name == name).connection.send(go_on)

    def stop(self) -> list[Ended]:
        """End all calls that are being computed: their time is over."""
        return [self._cut_off(slot) for slot in [slot for slot in self._slots if slot.name]]

    def _receive(self, slot: _Slot) -> Heard | Ended:
        try:
            what, value = slot.connection.recv()
        except (EOFError, OSError):
            return self._lost(slot)
        if what == "heard":
            return Heard(name=slot.name, value=value)
        ended = self._ended(slot)
        slot.name = ""
        if what == "value":
            remember(self._step, ended.key, value, self._store)
            return replace(ended, value=value)
        return replace(ended, given_up=True) if what == "given up" else replace(ended, error=value)

    def _lost(self, slot: _Slot) -> Ended:
        ended = self._ended(slot)
        self._close(slot)
        words = "the process that computed it was ended from outside: often the memory was not enough"
        return replace(ended, error=RuntimeError(words))

    def _cut_off(self, slot: _Slot) -> Ended:
        ended = self._ended(slot)
        self._close(slot)
        return replace(ended, out_of_time=True)

    def _close(self, slot: _Slot) -> None:
        _end(slot)
        self._slots.remove(slot)

    def _ended(self, slot: _Slot) -> Ended:
        return Ended(name=slot.name, key=slot.key, seconds=time.monotonic() - slot.started)

    def _open(self) -> _Slot:
        context = processes()
        ours, theirs = context.Pipe()
        environment = surroundings(max(1, usable_cores() // self._most))
        process = context.Process(target=serve_tasks, args=(theirs, environment), daemon=True)
        with without_main():
            process.start()
        theirs.close()
        slot = _Slot(process, ours)
        self._slots.append(slot)
        return slot


def _end(slot: _Slot) -> None:
    slot.process.kill()
    slot.process.join()
    slot.connection.close()
