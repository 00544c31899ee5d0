"""Are families of distributions told right? Seeded samples of each, and a table of what was said instead."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.families.choose import family_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

VALUES = 5000
SAMPLES = 200  # of each family, times the runs: 1,000 by default


def main(runs: int) -> None:
    """Print the confusion table, one line for each true family."""
    samples = SAMPLES * runs
    print(f"\n== families: of {samples:,} seeded samples of {VALUES:,} values each, how many are told right")
    for name, draw in FAMILIES.items():
        said = told(draw, samples)
        wrong = ", ".join(f"{other} {count}" for other, count in said.most_common() if other != name)
        print(f"  {name:18} {said[name] / samples:7.1%}   {wrong}", flush=True)


def told(draw: Callable[[np.random.Generator], NDArray[np.float64]], samples: int) -> Counter[str]:
    """Count what was said of so many samples."""
    said: Counter[str] = Counter()
    for seed in range(samples):
        values = np.sort(draw(np.random.default_rng(seed)).astype(np.float64))
        is_whole = bool((values == np.rint(values)).all())
        found = family_of(values, is_whole=is_whole, distinct=len(np.unique(values)))
        said[found.name if found else "none"] += 1
    return said


def normal(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.normal(dice.uniform(-100, 100), 10 ** dice.uniform(-2, 3), VALUES)


def lognormal(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.lognormal(dice.uniform(-2, 8), dice.uniform(0.25, 1.5), VALUES)


def exponential(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.exponential(10 ** dice.uniform(-2, 4), VALUES)


def uniform(dice: np.random.Generator) -> NDArray[np.float64]:
    low = dice.uniform(-1000, 1000)
    return dice.uniform(low, low + 10 ** dice.uniform(-1, 4), VALUES)


def gamma(dice: np.random.Generator) -> NDArray[np.float64]:
    shape = dice.choice([dice.uniform(0.4, 0.8), dice.uniform(1.5, 12)])
    return dice.gamma(shape, 10 ** dice.uniform(-2, 3), VALUES)


def beta(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.beta(dice.uniform(1.5, 8), dice.uniform(0.4, 4), VALUES)


def heavy(dice: np.random.Generator) -> NDArray[np.float64]:
    if dice.random() < 0.5:
        return dice.uniform(-50, 50) + 10 ** dice.uniform(-2, 2) * dice.standard_t(dice.uniform(1, 4), VALUES)
    return 10 ** dice.uniform(-2, 3) * (1 + dice.pareto(dice.uniform(1, 3), VALUES))


def several(dice: np.random.Generator) -> NDArray[np.float64]:
    modes = int(dice.integers(2, 4))
    weights = dice.dirichlet(np.full(modes, 8.0))
    chosen = dice.choice(modes, VALUES, p=weights)
    gaps = np.cumsum(dice.uniform(4, 8, modes))
    spread = dice.uniform(0.7, 1.3, modes)[chosen]
    return 10 ** dice.uniform(-1, 2) * (dice.normal(size=VALUES) * spread + gaps[chosen])


def poisson(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.poisson(10 ** dice.uniform(-0.3, 1.6), VALUES).astype(np.float64)


def inflated(dice: np.random.Generator) -> NDArray[np.float64]:
    is_there = dice.random(VALUES) > dice.uniform(0.1, 0.7)
    kind = dice.integers(3)
    if kind == 0:
        return is_there * dice.poisson(dice.uniform(2, 12), VALUES).astype(np.float64)
    return is_there * (dice.lognormal(3, 1, VALUES) if kind == 1 else dice.gamma(2, 50, VALUES))


def binomial(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.binomial(dice.integers(4, 40), dice.uniform(0.2, 0.8), VALUES).astype(np.float64)


def geometric(dice: np.random.Generator) -> NDArray[np.float64]:
    return dice.geometric(dice.uniform(0.02, 0.6), VALUES).astype(np.float64)


FAMILIES = {
    "normal": normal,
    "log-normal": lognormal,
    "exponential": exponential,
    "uniform": uniform,
    "gamma": gamma,
    "beta": beta,
    "heavy-tailed": heavy,
    "multimodal": several,
    "Poisson": poisson,
    "zero-inflated": inflated,
    "binomial": binomial,
    "geometric": geometric,
}
