"""How far a metric may be off because other rows could have been drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a metric lies with 95 % confidence.

    `heaviest` is the share of the worst row in a mean of losses, 0 for a metric that is none.
    """

    low: float
    high: float
    heaviest: float = 0.0

    def holding(self, value: float) -> Interval:
        """Return the interval, as much longer as it takes to hold a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))
