"""Answers, which are many, in a few groups that are about as frequent."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUPS = 10
_NUMBER, _CHANCE = re.compile(r"([+-])(-?[0-9]+)"), re.compile(r"p([0-9]+)")
_FAR = 1e6  # more steps than any number is away from 1


class Groups:
    """Groups of neighbouring answers, made from what one version answered; a frequent answer stands alone.

    Answers that were not there then belong to the group before them.

    >>> groups = Groups({"p5": 50, "p10": 50, "p0": 800, "p95": 100}, most=4)
    >>> groups.labels
    ('0 %', '5 % to 95 %')
    >>> groups.counts({"p10": 2, "p0": 1, "p70": 1})
    [1, 3]
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
    ends = [_text(each) for each in (members[0], members[-1])]
    return ends[0] if len(members) == 1 else f"{ends[0]} to {ends[1]}"


def _text(name: str) -> str:
    """Return what a name of `kervan.serve.seen.output_of` stands for: where a range begins, or a class.

    >>> _text("p15"), _text("+24"), _text("no")
    ('15 %', '9.8', 'no')
    """
    if found := _NUMBER.fullmatch(name):
        return f"{float(found[1] + '1') * 1.1 ** int(found[2]):.2g}"
    return f"{name[1:]} %" if _CHANCE.fullmatch(name) else name


def _order(name: str) -> tuple[bool, float, str]:
    """Put numbers and probabilities in their own order, before classes in that of the alphabet."""
    if name == "0":
        return False, 0.0, name
    if found := _NUMBER.fullmatch(name):
        return False, float(found[1] + "1") * (_FAR + int(found[2])), name
    if _CHANCE.fullmatch(name):
        return False, float(name[1:]), name
    return True, 0.0, name
