"""How much worse a model gets when the values of an input are shuffled.

L. Breiman, Random forests, Machine Learning 45 (2001); A. Fisher, C. Rudin and F. Dominici, All models
are wrong, but many are useful, Journal of Machine Learning Research 20 (2019). The written model is
asked, whatever its format. Inputs that tell the same share their importance: each alone may look useless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.explain.inputs import Input, inputs_of
from kervan.model.metrics import higher_is_better, metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Predictor
    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

REPEATS = 5
MOST_ROWS = 1_000
MOST_ASKED = 100_000  # rows in all: of many inputs each is tried on fewer rows
_FEWEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """By how much shuffling an input makes the metric worse: mean and deviation over the repeats."""

    name: str
    mean: float
    deviation: float


def importance(
    predictor: Predictor, answered: HeldOut, by: str, *, repeats: int = REPEATS, seed: int = 0
) -> tuple[Importance, ...]:
    """Return the importance of every input for a metric, the largest first.

    At most 1,000 rows are shuffled five times; of many inputs fewer, and less often, so that about 100,000
    rows are asked in all.
    """
    inputs = inputs_of(answered.signature)
    random = np.random.default_rng(seed)
    repeats = max(2, min(repeats, MOST_ASKED // (_FEWEST * len(inputs))))
    asked = max(_FEWEST, min(MOST_ROWS, MOST_ASKED // (repeats * len(inputs))))
    rows = np.sort(random.permutation(len(answered.truth))[:asked])
    matrix, truth = answered.matrix[rows], answered.truth[rows]
    entry = metric(by, answered.task)

    def score(values: Floats) -> float:
        return entry.formula(truth, answered.yardstick(by).seen_by(entry, values))

    before = score(answered.values[rows])
    sign = 1.0 if higher_is_better(by) else -1.0
    found = []
    for each in inputs:
        worse = [
            sign * (before - score(predictor.predict(_shuffled(matrix, each, random))))
            for _ in range(repeats)
        ]
        found.append(
            Importance(name=each.name, mean=_finite(np.mean(worse)), deviation=_finite(np.std(worse, ddof=1)))
        )
    return tuple(sorted(found, key=lambda each: -each.mean))


def _shuffled(matrix: NDArray[Any], each: Input, random: np.random.Generator) -> NDArray[Any]:
    """Return the rows with the values of one input in another order: of all its columns in the same."""
    changed = matrix.copy()
    order = random.permutation(len(matrix))
    changed[:, each.places] = matrix[np.ix_(order, each.places)]
    return changed


def _finite(value: Any) -> float:
    return float(value) if np.isfinite(value) else 0.0
