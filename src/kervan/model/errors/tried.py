"""Sets of rows that fulfil one, two or three conditions, compared with the other rows by what they lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.model.formulas import Floats

    Masks = NDArray[np.bool_]  # of shape (conditions, rows)
    Members = NDArray[np.int64]  # of shape (sets, conditions together): places of conditions

_PAIRED = 300  # conditions of which all pairs are tried: those with the largest losses
_EXTENDED = 100  # pairs to which a third condition is added


@dataclass(frozen=True, slots=True)
class Tried:
    """Sets of rows: the places of their conditions, and of each its rows, mean loss, and that of the others.

    `errors` are the standard errors of the difference, `degrees` its degrees of freedom by Welch.
    """

    members: tuple[tuple[int, ...], ...]
    rows: Floats
    means: Floats
    rests: Floats
    errors: Floats
    degrees: Floats

    @property
    def statistics(self) -> Floats:
        """How many standard errors more is lost inside; 0 where nothing varies."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num((self.means - self.rests) / self.errors, nan=0.0, posinf=0.0, neginf=0.0)

    @property
    def chances(self) -> Floats:
        """The one-sided p-values of Welch's test."""
        from scipy.stats import t

        found: Floats = t.sf(self.statistics, self.degrees)
        return found

    def worst(self, most: int) -> list[int]:
        """Return the places of the sets that lose the most, with the least doubt."""
        found: list[int] = np.argsort(-self.statistics, kind="stable")[:most].tolist()
        return found

    def __len__(self) -> int:
        return len(self.members)


def try_together(masks: Masks, columns: Sequence[str], losses: Floats, fewest: int) -> Tried:
    """Try each condition, all pairs, and the worst pairs with a third one, each of another column."""
    codes = {name: code for code, name in enumerate(dict.fromkeys(columns))}
    kinds = np.array([codes[name] for name in columns])
    centred = losses - losses.mean()  # so that sums of squares keep their digits
    every = np.ones((1, len(losses)), dtype=bool)
    singles = _compare(every, masks, np.arange(len(masks))[:, None], centred, fewest)
    chosen = np.sort(
        np.array([singles.members[place][0] for place in singles.worst(_PAIRED)], dtype=np.int64)
    )
    first, second = (each.ravel() for each in np.indices((len(chosen), len(chosen))))
    pairs = np.column_stack([chosen[first], chosen[second]])
    fits = (first < second) & (kinds[pairs[:, 0]] != kinds[pairs[:, 1]])
    twos = _compare(masks[chosen], masks[chosen], np.where(fits[:, None], pairs, -1), centred, fewest)
    starts = np.array([twos.members[place] for place in twos.worst(_EXTENDED)], dtype=np.int64).reshape(-1, 2)
    triples = np.column_stack([np.repeat(starts, len(chosen), axis=0), np.tile(chosen, len(starts))])
    both = masks[starts[:, 0]] & masks[starts[:, 1]]
    threes = _compare(both, masks[chosen], _once(triples, kinds), centred, fewest)
    return _joined([singles, twos, threes], float(losses.mean()))


def _once(triples: Members, kinds: NDArray[np.int64]) -> Members:
    """Return the triples in order, with -1 for those that repeat one, or have two conditions of a column."""
    ordered = np.sort(triples, axis=1).reshape(-1, 3)
    _, first = np.unique(ordered, axis=0, return_index=True)
    fits = np.zeros(len(ordered), dtype=bool)
    fits[first] = True
    fits &= np.array([len(set(row)) == 3 for row in kinds[ordered].tolist()], dtype=bool)
    return np.where(fits[:, None], ordered, -1)


def _compare(left: Masks, right: Masks, members: Members, centred: Floats, fewest: int) -> Tried:
    """Compare the rows that are in one of `left` and one of `right`: `members` names each such set, or is -1.

    Sets that are too small, or more than half of all, are left out.
    """
    total = len(centred)
    others = right.T.astype(np.float32)
    sums, squares = (
        ((left * centred**power).astype(np.float32) @ others).astype(np.float64).ravel() for power in (1, 2)
    )
    rows = (left.astype(np.float32) @ others).astype(np.float64).ravel()
    fits = (rows >= fewest) & (rows <= total / 2) & (members[:, 0] >= 0)
    rows, sums, squares, members = rows[fits], sums[fits], squares[fits], members[fits]
    outside = total - rows
    means, rests = sums / rows, -sums / outside
    noise = np.maximum(squares / rows - means**2, 0.0) / (rows - 1)
    quiet = np.maximum((np.square(centred).sum() - squares) / outside - rests**2, 0.0) / (outside - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = (noise + quiet) ** 2 / (noise**2 / (rows - 1) + quiet**2 / (outside - 1))
    return Tried(
        members=tuple(map(tuple, members.tolist())),
        rows=rows,
        means=means,
        rests=rests,
        errors=np.sqrt(noise + quiet),
        degrees=np.nan_to_num(degrees, nan=1.0),
    )


def _joined(parts: Sequence[Tried], mean: float) -> Tried:
    return Tried(
        members=tuple(each for part in parts for each in part.members),
        rows=np.concatenate([part.rows for part in parts]),
        means=np.concatenate([part.means for part in parts]) + mean,
        rests=np.concatenate([part.rests for part in parts]) + mean,
        errors=np.concatenate([part.errors for part in parts]),
        degrees=np.concatenate([part.degrees for part in parts]),
    )
