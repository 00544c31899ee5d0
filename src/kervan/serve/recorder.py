"""Writes one record for every inference, in groups, without holding up the answers.

A thread of its own writes and flushes (`fdatasync`) what has come together: every 100 ms, sooner when
much is waiting. So a record is safe from a crash of the process or the machine 100 ms, plus the time of
one flush, after its answer was sent; until then `kill -9` may lose it. When the disk is full or read-only
the records wait in memory, new requests are refused, and writing goes on as soon as there is room again.
Where somebody takes the file or its folder away, what comes next goes into a new one.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from kervan.core.errors import StorageFailed
from kervan.core.identity import new_id, new_ids
from kervan.core.private import make_private
from kervan.serve.metrics import Metrics
from kervan.serve.segment import Segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.serve.keeper import Keeper

    _Waiting = tuple[str, bytes, Keeper | None]  # id, record, and what decides what of it is kept

_log = logging.getLogger("kervan.serve")
INTERVAL = 0.1
_MANY = 2_000
_LIMIT = 200_000
_RETRY = 0.5


class Sheets(Protocol):
    """What records are written to; `vanished` are files that somebody took away meanwhile."""

    vanished: list[str]

    @property
    def seconds_left(self) -> float | None:
        """How long what is open stays open, None for ever."""

    def write(self, first: str, records: Sequence[bytes]) -> None:
        """Make records (JSON) durable, of which the first has the id `first`, or raise `OSError`."""

    def close(self) -> None:
        """Leave what is open."""


class Recorder:
    """The one writer of its process into a folder, or to what else `sheets` writes to.

    `limit` is how many rows may wait in memory, `interval` for how many seconds what comes is collected.
    """

    def __init__(
        self,
        folder: Path,
        metrics: Metrics | None = None,
        *,
        sheets: Sheets | None = None,
        limit: int = _LIMIT,
        interval: float = INTERVAL,
    ) -> None:
        self.folder = folder
        self.failure = ""
        self._metrics = metrics or Metrics()
        self._limit = limit
        self._interval = interval
        self._segments: Sheets = sheets or Segments(folder)
        self._waiting: list[_Waiting] = []
        self._rows = self._taken = 0
        self._writing = 0
        self._order = threading.Lock()
        self._changed = threading.Condition()
        self._closing = False
        if sheets is None:
            self._try_folder()
        self._thread = threading.Thread(target=self._run, name="kervan-recorder", daemon=True)
        self._thread.start()

    def append(self, rest: bytes, rows: int, keeper: Keeper | None = None) -> str:
        """Take one record to be written, and return the id that it gets; see `extend`."""
        return self.extend([rest], rows, keeper)[0]

    def extend(self, rests: Sequence[bytes], rows: int, keeper: Keeper | None = None) -> list[str]:
        """Take records of so many rows together to be written, and return the ids that they get.

        Each of `rests` is a record as a JSON object whose first brace and member `id` are missing. `keeper`
        decides in the thread that writes what of them is kept. Raises `StorageFailed` if records cannot be
        kept now.
        """
        if self.failure or self._closing or (self._rows and self._rows + rows > self._limit):
            self._refuse(len(rests))
        with self._order:  # ids rise in the file
            ids = new_ids(len(rests))
            before = len(self._waiting)
            self._waiting.extend(zip(ids, rests, [keeper] * len(ids), strict=True))
            self._rows += rows
        if before == 0 or before < _MANY <= before + len(rests):
            with self._changed:
                self._changed.notify_all()
        return ids

    def _refuse(self, requests: int) -> None:
        self._metrics.add_failed(requests)
        reason = self.failure or "too many records wait for the disk"
        raise StorageFailed(f"the prediction cannot be recorded: {reason}", hint="try again in a moment")

    @property
    def waiting(self) -> int:
        """How many rows are not on the disk yet."""
        return self._rows

    @property
    def is_behind(self) -> bool:
        """Whether half of what may wait does so: whoever hands over more should take their time."""
        return not self.failure and 2 * self._rows > self._limit

    def flush(self) -> None:
        """Wait until all that was appended is on the disk; raise `StorageFailed` if it cannot be written."""
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.failure or not (self._waiting or self._writing))
            if self.failure:
                raise StorageFailed(f"records wait to be written: {self.failure}")

    def close(self) -> None:
        """Write what waits and stop; raise `StorageFailed` that says how many records are lost."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._waiting:
            raise StorageFailed(f"{len(self._waiting)} prediction records are lost: {self.failure}")

    def _try_folder(self) -> None:
        """Find out at the start whether the folder can be written."""
        probe = self.folder / f".{new_id()}"
        try:
            make_private(self.folder)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StorageFailed(
                f"predictions cannot be recorded in {self.folder}: {error.strerror}",
                hint="free the disk or give the server a folder that it may write",
            ) from error

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._changed.wait_for(
                    lambda: self._waiting or self._closing, timeout=self._segments.seconds_left
                ):
                    self._segments.close()  # old enough to be read as a whole
                pause = _RETRY if self.failure else self._interval
                self._changed.wait_for(lambda: self._closing or self._is_due(), timeout=pause)
                with self._order:
                    batch, self._waiting, self._taken = self._waiting, [], self._rows
                self._writing = len(batch)
                closing = self._closing
            self._commit(batch)
            if closing:
                break
        self._segments.close()

    def _is_due(self) -> bool:
        return not self.failure and len(self._waiting) >= _MANY

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._write(batch)
        except OSError as error:
            failure, batch_left = error.strerror or str(error), batch
        else:
            failure, batch_left = "", []
            self._metrics.add_written(len(batch))
        if failure != self.failure:
            _log.log(
                logging.ERROR if failure else logging.INFO,
                "predictions cannot be recorded" if failure else "predictions are recorded again",
                extra={"reason": failure, "waiting": len(batch_left), "records": str(self.folder)},
            )
        with self._changed, self._order:
            self.failure = failure
            self._waiting[:0] = batch_left
            self._writing = 0
            if not failure:
                self._rows -= self._taken
            self._changed.notify_all()

    def _write(self, batch: list[_Waiting]) -> None:
        if batch:
            kept = (
                (ident, keeper.kept(ident, rest, self._metrics) if keeper else rest)
                for ident, rest, keeper in batch
            )
            lines = [b'{"id":"%b",%b' % (ident.encode(), rest) for ident, rest in kept]
            self._segments.write(batch[0][0], lines)
        for path in self._segments.vanished:
            _log.error("a file of prediction records was removed or altered", extra={"file": path})
        self._segments.vanished.clear()
