"""The steps of a model that mean the same for one row: filling what is missing, clipping numbers.

What they learn, they learn from the rows that the model is fitted on, in every fold anew. They are written as
layers of the neutral form, so every format carries them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253  a base class; candidates.py imports this file late
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: TID253  as above

from kervan.core.errors import InvalidData
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.shaping import RowStep, told
from kervan.package.encoding import UNKNOWN, encoded
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Equal, Form, Impute, Operation, Take
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class RowSteps(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fills and clips columns of a matrix, shape (rows, inputs); others stay as they are.

    Of each step `places` are its columns, `codes` says which of them are codes of categories, and `ends` are
    what it fills with, (value,), or clips between, (least, most), one of each for every column. None stands
    for what is learned: by `by` or at `quantiles`.
    """

    def __init__(self, steps: Sequence[dict[str, Any]]) -> None:
        self.steps = steps

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Learn what to fill with and where to clip, each step from what the ones before it made."""
        matrix = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        self.ends_: list[Floats] = []
        values = matrix
        for step in self.steps:
            self.ends_.append(_ends(step, values[:, step["places"]]))
            values = self._made(matrix)
        return self

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the matrix after all steps, as every written format computes it."""
        check_is_fitted(self)
        return self._made(
            validate_data(
                self,
                matrix,
                dtype=np.float64,
                ensure_all_finite="allow-nan",
                reset=False,
                ensure_min_samples=0,
            )
        )

    def _made(self, matrix: Floats) -> Floats:
        columns = tuple(Column(name=str(place), type=Type.NUMBER) for place in range(self.n_features_in_))
        signature = Signature(inputs=Schema(columns), output=Column(name="steps", type=Type.NUMBER))
        builder = Builder(signature)
        self.write_form(builder, 0)
        return score(Form(signature=signature, layers=tuple(builder.layers)), matrix)

    def __sklearn_tags__(self) -> Any:
        """Say that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers that fill and clip to the neutral form."""
        for step, ends in zip(
            self.steps, self.ends_, strict=False
        ):  # while it is fitted there are fewer ends
            places = step["places"]
            part = builder.take(value, places)
            made = (
                _filled(builder, part, ends[0], step["codes"])
                if len(ends) == 1
                else _clipped(builder, part, ends)
            )
            order = np.arange(builder.widths[value])
            order[places] = builder.widths[value] + np.arange(len(places))
            value = builder.add(Take(sources=(value, made), places=order))
        return value


def row_steps(signature: Signature) -> RowSteps:
    """Return the steps of a signature over its encoded matrix, not yet fitted."""
    names = encoded(signature).inputs.names
    return RowSteps(
        [
            {
                "told": told(step),
                "places": [names.index(name) for name in step.columns],
                "codes": [signature.inputs[name].type is Type.CATEGORY for name in step.columns],
                "by": step.by,
                "quantiles": list(step.quantiles),
                "ends": _given(step, signature),
            }
            for step in signature.steps
        ]
    )


def _given(step: RowStep, signature: Signature) -> list[list[float | None]]:
    """Return what the user gave, for every column: a list of one or two; None for what is to be learned."""
    if step.clip:
        return [[step.least] * len(step.clip), [step.most] * len(step.clip)]
    if step.by:
        return [[None] * len(step.fill)]
    if isinstance(step.value, str):
        return [[float(signature.inputs[name].allowed.index(step.value)) for name in step.fill]]
    return [[step.value] * len(step.fill)]


def _ends(step: dict[str, Any], values: Floats) -> Floats:
    """Return the ends of a step, shape (1 or 2, columns), learned from some values; NaN is none."""
    ends = np.array(step["ends"], dtype=np.float64)
    if not step["by"] and not step["quantiles"]:
        return ends
    learned = [
        _of(column[~np.isnan(column) & ~(is_code & (column == UNKNOWN))], step)
        for column, is_code in zip(values.T, np.array(step["codes"]), strict=True)
    ]
    return np.array(learned, dtype=np.float64).T


def _of(present: Floats, step: dict[str, Any]) -> list[float]:
    """Return what the known values of one column say."""
    if not len(present):
        raise InvalidData(
            f"[[data.steps]] {step['told']}: a column has no value in the training part", hint="give `value`"
        )
    if step["quantiles"]:
        return [float(each) for each in np.quantile(present, step["quantiles"], method="inverted_cdf")]
    if step["by"] == "mode":
        found, counts = np.unique(present, return_counts=True)
        return [float(found[counts.argmax()])]
    return [float(np.mean(present) if step["by"] == "mean" else np.median(present))]


def _clipped(builder: Builder, part: int, ends: Floats) -> int:
    for end, operation in zip(ends, (Operation.MAXIMUM, Operation.MINIMUM), strict=True):
        if not np.isnan(end).any():
            part = builder.arithmetic(part, operation, end)
    return part


def _filled(builder: Builder, part: int, fill: Floats, codes: Sequence[bool]) -> int:
    """Put numbers in the place of NaN, and codes of categories in the place of what is unknown."""
    is_code = np.array(codes)
    if is_code.any():
        unknown = Equal(sources=(part,), places=np.arange(len(fill)), values=np.full(len(fill), UNKNOWN))
        step = np.where(is_code, fill - UNKNOWN, 0.0)
        added = builder.arithmetic(builder.add(unknown), Operation.MULTIPLY, step)
        part = builder.combine(part, Operation.ADD, added)
    return builder.add(Impute(sources=(part,), fill=fill))
