"""Prediction records as lines of the log, for where no disk stays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class LogLines:
    """Writes each record as one line on stdout: a JSON object with the `record`.

    Its `event.dataset` tells these lines from others of the log.
    """

    seconds_left = None

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset.encode()
        self.vanished: list[str] = []

    def write(self, first: str, records: Sequence[bytes]) -> None:
        """Write records (JSON); `first` is the id of the first of them."""
        lines = [b'{"event.dataset":"%b","record":%b}\n' % (self._dataset, record) for record in records]
        sys.stdout.write(b"".join(lines).decode())
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is open."""
