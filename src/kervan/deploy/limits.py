"""What a replica may take of the machine: by control groups where they can be written, else by our own watch.

Limits of the process itself (`setrlimit`) would not do: they count addresses that are set apart, of which the
libraries of numbers take many times what they use.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.deploy.usage import resident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kervan.core.serving import Plan

_log = logging.getLogger("kervan.deploy")
_GROUPS = Path("/sys/fs/cgroup")
_BY_GROUP = "a control group"
_PERIOD = 100_000  # microseconds for which a share of CPU time is given


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process: `groups` that hold it, and the bytes of `memory` that we watch ourselves."""

    groups: tuple[Path, ...] = ()
    memory: int = 0

    def are_broken(self, number: int) -> bool:
        """Say whether the process has more memory than it may, where the system does not see to that."""
        return bool(self.memory) and resident(number) > self.memory

    def lift(self) -> None:
        """Take the groups away once the process is gone."""
        for group in self.groups:
            with suppress(OSError):
                group.rmdir()


def set_limits(plan: Plan, number: int, folder: Path, groups: Path = _GROUPS) -> Limits:
    """Keep the process `number`, whose folder is `folder`, within the plan, and log by which means.

    `groups` is where control groups are mounted.
    """
    wanted = [each for each, value in (("memory", plan.memory), ("cpu", plan.cpu)) if value]
    if not wanted:
        return Limits()
    name = "kervan-" + hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    made = _groups(groups / name, number, plan, wanted)
    if plan.cpu and "cpu" not in made:
        _bind(number, plan.cpu, folder)
    means = {
        "memory": f"{plan.memory:,} bytes by {_BY_GROUP if 'memory' in made else 'watching it'}",
        "cpu": f"{plan.cpu:g} cores by {_BY_GROUP if 'cpu' in made else 'where it runs'}",
    }
    told = " and ".join(means[each] for each in wanted)
    _log.info(f"a replica may take {told}", extra={"replica": folder.name})
    return Limits(groups=tuple(dict.fromkeys(made.values())), memory=0 if "memory" in made else plan.memory)


def _groups(name: Path, number: int, plan: Plan, wanted: list[str]) -> dict[str, Path]:
    """Put a process into groups, and return that of each controller that could be had.

    In the second version one group has all limits; in the first each controller has groups of its own.
    """
    second = {"memory": {"memory.max": str(plan.memory)}, "cpu": {"cpu.max": f"{_quota(plan)} {_PERIOD}"}}
    first = {
        "memory": {"memory.limit_in_bytes": str(plan.memory)},
        "cpu": {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(_quota(plan))},
    }
    all_files = {file: text for each in wanted for file, text in second[each].items()}
    one = _group(_second_version(name.parent), name.name, number, all_files)
    if one is not None:
        return dict.fromkeys(wanted, one)
    found = {
        each: _group(_first_version(name.parent, each), name.name, number, first[each]) for each in wanted
    }
    return {each: group for each, group in found.items() if group is not None}


def _quota(plan: Plan) -> int:
    return max(int(plan.cpu * _PERIOD), 1_000)


def _group(parents: Iterable[Path], name: str, number: int, files: dict[str, str]) -> Path | None:
    """Put a process into a group of its own below one that we may write, and return it, or None."""
    for parent in parents:
        group = parent / name
        try:
            group.mkdir(exist_ok=True)
            for file, text in {**files, "cgroup.procs": str(number)}.items():
                with (group / file).open("r+") as opened:
                    opened.write(text)
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        return group
    return None


def _second_version(groups: Path) -> Iterator[Path]:
    """Yield where groups of the second version may be made, nearest first."""
    if (groups / "cgroup.controllers").is_file():
        own = groups / _own("").lstrip("/")
        yield from (each for each in (own, own.parent, groups) if each.is_relative_to(groups))


def _first_version(groups: Path, controller: str) -> Iterator[Path]:
    mount = groups / controller
    if mount.is_dir():
        yield from (mount / _own(controller).lstrip("/"), mount)


def _own(controller: str) -> str:
    """Return the path of our own group in the hierarchy of a controller, "" for the second version."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(",") and (controller or not controllers):
                return path
    return "/"


def _bind(number: int, cpu: float, folder: Path) -> None:
    """Let a process run on as few cores as hold its share, others than those of the replica beside it."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    many = min(math.ceil(cpu), len(cores))
    place = int(folder.name) if folder.name.isdigit() else 0
    chosen = {cores[(place * many + each) % len(cores)] for each in range(many)}
    with suppress(OSError):
        os.sched_setaffinity(number, chosen)
