"""A server and all processes that it starts: their CPU time, their memory, and their end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_SECONDS_TO_END = 15.0


class Tree:
    """A process and those that descend from it, also after their parents are gone."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self._known = {process.pid: _started(process.pid)}

    def pids(self) -> list[int]:
        """Return those that live, and remember them."""
        children: dict[int, list[int]] = {}
        for folder in _PROC.iterdir():
            if folder.name.isdigit() and (fields := _fields(int(folder.name))):
                children.setdefault(int(fields[1]), []).append(int(folder.name))
        living = [pid for pid, started in self._known.items() if _started(pid) == started]
        for pid in living:  # grows while it is walked
            new = [child for child in children.get(pid, ()) if child not in self._known]
            self._known |= {child: _started(child) for child in new}
            living += new
        return living

    def cpu_seconds(self) -> float:
        """Return the CPU time of all that live, and of those of their children that they have buried."""
        return sum(sum(map(int, fields[11:15])) for pid in self.pids() if (fields := _fields(pid))) / _TICKS

    def memory_mb(self) -> float:
        """Return the resident memory; what several share counts for each of them."""
        pages = sum(int(fields[21]) for pid in self.pids() if (fields := _fields(pid)))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> None:
        """Ask it to end, and end whatever is still there after some seconds."""
        self.pids()
        self.process.terminate()
        until = time.monotonic() + _SECONDS_TO_END
        while (left := self.pids()) and time.monotonic() < until:
            self.process.poll()
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Tree]:
    """Run a server in a folder, and end it and its descendants whatever happens."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone
        )
    tree = Tree(process, log)
    try:
        yield tree
    finally:
        tree.end()


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _started(pid: int) -> str:
    """Return when a process began, "" if it is gone: a number is given again to others."""
    fields = _fields(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _fields(pid: int) -> list[str]:
    """Return what follows the name in `/proc/PID/stat`: state, parent, …"""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
