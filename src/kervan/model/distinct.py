"""Which rows are the same to a model, and which of them tell something that others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

_FEWER = 0.9  # from this share of different rows on, the others hardly matter
_AGREEING = 0.95  # of the agreement beyond chance: so much is that of one thing in several rows


def distinct_rows(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each distinct row comes first, and for each row which of them it is."""
    rows = np.ascontiguousarray(matrix)
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    return first, place


def telling_rows(matrix: Matrix, truth: NDArray[Any]) -> NDArray[np.int64]:
    """Return the places of the rows that tell something: all, unless many repeat another one whole.

    Rows with equal inputs may still be of different things, as where there are few inputs of few values: then
    their truths differ. Where these agree too, far beyond what chance does (J. Cohen, A coefficient of
    agreement for nominal scales, 1960), a row that comes again says what the first one said.
    """
    first, place = distinct_rows(matrix)
    rows = len(matrix)
    others = np.setdiff1d(np.arange(rows), first)
    if len(first) >= _FEWER * rows or not len(others):
        return np.arange(rows)
    agreement = float(np.mean(truth[others] == truth[first[place[others]]]))
    _, counts = np.unique(truth, return_counts=True)
    chance = float(np.square(counts / rows).sum())
    is_repeated = agreement - chance > _AGREEING * (1 - chance)
    return np.sort(first) if is_repeated else np.arange(rows)
