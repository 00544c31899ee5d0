"""A weighted sum as a linear model of H2O's: a weight for every category, a straight line for every number.

What is missing is a category more, or a number that stands for it, so that the model answers for it alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.h2o.model import Model, domain_of, refused
from kervan.package.writing.neutral.fold import chains_of
from kervan.package.writing.neutral.form import Arithmetic, Impute, Map, Operation, Unary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Column
    from kervan.package.writing.h2o.model import Value
    from kervan.package.writing.neutral.fold import Chain
    from kervan.package.writing.neutral.form import Floats, Form, Linear

_EXACT = 1e-12  # how far what stands for a missing number may be off
_FAMILIES = {
    "identity": ("gaussian", "identity"),
    "exp": ("poisson", "log"),
    "logistic": ("binomial", "logit"),
    "softmax": ("multinomial", "multinomial"),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The weights of a number and where its line starts, shape (outputs,); what stands for a missing one."""

    weights: Floats
    start: Floats
    missing: float


def linear_model(form: Form, layer: Linear, link: str, order: Sequence[int]) -> Model:
    """Return the model for a weighted sum of a form and a function of it, its columns in an order.

    Raises `Refused` that names the column of which it makes more than weights.
    """
    own = _by_column(form, layer)
    columns, outputs = form.signature.inputs.columns, len(layer.bias)
    places = [place for place in order if domain_of(columns[place]) is not None]
    categories = [_categories(own[place], columns[place], outputs) for place in places]
    lines = [_line(own[place], columns[place], outputs) for place in order if place not in places]
    bias = layer.bias + sum((line.start for line in lines), np.zeros(outputs))
    beta = np.column_stack([*categories, *(line.weights for line in lines), bias])
    if link == "softmax":  # H2O's is exact where the largest sum is at least 0: the first one is
        beta -= beta[0]
        if outputs == 2:
            beta, link = beta[1:], "logistic"
    family, function = _FAMILIES[link]
    settings: dict[str, Value] = {
        "family": family,
        "link": function,
        "use_all_factor_levels": True,
        "mean_imputation": True,
        "cats": len(categories),
        "cat_offsets": np.cumsum([0, *(weights.shape[1] for weights in categories)]).tolist(),
        "nums": len(lines),
        "beta": beta.ravel().tolist(),
    }
    if categories:
        settings["cat_modes"] = [weights.shape[1] - 1 for weights in categories]
    if lines:
        settings["num_means"] = [line.missing for line in lines]
    return Model(algo="glm", algorithm="Generalized Linear Model", version="1.00", settings=settings)


def _by_column(form: Form, layer: Linear) -> dict[int, list[tuple[Floats, Chain]]]:
    """Return for each column what is made of it, and with which weights."""
    found: dict[int, list[tuple[Floats, Chain]]] = {place: [] for place in range(form.widths[0])}
    for at, chain in enumerate(chains_of(form)[layer.sources[0]]):
        if chain is None:
            raise refused("weights of what hangs on several columns at once")
        found[chain.place].append((layer.weights[:, at], chain))
    return found


def _categories(own: list[tuple[Floats, Chain]], column: Column, outputs: int) -> Floats:
    """Return the weights of all categories and, at the end, of a missing one, shape (outputs, weights)."""
    missing = UNKNOWN if column.type is Type.CATEGORY else np.nan
    codes = np.array([*range(len(domain_of(column) or ())), missing])
    weights = np.zeros((outputs, len(codes)))
    for each, chain in own:
        weights += np.outer(each, chain.apply(codes))
    return weights


def _line(own: list[tuple[Floats, Chain]], column: Column, outputs: int) -> _Line:
    slope, start, missing = np.zeros(outputs), np.zeros(outputs), np.zeros(outputs)
    for weights, chain in own:
        factor, offset = _followed(chain, column)
        slope += weights * factor
        start += weights * offset
        missing += weights * chain.apply(np.array([np.nan]))[0]
    return _Line(slope, start, _stand_in(slope, start, missing, column))


def _followed(chain: Chain, column: Column) -> tuple[float, float]:
    """Return factor and offset of a chain for whatever is not missing."""
    factor, offset = 1.0, 0.0
    for step in chain.steps:
        match step:
            case Impute():
                continue
            case Map(function=Unary.ROUND32) if (factor, offset) == (1.0, 0.0):
                continue  # inputs are float32 numbers
            case Map(function=Unary.MISSING):
                factor, offset = 0.0, 0.0
            case Arithmetic(operation=Operation.ADD | Operation.SUBTRACT):
                sign = 1.0 if step.operation is Operation.ADD else -1.0
                offset += sign * float(step.constant[0])
            case Arithmetic(operation=Operation.MULTIPLY):
                factor, offset = factor * float(step.constant[0]), offset * float(step.constant[0])
            case Arithmetic(operation=Operation.DIVIDE):
                factor, offset = factor / float(step.constant[0]), offset / float(step.constant[0])
            case _:
                raise refused(f"a linear model that makes a curve of column {column.name!r}")
    return factor, offset


def _stand_in(slope: Floats, start: Floats, missing: Floats, column: Column) -> float:
    """Return the number for which the line gives what is to be given where the column is missing."""
    if np.isnan(missing).any():
        return float("nan")
    wanted = missing - start
    found = float(slope @ wanted / (slope @ slope)) if slope.any() else 0.0
    if (np.abs(slope * found - wanted) > _EXACT * (1 + np.abs(missing) + np.abs(start))).any():
        raise refused(f"weights for a missing {column.name!r} that no number would have")
    return found
