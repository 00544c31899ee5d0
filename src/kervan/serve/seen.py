"""Counts what each version does while others answer beside it: what releases are judged by.

One request of each turn is looked at closely, taken by chance among those of all versions. So what happens
to many requests at once counts once, and each version is seen in proportion to its share.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidInput, KervanError, ServerFailed
from kervan.core.observed import Observed, Sighting, bucket
from kervan.core.private import write_private
from kervan.package.answers import chosen
from kervan.serve.moment import process_now

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.serve.engine import Engine

_log = logging.getLogger("kervan.serve")
FILE = "seen.json"
_SECONDS = 0.25
_LOG_TENTH = math.log(1.1)
_decoder = msgspec.json.Decoder(Sighting)


class Incidents:
    """Knows which kinds of failure each caller met in this second: a burst of them counts once.

    It is shared by all versions, so that the first of a burst counts, whichever version met it.
    """

    def __init__(self) -> None:
        self._second = 0
        self._known: set[tuple[str, str]] = set()

    def is_new(self, kind: str, caller: str) -> bool:
        """Say whether nothing of the kind happened to the caller in this second, and take note of it."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._known = second, set()
        many = len(self._known)
        self._known.add((kind, caller))
        return len(self._known) > many


class Seen:
    """What one version did in this process since it was given its share."""

    def __init__(self, deployment: str, model: str, signature: Signature) -> None:
        self._lock = threading.Lock()
        self._signature = signature
        self._before = Observed(deployment=deployment, model=model)
        self._answered = self._failed = self._refused = self._streak = self._rows = self._looked = 0
        self._compared = self._changed = 0
        self._cpu = 0.0
        self._incidents: Counter[str] = Counter()
        self._seconds: Counter[int] = Counter()
        self._outputs: Counter[str] = Counter()

    def go_on(self, before: Observed) -> None:
        """Begin with what a process in the same place had seen before it ended."""
        self._before = before

    def answer(self, requests: int, rows: int, seconds: float) -> None:
        """Count requests that were answered, and the seconds that their rows were scored."""
        with self._lock:
            self._answered += requests
            self._rows += rows
            self._cpu += seconds
            self._streak = 0

    def look(self, seconds: float, values: NDArray[np.float64]) -> None:
        """Take note of the request of a turn that is looked at: its time, and its first row's figures."""
        with self._lock:
            self._looked += 1
            self._seconds[bucket(seconds)] += 1
            self._outputs[output_of(values, self._signature)] += 1

    def fail(self, kind: str, *, is_looked_at: bool, is_new: bool) -> None:
        """Count a request that was not answered; it `is_new` unless it is one of a burst."""
        with self._lock:
            self._looked += is_looked_at
            if kind == "failed":
                self._failed += 1
                self._streak += 1
            else:
                self._refused += 1
            if is_new:
                self._incidents[kind] += 1

    def compare(self, rows: int, changed: int) -> None:
        """Count rows whose answers were compared with those that the caller got."""
        with self._lock:
            self._compared += rows
            self._changed += changed

    def observed(self) -> Observed:
        """Return what there is so far."""
        with self._lock:
            return self._before.plus(
                Observed(
                    deployment=self._before.deployment,
                    model=self._before.model,
                    answered=self._answered,
                    failed=self._failed,
                    refused=self._refused,
                    streak=self._streak,
                    rows=self._rows,
                    cpu=self._cpu,
                    looked=self._looked,
                    compared=self._compared,
                    changed=self._changed,
                    incidents=dict(self._incidents),
                    seconds=dict(self._seconds),
                    outputs=dict(self._outputs),
                )
            )


def kind_of(error: Exception) -> str:
    """Return how a failure counts against the version that was asked, "" where it is not the version's.

    `refused` is a request that it does not take, `failed` one that it took and could not answer.
    """
    if isinstance(error, InvalidInput):
        return "refused"
    is_ours = isinstance(error, ServerFailed) or not isinstance(error, KervanError)
    return "failed" if is_ours and not hasattr(error, "status") else ""


def output_of(values: NDArray[np.float64], signature: Signature) -> str:
    """Name the group that the first row's answer belongs to.

    Of two classes it is the probability of the second in steps of 5 %, of many the class that it names;
    of numbers the sign, and the size in steps of 10 %.
    """
    row = values[0]
    if not signature.is_classification:
        size = abs(float(row[0]))
        sign = "-" if row[0] < 0 else "+"
        return "0" if size < 1e-12 else f"{sign}{math.floor(math.log(size) / _LOG_TENTH)}"
    if len(row) == 2:
        return f"p{min(int(row[1] * 20), 19) * 5}"
    return str(signature.output.allowed[int(chosen(values[:1], signature.naming)[0])])


class Watcher:
    """Writes again and again what an engine's versions did, for those who judge a release."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._path = folder / FILE
        self._last: Any = None
        self._go_on()

    def _go_on(self) -> None:
        """Begin with what the process before this one wrote, where the deployment is the same."""
        try:
            before = _decoder.decode(self._path.read_bytes()).seen
        except (OSError, msgspec.DecodeError):
            return
        known = {(each.deployment, each.model): each for each in before}
        for loaded in self._engine.table.rows:
            found = known.get((loaded.serving.deployment, loaded.manifest.ref))
            if found is not None:
                loaded.seen.go_on(found)

    async def keep(self) -> None:
        """Write until this is cancelled, and once more then."""
        try:
            while True:
                self.write()
                await asyncio.sleep(_SECONDS)
        finally:
            self.write()

    def write(self) -> None:
        """Write what there is, if it is more than before."""
        seen = tuple(each.seen.observed() for each in self._engine.table.rows)
        if seen == self._last:
            return
        sighting = Sighting(pid=os.getpid(), memory=process_now().memory, seen=seen)
        try:
            write_private(self._path, msgspec.json.encode(sighting), durable=False)
            self._last = seen
        except OSError as error:  # what is counted is not worth a failed answer
            _log.warning("what was seen cannot be written", extra={"reason": error.strerror})
