"""Shadows: versions that are asked what others answer, in their own time. Nobody hears what they say."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import StorageFailed
from kervan.core.keeping import EVERYTHING
from kervan.serve.answer import check_values, name_values
from kervan.serve.asked import record_of
from kervan.serve.seen import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.serve.asked import Asked
    from kervan.serve.recorder import Recorder
    from kervan.serve.table import Loaded

_log = logging.getLogger("kervan.serve")
_MOST = 1_000  # requests that wait; what comes then is not mirrored
_QUIET_SECONDS = 10.0
_NICE = 19
_CLOSE = 0.01  # of a number: what differs by more was answered otherwise


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A request that was answered: its prediction's id, its rows and their answers as JSON, who asked."""

    ident: str
    rows: bytes
    outputs: bytes
    asked: Asked
    is_looked_at: bool


class Mirror:
    """Asks shadows in a thread of its own, which the system lets run when there is nothing better to do."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Sequence[Loaded], Mirrored]] = deque()
        self._some = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._left_out = 0
        self._last_said = -_QUIET_SECONDS

    def knows(self, recorder: Recorder) -> None:
        """Take what writes down the answers of shadows."""
        self._recorder = recorder

    def take(self, shadows: Sequence[Loaded], mirrored: Mirrored) -> None:
        """Ask shadows the same in a while, unless too much waits already."""
        if len(self._waiting) >= _MOST:
            self._leave_out()
            return
        self._waiting.append((shadows, mirrored))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kervan-mirror", daemon=True)
            self._thread.start()
        with self._some:
            self._some.notify()

    def close(self) -> None:
        """Stop: what waits is not asked any more."""
        self._closing = True
        with self._some:
            self._some.notify()
        if self._thread is not None:
            self._thread.join()

    def _leave_out(self) -> None:
        self._left_out += 1
        now = time.monotonic()
        if now - self._last_said >= _QUIET_SECONDS:
            _log.warning("the shadow is behind", extra={"left_out": self._left_out})
            self._last_said, self._left_out = now, 0

    def _run(self) -> None:
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._closing:
            with self._some:
                self._some.wait_for(lambda: self._waiting or self._closing)
            while self._waiting and not self._closing:
                shadows, mirrored = self._waiting.popleft()
                for shadow in shadows:
                    self._ask(shadow, mirrored)

    def _ask(self, shadow: Loaded, mirrored: Mirrored) -> None:
        rows = msgspec.json.decode(mirrored.rows)
        started = time.perf_counter()
        outputs: tuple[dict[str, Any], ...] = ()
        try:
            matrix = shadow.decoder.decode(rows)
            decoded = time.perf_counter()
            values = shadow.predictor.predict(matrix)
            check_values(values, len(matrix), shadow.signature)
            outputs = name_values(values, shadow.signature)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the shadow's and nobody waits
            is_looked_at = mirrored.is_looked_at
            shadow.seen.fail(kind_of(error) or "failed", is_looked_at=is_looked_at, is_new=True)
        else:
            shadow.seen.answer(1, len(rows), time.perf_counter() - decoded)
            if mirrored.is_looked_at:
                shadow.seen.look(time.perf_counter() - started, values)
            given = msgspec.json.decode(mirrored.outputs)
            shadow.seen.compare(len(rows), sum(map(_differ, given, outputs)))
        self._record(shadow, mirrored, outputs, time.perf_counter() - started)

    def _record(
        self, shadow: Loaded, mirrored: Mirrored, outputs: Sequence[Mapping[str, Any]], seconds: float
    ) -> None:
        """Write down what the shadow answers; what it was asked is on record already."""
        record = {
            **record_of(shadow, mirrored.asked),
            "time": time.time(),
            "request": mirrored.asked.request_id,
            "trace": mirrored.asked.trace,
            "seconds": seconds,
            "mirrors": mirrored.ident,
            "withheld": [EVERYTHING],
            "inputs": (),
            "outputs": outputs,
        }
        with suppress(StorageFailed):  # the recorder says so in the log
            self._recorder.append(msgspec.json.encode(record)[1:], max(len(outputs), 1))


def _differ(given: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Say whether two answers are not the same: another label, or a number that is off by more than 1 %."""
    if "label" in given or "label" in own:
        return given.get("label") != own.get("label")
    one, other = float(given["value"]), float(own["value"])
    return abs(one - other) > _CLOSE * max(abs(one), abs(other))
