"""How likely values are, without drift, that lie where training had none.

Without drift, the rows of training and of production are all of one kind, and which of them were drawn
first is chance. So some k rows with a value, or beyond an extreme, all lie among the n later ones with the
chance n/(n+m) · (n-1)/(n+m-1) · …, k factors, m being the rows of training (E. L. Lehmann, Nonparametrics,
1975, section 2.1): no assumption about the values is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma

from kervan.core.plugins import extras_named


def beyond(count: int, now: int, before: int) -> float:
    """Return the chance that the `count` most extreme of all rows are all among the `now` later ones.

    >>> round(beyond(2, 100, 900), 4)
    0.0099
    """
    every = now + before
    return exp(lgamma(now + 1) - lgamma(now - count + 1) - lgamma(every + 1) + lgamma(every - count + 1))


def unseen_chance(unseen: Mapping[str, int], gone: int, now: int, before: int) -> float:
    """Return the chance of as many rows with values that training did not see, or more.

    `unseen` counts those values, `gone` values were there once in training and are not now. Two things are
    asked, and the chance is that of either: whether one value is there too often, and whether too many
    values are there once.
    """
    if not unseen:
        return 1.0
    with extras_named():
        from scipy.stats import binom
    often = len(unseen) * beyond(max(unseen.values()), now, before)
    single = sum(count == 1 for count in unseen.values())
    many = float(binom.sf(single - 1, single + gone, now / (now + before)))
    return min(1.0, 2 * min(often, many))
