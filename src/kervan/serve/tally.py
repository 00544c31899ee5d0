"""What one version has answered since it was loaded, in one process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from kervan.core.ports import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tally:
    """Counts requests, their rows, and what their time went into.

    >>> tally = Tally()
    >>> tally.add(3, 2, (0.25, 0.0, 0.5))
    >>> tally.counts().rows, tally.counts().runs, tally.counts().score
    (3, 1, 1.0)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered = self._refused = self._rows = self._runs = 0
        self._decode = self._wait = self._score = self._last = 0.0

    def add(self, rows: int, requests: int, parts: Sequence[float]) -> None:
        """Count a run over rows of some requests, each of them decoded, waiting and scored for so long."""
        decode, wait, score = parts
        with self._lock:
            self._answered += requests
            self._rows += rows
            self._runs += 1
            self._decode += decode * requests
            self._wait += wait * requests
            self._score += score * requests
            self._last = time.time()

    def refuse(self) -> None:
        """Count a request that was not answered."""
        with self._lock:
            self._refused += 1

    def counts(self) -> Counts:
        """Return what there is so far."""
        with self._lock:
            return Counts(
                answered=self._answered,
                refused=self._refused,
                rows=self._rows,
                runs=self._runs,
                decode=self._decode,
                wait=self._wait,
                score=self._score,
                last=self._last,
            )
