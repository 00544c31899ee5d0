"""How long candidates take that are known by their folds: to be fitted, written, proved and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.model.families.combined import STACK, STACK_FOLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.model.train import CandidateScore

_SLACK = 1.2  # as folds are taken from rows that are laid out already
_MEGABYTE = 0.2  # seconds in which a megabyte of figures is written, proved, read again and registered
_LOOK = 1.0  # seconds of a look, besides those in which a candidate is asked
_ASKED = 100_000  # rows, while it is looked at


def seconds_to_finish(members: Sequence[CandidateScore], folds: int, kind: str = "") -> float:
    """Return about how many seconds one candidate takes, or an ensemble of several of some kind.

    Each was fitted once for every fold, on all rows but one fold's. A stack fits its members in folds of its
    own, and once more.
    """
    times = STACK_FOLDS + 1 if kind == STACK else 1
    fits = sum(each.fit_seconds for each in members) / (folds - 1)
    size = sum(each.size or 0 for each in members)
    return _SLACK * times * fits + _MEGABYTE * size / 1e6


def seconds_to_look(score: CandidateScore) -> float:
    """Return about how many seconds a look takes, by what a candidate takes for many rows and for one."""
    row = ((score.many_seconds or 0.0) - (score.one_seconds or 0.0)) / max(1, score.many)
    return _LOOK + _ASKED * max(0.0, row)
