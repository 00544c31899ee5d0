"""What a process takes of the machine, as Linux counts it; 0 of one that is gone, and where nobody counts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_NANO = 1e9
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def resident(number: int) -> int:
    """Return the bytes of memory that a process has."""
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def cpu_seconds(number: int) -> float:
    """Return the seconds for which a process had a core."""
    try:
        values = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / _TICKS
    except (OSError, IndexError, ValueError):
        return 0.0


def busy_seconds(number: int) -> float:
    """Return the time for which a process had a core or waited for one.

    On a machine that others keep busy too, what a process gets says little about what it needs. Where the
    system does not count the waiting, it is the time that it had.
    """
    waiting = 0.0
    for path in Path(f"/proc/{number}/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):
            waiting += int(path.read_text().split()[1]) / _NANO
    return waiting + cpu_seconds(number)
