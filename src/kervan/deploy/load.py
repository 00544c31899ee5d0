"""What replicas do: the CPU seconds that the system counts, and what they count themselves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.deploy.scaling import Load

if TYPE_CHECKING:
    from collections.abc import Iterable

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What of a replica's counts tells how much it is asked; `parts` are counts by bucket and seconds."""

    rows: int = 0
    feedback: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    parts: dict[str, tuple[list[int], float]] = field(default_factory=dict)


_decoder = msgspec.json.Decoder(_Counted)


class Meter:
    """Reads what the replicas in a folder do, and tells what is new since it was read last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cpu: dict[int, float] = {}
        self._time = 0.0
        self._sums = (0, 0.0, 0.0)
        self.asked = 0  # answers to callers, and refusals, so far

    def read(self, now: float, numbers: Iterable[int], cores: float) -> Load:
        """Return the load of the processes `numbers`, of which each may have so many `cores`."""
        cpu = {number: cpu_seconds(number) for number in numbers}
        known = [cpu[number] - self._cpu[number] for number in cpu if number in self._cpu]
        passed = now - self._time
        busy = sum(known) / (len(known) * passed * cores) if known and passed > 0 else 0.0
        self._cpu, self._time = cpu, now
        count, waited, scored = self._look()
        fresh = count - self._sums[0]
        before, self._sums = self._sums, (count, waited, scored)
        if fresh <= 0:
            return Load(busy=busy)
        return Load(busy=busy, waited=(waited - before[1]) / fresh, scored=(scored - before[2]) / fresh)

    def _look(self) -> tuple[int, float, float]:
        """Return how many requests were answered, and the seconds that they waited and were scored."""
        all_ = list(self._counted())
        self.asked = sum(each.rows + each.feedback + sum(each.refused.values()) for each in all_)
        waits = [each.parts.get("wait", ([], 0.0)) for each in all_]
        scores = [each.parts.get("score", ([], 0.0)) for each in all_]
        return (
            sum(sum(counts) for counts, _ in waits),
            sum(total for _, total in waits),
            sum(total for _, total in scores),
        )

    def _counted(self) -> Iterable[_Counted]:
        for path in self._folder.glob("*.counts"):
            try:
                yield _decoder.decode(path.read_bytes())
            except (OSError, msgspec.DecodeError):
                continue


def cpu_seconds(number: int) -> float:
    """Return the CPU time that a process has had, 0 of one that is gone."""
    try:
        values = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / _TICKS
    except (OSError, IndexError, ValueError):
        return 0.0
