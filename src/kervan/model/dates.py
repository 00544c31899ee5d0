"""What a date says, appended to the columns of a model's matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253  a base class; candidates.py imports this file late
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: TID253  as above

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.calendar import of_days, of_seconds
from kervan.package.encoding import DAYS, SECONDS
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Form
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_OF_DATE, _OF_TIME = 4, 2  # how many numbers a date, and the seconds of a time, are taken apart into


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Appends to a matrix what the columns of days and of seconds since midnight at some places say."""

    def __init__(self, days: Sequence[int] = (), seconds: Sequence[int] = ()) -> None:
        self.days = days
        self.seconds = seconds

    @property
    def added(self) -> int:
        """How many columns are appended."""
        return _OF_DATE * len(self.days) + _OF_TIME * len(self.seconds)

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Remember how many columns there are."""
        validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return the columns and what was appended, shape (rows, columns + added)."""
        check_is_fitted(self)
        matrix = validate_data(
            self, matrix, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, ensure_min_samples=0
        )
        columns = tuple(Column(name=str(place), type=Type.NUMBER) for place in range(self.n_features_in_))
        signature = Signature(inputs=Schema(columns), output=Column(name="parts", type=Type.NUMBER))
        builder = Builder(signature)
        self.write_form(builder, 0)
        return score(Form(signature=signature, layers=tuple(builder.layers)), matrix)

    def __sklearn_tags__(self) -> Any:
        """Say that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers that take dates and times apart to the neutral form."""
        parts = [value]
        if len(self.days):
            parts += of_days(builder, builder.take(value, self.days))
        if len(self.seconds):
            parts += of_seconds(builder, builder.take(value, self.seconds))
        return builder.join(parts)


def date_parts(signature: Signature) -> DateParts | None:
    """Return what takes the dates of an encoded signature apart, or None if it has none."""
    units = [column.unit for column in signature.inputs]
    days, seconds = ([at for at, unit in enumerate(units) if unit == wanted] for wanted in (DAYS, SECONDS))
    return DateParts(days, seconds) if days or seconds else None
