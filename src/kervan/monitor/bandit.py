"""Which share of the traffic each version gets, by how likely it is the best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kervan.monitor.means import Moments

    _Draws = list[NDArray[np.float64]]


def allocate(
    rewards: Mapping[str, Moments], random: np.random.Generator, *, draws: int = 4000, floor: float = 0.05
) -> dict[str, float]:
    """Return each version's share: how often it had the highest mean reward in draws from what is known.

    Rewards between 0 and 1 have a Beta posterior, others a normal one. No version gets less than `floor`,
    so that all are learnt about. (W. R. Thompson, Biometrika 25, 1933; for rewards between 0 and 1 as in
    S. Agrawal, N. Goyal, Analysis of Thompson sampling for the multi-armed bandit problem, COLT 2012.)

    >>> from kervan.monitor.means import Moments
    >>> known = {"a": Moments().plus([0, 1] * 500), "b": Moments().plus([0, 0, 0, 1] * 250)}
    >>> allocate(known, np.random.default_rng(0))
    {'a': 0.95, 'b': 0.05}
    """
    is_unit = all(each.count == 0 or (each.lowest >= 0 and each.highest <= 1) for each in rewards.values())
    drawn = _units(rewards, random, draws) if is_unit else _any(rewards, random, draws)
    wins = np.bincount(np.argmax(drawn, axis=0), minlength=len(rewards)) / draws
    least = min(floor, 1 / len(rewards))
    spare = 1 - least * len(rewards)
    return {name: round(float(least + spare * won), 6) for name, won in zip(rewards, wins, strict=True)}


def _units(rewards: Mapping[str, Moments], random: np.random.Generator, draws: int) -> _Draws:
    won = [(each.count * each.mean, each.count * (1 - each.mean)) for each in rewards.values()]
    return [random.beta(1 + much, 1 + max(little, 0.0), draws) for much, little in won]


def _any(rewards: Mapping[str, Moments], random: np.random.Generator, draws: int) -> _Draws:
    """Draw means from Student's t around each version's own, or around all where one has hardly any."""
    total = sum(each.count for each in rewards.values())
    centre = sum(each.mean * each.count for each in rewards.values()) / total
    apart = sum(each.squares + each.count * (each.mean - centre) ** 2 for each in rewards.values())
    spread = math.sqrt(apart / max(total - 1, 1))
    return [
        each.mean + math.sqrt(each.variance / each.count) * random.standard_t(each.count - 1, draws)
        if each.count > 2
        else centre + spread * random.standard_normal(draws)
        for each in rewards.values()
    ]
