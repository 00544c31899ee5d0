"""Locks between processes: who changes what several share does so one at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.private import make_private, open_private
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock that a file stands for, and hold it meanwhile."""
    with storage_errors(str(path)):
        make_private(path.parent)
        lock = os.fdopen(open_private(path, 0), "w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
