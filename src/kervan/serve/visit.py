"""One request from its head to its answer, and what is told of it to those who look for slow ones."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kervan.serve.desk import Admission
    from kervan.serve.table import Loaded

_log = logging.getLogger("kervan.serve")
_MOST_LINES = 10  # of the log, a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A prediction that was made, and the seconds that the request waited, was decoded and was scored."""

    model: str
    version: str
    rows: int
    prediction: str
    wait: float
    decode: float
    score: float

    @property
    def ref(self) -> str:
        """Name and version."""
        return f"{self.model}@{self.version}"


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request. `is_counted` says that it was taken from the caller's rate, `error` what went wrong.

    `dealt` is the version that was chosen for it where several share the traffic. One that `is_looked_at`
    stands for all of its turn in what is seen of versions.
    """

    request_id: str = ""
    method: str = ""
    started: float = field(default_factory=time.perf_counter)
    admission: Admission | None = None
    is_counted: bool = False
    work: Work | None = None
    dealt: Loaded | None = None
    is_looked_at: bool = True
    error: str = ""

    @property
    def place(self) -> dict[str, Any]:
        """Return what the log says of where it came in."""
        found = {"request": self.request_id}
        if self.admission is not None:
            mounted = self.admission.mounted
            found |= {
                "path": self.admission.path,
                "protocol": mounted.protocol,
                "trace": self.admission.trace,
            }
        return found


class SlowLog:
    """Logs requests that took long, some lines a second."""

    def __init__(self) -> None:
        self._second = self._lines = self._left_out = 0

    def write(self, visit: Visit, status: int, seconds: float) -> None:
        """Log a request, or count it as left out."""
        now = int(time.monotonic())
        if now != self._second:
            self._second, self._lines = now, 0
        if self._lines >= _MOST_LINES:
            self._left_out += 1
            return
        self._lines += 1
        told: dict[str, Any] = {**visit.place, "status": status, "duration": round(seconds * 1e9)}
        if visit.work is not None:
            work = visit.work
            told |= {"model": work.ref, "rows": work.rows, "prediction": work.prediction}
            told |= {"wait": work.wait, "decode": work.decode, "score": work.score}
        if self._left_out:
            told["left_out"], self._left_out = self._left_out, 0
        _log.warning(f"a request took {seconds:.3g} s", extra={"dataset": "kervan.slow", **told})
