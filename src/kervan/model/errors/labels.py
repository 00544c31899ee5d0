"""Rows whose label is doubtful, by confident learning.

C. G. Northcutt, L. Jiang and I. L. Chuang, Confident learning: estimating uncertainty in dataset labels,
Journal of Artificial Intelligence Research 70 (2021). A row speaks for a class where it is given at least
the mean chance that rows labelled so are given; one that speaks for another class than its label is a
suspect. Suspects are ranked by how much more probable that class is. The chances must come from a model
that did not see the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.formulas import Floats

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A row, counted from 1, with a doubtful label: what it says, what it probably is, and the chances."""

    row: int
    label: str
    likely: str
    chance: float
    chance_of_label: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """The most doubtful labels of `part`, how many there are, and the estimated share of wrong labels."""

    part: str
    rows: int
    count: int
    share: float
    worst: tuple[Suspect, ...]


def suspects(
    truth: NDArray[np.int64], chances: Floats, classes: tuple[str, ...], places: NDArray[np.int64], part: str
) -> Suspects:
    """Return the doubtful labels among rows with codes `truth` (rows,) and `chances` (rows, classes).

    `places` says which row of the part each one is, from 0. A class without rows speaks for none.
    """
    rows = np.arange(len(truth))
    counts = np.bincount(truth, minlength=len(classes))
    known = np.flatnonzero(counts)
    means = np.full(len(classes), 2.0)
    means[known] = [chances[truth == each, each].mean() for each in known]
    spoken = np.where(chances >= means, chances, -1.0)
    likely = spoken.argmax(axis=1)
    speaks = spoken[rows, likely] >= 0
    doubtful = np.flatnonzero(speaks & (likely != truth))
    margins = chances[doubtful, likely[doubtful]] - chances[doubtful, truth[doubtful]]
    order = doubtful[np.argsort(-margins, kind="stable")]
    return Suspects(
        part=part,
        rows=len(truth),
        count=len(doubtful),
        share=_share(truth[speaks], likely[speaks], counts),
        worst=tuple(
            Suspect(
                row=int(places[row]) + 1,
                label=classes[truth[row]],
                likely=classes[likely[row]],
                chance=float(chances[row, likely[row]]),
                chance_of_label=float(chances[row, truth[row]]),
            )
            for row in order[:_SHOWN].tolist()
        ),
    )


def _share(labels: NDArray[np.int64], likely: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Return the share of the confident joint off its diagonal, calibrated to how many rows a label has."""
    joint = np.zeros((len(counts), len(counts)))
    np.add.at(joint, (labels, likely), 1.0)
    sums = joint.sum(axis=1)
    weights = np.divide(counts, sums, out=np.zeros(len(counts)), where=sums > 0)
    joint *= weights[:, None]
    return float(1 - np.trace(joint) / joint.sum()) if joint.any() else 0.0
