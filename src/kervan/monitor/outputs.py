"""Answers, which are many, in a few groups that are about as frequent."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUPS = 10


class Groups:
    """Groups of neighbouring answers, made from what one version answered; a frequent answer stands alone.

    Answers that were not there then belong to the group before them.

    >>> groups = Groups({"9": 5, "10": 5, "no": 80, "yes": 10}, most=4)
    >>> groups.labels
    ('9 – 10', 'no', 'yes')
    >>> groups.counts({"10": 2, "no": 1, "now": 1})
    [2, 2, 0]
    """

    def __init__(self, seen: Mapping[str, int], most: int = GROUPS) -> None:
        enough = sum(seen.values()) / most
        members: list[list[str]] = []
        held = enough
        for name in sorted(seen, key=_order):
            if held >= enough or seen[name] >= enough:
                members.append([])
                held = 0.0
            members[-1].append(name)
            held += seen[name]
        self.labels = tuple(_label(each) for each in members)
        self._place = {name: place for place, each in enumerate(members) for name in each}
        self._starts = [_order(each[0]) for each in members]

    def counts(self, seen: Mapping[str, int]) -> list[int]:
        """Count answers by group."""
        counts = [0] * len(self.labels)
        for name, count in seen.items():
            place = self._place.get(name)
            if place is None:
                place = max(bisect_right(self._starts, _order(name)) - 1, 0)
                self._place[name] = place
            counts[place] += count
        return counts


def _label(members: list[str]) -> str:
    return members[0] if len(members) == 1 else f"{members[0]} – {members[-1]}"


def _order(name: str) -> tuple[bool, float, str]:
    """Put numbers before texts, and in their own order."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
