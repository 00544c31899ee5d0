"""What comes later than answers: losses of both versions on the same rows, and rewards of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.monitor.betting import Differences
from kervan.monitor.means import Moments

if TYPE_CHECKING:
    from collections.abc import Iterable


class Labels:
    """Paired losses between 0 and 1, and rewards of any size."""

    def __init__(self) -> None:
        self.differences = Differences()
        self.losses = Differences()  # of the candidate alone
        self._stable = Moments()
        self.stable_rewards = Moments()
        self.candidate_rewards = Moments()

    def add_differences(self, differences: Iterable[float]) -> None:
        """Take in losses of the candidate less those of the stable version, each on one row, -1 to 1."""
        self.differences.add(differences)

    def add_losses(self, pairs: Iterable[tuple[float, float]]) -> None:
        """Take in losses on the same rows, stable first, each between 0 and 1."""
        held = list(pairs)
        self._stable = self._stable.plus(old for old, _ in held)
        self.losses.add(new for _, new in held)
        self.differences.add(new - old for old, new in held)

    def add_rewards(self, stable: Iterable[float], candidate: Iterable[float]) -> None:
        """Take in rewards that requests of each version brought."""
        self.stable_rewards = self.stable_rewards.plus(stable)
        self.candidate_rewards = self.candidate_rewards.plus(candidate)

    @property
    def quality(self) -> tuple[float | None, float | None]:
        """One less the mean loss of both, stable first, as far as they are known."""
        if not self.losses.count:
            return None, None
        return 1 - self._stable.mean, 1 - (self.losses.mean or 0.0)
