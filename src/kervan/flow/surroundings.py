"""The code, packages and machine of a run, as they were."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.nouns import Code, Host

if TYPE_CHECKING:
    from kervan.store.blobs import Blobs

_DISTRIBUTION = re.compile(r"(.+?)-([^-]+)\.(?:dist|egg)-info")
_LOGIN = re.compile(r"(?<=//)[^/]*@")
# Whatever the user's settings make of differences, this one can be applied again.
_APPLICABLE = (
    "--binary",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def code_state(folder: Path, blobs: Blobs) -> Code:
    """Return repository, branch, commit and the stored patch of uncommitted changes, if Git knows them."""
    commit = _git_text(folder, "rev-parse", "HEAD")
    if not commit:
        return Code()
    top = _git_text(folder, "rev-parse", "--show-toplevel")
    remote = _LOGIN.sub("", _git_text(folder, "config", "--get", "remote.origin.url"))
    difference = _git(folder, "diff", "HEAD", *_APPLICABLE)
    return Code(
        repository=remote or top,
        branch=_git_text(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        commit=commit,
        difference=blobs.put_bytes(difference) if difference else "",
    )


@cache
def installed_packages() -> dict[str, str]:
    """Return the versions of all installed distributions, by name, read from the names of their folders."""
    found: dict[str, str] = {}
    for place in sys.path:
        folder = Path(place)
        names = sorted(entry.name for entry in folder.glob("*-info")) if folder.is_dir() else []
        for match in filter(None, map(_DISTRIBUTION.fullmatch, names)):
            found.setdefault(match[1].replace("_", "-").lower(), match[2])
    return dict(sorted(found.items()))


def usable_cores() -> int:
    """Return how many cores this process may use: a container or `taskset` may give it a part of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def this_host() -> Host:
    """Describe this machine and process."""
    return Host(
        name=platform.node(),
        platform=platform.platform(),
        python=platform.python_version(),
        cores=usable_cores(),
        process=os.getpid(),
        started=process_started(os.getpid()) or time.time(),
    )


def is_alive(host: Host) -> bool:
    """Say whether the process still runs; one on another machine counts as alive: nobody here can know."""
    if host.name != platform.node():
        return True
    if not Path("/proc").is_dir():
        return _answers(host.process)
    started = process_started(host.process)
    return started is not None and abs(started - host.started) < 2


def process_started(process: int) -> float | None:
    """Return when a process started, in seconds since 1970, or None if it is gone or nobody tells."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    except (OSError, StopIteration):
        return None
    if fields[0] == "Z":
        return None
    return int(boot.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _answers(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _git_text(folder: Path, *arguments: str) -> str:
    return _git(folder, *arguments).decode(errors="replace").strip()


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""
