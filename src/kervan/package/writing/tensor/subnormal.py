"""Numbers so near to zero that some engines take them for zero, which is another side of a split at zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from kervan.package.writing.neutral.form import Floats


def away_from_zero(values: Floats, kind: DTypeLike) -> Floats:
    """Return the numbers; in the place of one that is subnormal in a kind of floats, the nearest that is not.

    0 and what rounds to it stay 0 only if they are 0.
    """
    smallest = float(np.finfo(kind).tiny)
    is_subnormal = (values != 0) & (np.abs(values) < smallest)
    return np.where(is_subnormal, np.copysign(smallest, values), values)
