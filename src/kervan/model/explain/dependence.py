"""What a model answers on average as one input takes each of its values, the others staying as they are.

Partial dependence is that of J. H. Friedman, Greedy function approximation: a gradient boosting machine,
Annals of Statistics 29 (2001), its single rows those of A. Goldstein, A. Kapelner, J. Bleich and E.
Pitkin, Peeking inside the black box, Journal of Computational and Graphical Statistics 24 (2015). Where
inputs hang together, some of the rows that are asked about cannot be in the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.model.explain.inputs import Input, drawn, inputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.model.formulas import Floats

_ROWS = 200
_POINTS = 20
_CATEGORIES = 12
_LINES = 20
_CLASSES = 4
_DRAWN = {Type.INTEGER, Type.NUMBER, Type.BOOLEAN, Type.CATEGORY, Type.DATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """The mean answer for each value of an input, and that of some single rows.

    `means[class]` has a figure for each of `values`, as `lines[row]` has for the first of `classes`: "" for
    a regression, the positive class of two. `places` are the values as numbers where they are.
    """

    name: str
    values: tuple[str, ...]
    places: tuple[float, ...]
    classes: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    lines: tuple[tuple[float, ...], ...]


def dependence(
    predictor: Predictor, matrix: Matrix, signature: Signature, names: Sequence[str], *, seed: int = 0
) -> tuple[Dependence, ...]:
    """Return the partial dependence on some inputs by name, over at most 200 rows of a matrix.

    Times and texts, of which one number says too little, are left out.
    """
    known = {each.name: each for each in inputs_of(signature) if each.column.type in _DRAWN}
    rows = drawn(matrix, _ROWS, seed)
    found = (_dependence(predictor, rows, matrix, known[name], signature) for name in names if name in known)
    return tuple(each for each in found if len(each.values) > 1)


def _dependence(
    predictor: Predictor, rows: Matrix, matrix: Matrix, each: Input, signature: Signature
) -> Dependence:
    place = int(each.places[0])
    values = _values(matrix[:, place], each)
    asked = np.repeat(rows[None], len(values), axis=0)
    asked[:, :, place] = values[:, None]
    answers = predictor.predict(asked.reshape(-1, rows.shape[1])).reshape(len(values), len(rows), -1)
    chosen, names = _classes(answers, signature)
    shown = np.zeros(rows.shape[1])
    said = []
    for value in values:
        shown[place] = value
        said.append(each.said(shown))
    return Dependence(
        name=each.name,
        values=tuple(said),
        places=() if each.column.type is Type.CATEGORY else tuple(values.tolist()),
        classes=names,
        means=tuple(tuple(answers[:, :, one].mean(axis=1).tolist()) for one in chosen),
        lines=tuple(tuple(np.round(line, 6).tolist()) for line in answers[:, :_LINES, chosen[0]].T),
    )


def _values(column: Floats, each: Input) -> Floats:
    """Return the values to try: the most frequent categories, or places that part the rows evenly."""
    if each.column.type is Type.CATEGORY:
        found, counts = np.unique(column[column >= 0], return_counts=True)
        return np.sort(found[np.argsort(-counts, kind="stable")[:_CATEGORIES]])
    known = column[np.isfinite(column)]
    if not len(known):
        return known
    if len(found := np.unique(known)) <= _POINTS:
        return found
    parts = np.linspace(0.01, 0.99, _POINTS)  # the very ends are single rows
    return np.unique(np.quantile(known, parts, method="inverted_cdf"))


def _classes(answers: Floats, signature: Signature) -> tuple[list[int], tuple[str, ...]]:
    """Return which answers are shown: the number, the positive class of two, of more the most frequent."""
    if not signature.is_classification:
        return [0], ("",)
    classes = signature.output.allowed
    if len(classes) == 2:
        return [1], (classes[1],)
    order = np.argsort(-answers.mean(axis=(0, 1)), kind="stable")[:_CLASSES].tolist()
    return order, tuple(classes[place] for place in order)
