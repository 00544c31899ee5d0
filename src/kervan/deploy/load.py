"""What replicas do: the seconds that the system counts, and what they count themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from kervan.deploy.scaling import Load
from kervan.deploy.usage import busy_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


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
        self._busy: dict[int, float] = {}
        self._time = 0.0
        self._sums = (0, 0.0, 0.0)
        self.asked = 0  # answers to callers, and refusals, so far

    def read(self, now: float, numbers: Iterable[int], cores: float) -> Load:
        """Return the load of the processes `numbers`, of which each may have so many `cores`."""
        busy = {number: busy_seconds(number) for number in numbers}
        known = [max(busy[each] - self._busy[each], 0.0) for each in busy if each in self._busy]
        passed = now - self._time
        share = sum(known) / (len(known) * passed * cores) if known and passed > 0 else 0.0
        self._busy, self._time = busy, now
        count, waited, scored = self._look()
        fresh = count - self._sums[0]
        before, self._sums = self._sums, (count, waited, scored)
        if fresh <= 0:
            return Load(busy=share)
        return Load(busy=share, waited=(waited - before[1]) / fresh, scored=(scored - before[2]) / fresh)

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
