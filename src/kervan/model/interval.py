"""How far a metric may be off because other rows could have been drawn."""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a metric lies with 95 % confidence.

    `heaviest` is the share of the worst row in a mean of losses, 0 for a metric that is none.
    """

    low: float
    high: float
    heaviest: float = 0.0
