"""What each value of a row contributes to its answer: Shapley values, by sampling.

E. Štrumbelj and I. Kononenko, Explaining prediction models and individual predictions with feature
contributions, Knowledge and Information Systems 41 (2014). The inputs of a row take the place of those of
a background row one after the other, in a random order; what the answer changes by is the contribution of
that input. Each order is also gone through backwards, which takes out most of the noise (R. Mitchell, J.
Cooper, E. Frank and G. Holmes, Sampling permutations for Shapley value estimation, Journal of Machine
Learning Research 23, 2022). The changes of one order add up to the answer minus that for the background
row, so that the contributions add up to the answer minus the base, whatever the sample. Any model in any
format is explained so: all that is needed is to ask it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.core.ports import Matrix
    from kervan.model.explain.inputs import Input
    from kervan.model.formulas import Floats

    Ask = Callable[[Matrix], Floats]  # from encoded rows to one figure for each

BACKGROUND = 300
MOST_ASKED = 50_000  # rows for one row that is explained
_AT_ONCE = 8_000_000  # figures


@dataclass(frozen=True, slots=True)
class Contributions:
    """Of one row: the answer, the mean answer for the background, and what each input adds (inputs,).

    `errors` are the standard errors of the contributions, as they come from a sample.
    """

    base: float
    answer: float
    amounts: Floats
    errors: Floats


def contributions(
    ask: Ask, row: Floats, background: Matrix, inputs: Sequence[Input], *, rounds: int = 1, seed: int = 0
) -> Contributions:
    """Explain one encoded row against each row of a background, by `rounds` orders and their reverses.

    `ask` gives one figure for each row of a matrix. With many inputs fewer background rows are used, so that
    at most 50,000 rows are asked.
    """
    random = np.random.default_rng(seed)
    width = len(inputs)
    most = max(1, MOST_ASKED // (2 * rounds * (width + 1)))
    used = background[random.permutation(len(background))[:most]]
    orders = np.array([random.permutation(width) for _ in range(rounds * len(used))])
    starts = np.concatenate([used] * rounds)
    forth = _changes(ask, row, starts, orders, inputs)
    back = _changes(ask, row, starts, orders[:, ::-1], inputs)
    both = (forth + back) / 2
    amounts = both.mean(axis=0)
    errors = both.std(axis=0, ddof=1) / len(both) ** 0.5 if len(both) > 1 else np.zeros(width)
    answer = float(ask(row[None])[0])
    base = float(ask(used).mean())
    return Contributions(base, answer, amounts, errors)


def _changes(ask: Ask, row: Floats, starts: Matrix, orders: Floats, inputs: Sequence[Input]) -> Floats:
    """Return what the answer changes by as each input is replaced, of shape (orders, inputs)."""
    steps = len(inputs) + 1
    found = np.empty((len(orders), len(inputs)))
    at_once = max(1, _AT_ONCE // (steps * len(row)))
    for first in range(0, len(orders), at_once):
        some = slice(first, first + at_once)
        answers = ask(_walks(row, starts[some], orders[some], inputs)).reshape(-1, steps)
        np.put_along_axis(found[some], orders[some].astype(int), np.diff(answers, axis=1), axis=1)
    return found


def _walks(row: Floats, starts: Matrix, orders: Floats, inputs: Sequence[Input]) -> Matrix:
    """Return for each start the rows from it to `row`, one input after the other, below each other."""
    steps = np.argsort(orders, axis=1)  # at which step each input is replaced
    owner = np.concatenate([np.full(len(each.places), at) for at, each in enumerate(inputs)]).astype(int)
    replaced = steps[:, None, owner] < np.arange(len(inputs) + 1)[None, :, None]
    walks = np.where(replaced, row, starts[:, None, :])
    return walks.reshape(-1, walks.shape[2])
