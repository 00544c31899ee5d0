"""A process that runs beside the replicas, whoever of them all is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from kervan.core.locks import is_held
from kervan.deploy.companion import FILE, LOCK

if TYPE_CHECKING:
    from serve.live import Live

CODE = """
import fcntl, os, time
lock = open("companion.lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
with open("born", "a") as born:
    print(os.getpid(), file=born)
time.sleep(60)
"""


def born(server: Live) -> list[int]:
    try:
        return [int(line) for line in (server.folder / "born").read_text().splitlines()]
    except OSError:
        return []


def test_it_is_kept_and_outlives_its_supervisor(two: Live) -> None:
    command = [sys.executable, "-c", CODE]
    (two.folder / FILE).write_text(json.dumps({"command": command, "cwd": str(two.folder)}))
    two.until(lambda: len(born(two)) == 1)
    os.kill(born(two)[0], signal.SIGKILL)
    two.until(lambda: len(born(two)) == 2)
    port = two.port
    assert two.process is not None
    two.process.kill()
    two.process.wait()
    two.start(port)
    assert two.terminate() == 0
    assert is_held(two.folder / LOCK)
    assert len(born(two)) == 2
    os.kill(born(two)[-1], signal.SIGKILL)


def test_one_that_cannot_start_harms_nobody(two: Live) -> None:
    (two.folder / FILE).write_text("{")
    two.until(lambda: "the companion does not start" in two.log)
    (two.folder / FILE).unlink()
    assert two.ask("GET", "/readyz").status == 200
