"""What a model's figures must be: the proof of a package and the server check the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature

_SLACK = 1e-3  # float32 sums over many classes drift by less


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
