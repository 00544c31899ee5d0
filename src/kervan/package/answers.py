"""What a model's figures must be, and which class they name: proof, evaluation and server say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.naming import LIKELIEST, Naming

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature

_SLACK = 1e-3  # float32 sums over many classes drift by less
_ROUNDING = 1e-13  # of a sum of costs, as a part of the largest ones


def flaw_of(values: NDArray[np.float64], signature: Signature) -> tuple[int, str] | None:
    """Return the first row whose answer is none, counted from 0, and what is wrong with it.

    An answer is finite; probabilities lie in 0 to 1 and add up to 1, both within 0.001.

    >>> from kervan.core.schema import Column, Schema, Signature, Type
    >>> output = Column(name="y", type=Type.CATEGORY, allowed=("a", "b"))
    >>> flaw_of(np.array([[0.5, 0.5], [0.9, 0.8]]), Signature(inputs=Schema(()), output=output))
    (1, 'has probabilities that do not add up to 1')
    """
    sums = values.sum(axis=1)
    flaws = [(~np.isfinite(sums), "is not finite")]
    if signature.is_classification:
        flaws += [
            (values.min(axis=1) < -_SLACK, "has a probability below 0"),
            (np.abs(sums - 1) > _SLACK, "has probabilities that do not add up to 1"),
        ]
    return next(((int(broken.argmax()), what) for broken, what in flaws if broken.any()), None)


def chosen(values: NDArray[np.float64], naming: Naming = LIKELIEST) -> NDArray[np.int64]:
    """Return the place of the class that each row of probabilities names, shape (rows,).

    Of two classes it is the last from the threshold on; by costs the one that is expected to cost least;
    without either the most probable; of several the first.

    >>> chosen(np.array([[0.7, 0.3], [0.5, 0.5]])).tolist()
    [0, 0]
    >>> chosen(np.array([[0.7, 0.3], [0.8, 0.2]]), Naming(threshold=0.3)).tolist()
    [1, 0]
    >>> chosen(np.array([[0.5, 0.3, 0.2]]), Naming(costs=((0, 1, 1), (1, 0, 1), (9, 9, 0)))).tolist()
    [2]
    """
    found: NDArray[np.int64]
    if naming.costs:
        found = expected_costs(values, naming.costs).argmin(axis=1)
    elif naming.threshold is not None:
        found = (values[:, 1] >= naming.threshold).astype(np.int64)
    else:
        found = values.argmax(axis=1)
    return found


def expected_costs(values: NDArray[np.float64], costs: tuple[tuple[float, ...], ...]) -> NDArray[np.float64]:
    """Return what naming each class costs on average if the probabilities are right, shape (rows, classes).

    C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001. Each sum is taken in the order of the
    classes, as written files take it: a row gets the same label alone and among others.
    """
    found = np.zeros(values.shape)
    for place, row in enumerate(costs):
        found += values[:, place, None] * np.array(row, dtype=np.float64)
    return found


def may_name(
    places: NDArray[np.int64],
    values: NDArray[np.float64],
    naming: Naming = LIKELIEST,
    tie: float = 0.0,
) -> NDArray[np.bool_]:
    """Say of each row whether its probabilities, known up to `tie`, name the class at that place.

    Where one of them is no number they name nothing, and no class is wrong. Sums of costs are known up to
    their rounding.
    """
    found: NDArray[np.bool_]
    if naming.costs:
        expected = expected_costs(values, naming.costs)
        slack = 2 * (tie + _ROUNDING) * float(np.abs(naming.costs).max(axis=1).sum())
        found = np.take_along_axis(expected, places[:, None], axis=1)[:, 0] <= expected.min(axis=1) + slack
    elif naming.threshold is not None:
        least = naming.threshold
        found = np.where(places == 1, values[:, 1] >= least - tie, values[:, 1] < least + tie)
    else:
        found = np.take_along_axis(values, places[:, None], axis=1)[:, 0] >= values.max(axis=1) - tie
    return found | np.isnan(values).any(axis=1)
