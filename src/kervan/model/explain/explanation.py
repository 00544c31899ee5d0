"""All by which a model is explained as a whole, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.model.errors.held_out import told_apart
from kervan.model.explain.dependence import Dependence, dependence
from kervan.model.explain.importance import Importance, importance
from kervan.model.explain.inputs import drawn, inputs_of
from kervan.model.explain.shapley import contributions

if TYPE_CHECKING:
    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

_EFFECTS = 6
_EXPLAINED = 60
_AGAINST = 12  # background rows for each of them: their mean over many rows is sure enough
_SWARMS = 10
_MOST_ASKED = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """What an input adds to the answers of some rows, and where its value lies among theirs (0 to 1).

    The place is None where a value is missing or values have no order.
    """

    name: str
    mean: float
    amounts: tuple[float, ...]
    places: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Which inputs matter for the metric and how: importance, partial dependence, contributions by row.

    `about` names the class whose chance is meant, "" for a number or the answered class of many.
    """

    metric: str
    about: str
    importance: tuple[Importance, ...]
    dependence: tuple[Dependence, ...]
    swarms: tuple[Swarm, ...]
    explained: int


def explain(predictor: Predictor, answered: HeldOut, metric: str, *, seed: int = 0) -> Explanation:
    """Explain a model as a whole by the rows of a part that it did not learn from."""
    signature = answered.signature
    ranked = importance(predictor, answered, metric, seed=seed)
    matter = [each.name for each in ranked[:_EFFECTS]]
    swarms, explained = _swarms(predictor, answered.matrix, signature, seed)
    is_binary = signature.is_classification and len(signature.output.allowed) == 2
    return Explanation(
        metric=metric,
        about=signature.output.allowed[1] if is_binary else "",
        importance=ranked,
        dependence=dependence(predictor, answered.matrix, signature, matter, seed=seed),
        swarms=swarms,
        explained=explained,
    )


def _swarms(
    predictor: Predictor, matrix: Matrix, signature: Signature, seed: int
) -> tuple[tuple[Swarm, ...], int]:
    """Return the inputs that add the most, over at most 60 rows: fewer where inputs are many."""
    inputs = inputs_of(signature)
    most = min(_EXPLAINED, max(5, _MOST_ASKED // (2 * _AGAINST * (len(inputs) + 1))))
    rows, background = drawn(matrix, most, seed), drawn(matrix, _AGAINST, seed + 1)

    def ask(asked: Matrix) -> Floats:
        return told_apart(predictor.predict(asked), signature)

    amounts = np.array([contributions(ask, row, background, inputs, seed=seed).amounts for row in rows])
    means = np.abs(amounts).mean(axis=0)
    found = []
    for place in np.argsort(-means, kind="stable")[:_SWARMS].tolist():
        each = inputs[place]
        is_ordered = not each.column.allowed and len(each.places) > 0
        column = rows[:, each.places[0]] if is_ordered else np.full(len(rows), np.nan)
        found.append(
            Swarm(
                name=each.name,
                mean=float(means[place]),
                amounts=tuple(np.round(amounts[:, place], 7).tolist()),
                places=_ranks(column),
            )
        )
    return tuple(found), len(rows)


def _ranks(column: Floats) -> tuple[float | None, ...]:
    known = np.sort(column[np.isfinite(column)])
    span = max(1, len(known) - 1)
    return tuple(
        round(float(np.searchsorted(known, value)) / span, 3) if np.isfinite(value) else None
        for value in column.tolist()
    )
