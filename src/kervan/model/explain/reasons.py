"""The reasons of one answer, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.model.explain.inputs import inputs_of
from kervan.model.explain.shapley import contributions
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Signature
    from kervan.model.formulas import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What the value of one input adds to the answer, with the standard error of the sampling."""

    name: str
    value: str
    amount: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why a row is answered so: `answer` is `base`, the mean answer, and all contributions added up.

    `about` names the class whose chance is explained, "" for a number. The largest contribution comes first.
    """

    about: str
    answer: float
    base: float
    contributions: tuple[Contribution, ...]


def reasons(
    predictor: Predictor, row: Floats, background: Matrix, signature: Signature, *, seed: int = 0
) -> Reasons:
    """Explain the answer for one encoded row: the chance of the answered class, or the number."""
    values = predictor.predict(row[None])
    named = int(chosen(values, signature.naming)[0]) if signature.is_classification else 0
    inputs = inputs_of(signature)
    found = contributions(
        lambda matrix: predictor.predict(matrix)[:, named], row, background, inputs, seed=seed
    )
    order = np.argsort(-np.abs(found.amounts), kind="stable").tolist()
    return Reasons(
        about=signature.output.allowed[named] if signature.is_classification else "",
        answer=found.answer,
        base=found.base,
        contributions=tuple(
            Contribution(
                name=inputs[place].name,
                value=inputs[place].said(row),
                amount=float(found.amounts[place]),
                error=float(found.errors[place]),
            )
            for place in order
        ),
    )
