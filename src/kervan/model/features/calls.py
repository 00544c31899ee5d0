"""The columns that functions of the user's add to the encoded matrix: what they get and may give."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253  a base class; candidates.py imports this file late
from sklearn.utils.validation import validate_data  # noqa: TID253  as above

from kervan.core.errors import InvalidConfig, InvalidData, Refused, RefusedRow
from kervan.model.features.values import Kind
from kervan.package.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder

    Floats = NDArray[np.float64]

_LOOKED_AT = 1_000  # rows that are asked about together and apart
_ALONE = 16  # of them one by one
_CLOSE = 1e-9  # relative to the largest answer: sums of another number of rows are rounded otherwise
_SECOND = 1_000_000  # microseconds


class FunctionColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Appends what functions make of columns to a matrix of shape (rows, inputs), one after the other.

    Of each feature `features` say its name, `module:name`, the columns that it gets and the hash of its file;
    `columns` as for `FeatureColumns`. A function that was not admitted to this process is not called.
    """

    def __init__(self, features: Sequence[dict[str, Any]], columns: Sequence[dict[str, Any]]) -> None:
        self.features = features
        self.columns = columns

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Learn nothing, and raise `InvalidConfig` for a function that looks beyond a row.

        Raises `InvalidData` for one that has no answer for any row.
        """
        values = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        some = looked_at(len(values))
        try:
            found = self._check_alone(values[some])
        except RefusedRow as error:
            row = int(some[error.row])
            raise RefusedRow(str(error), row=row, field=error.field, hint=error.hint) from error
        if np.isnan(found[:, values.shape[1] :]).all(axis=0).any():
            self._check_answered(self.transform(values)[:, values.shape[1] :])
        return self

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the matrix and the features behind it.

        Raises `RefusedRow` that names the feature, the place in its file, and the row, counted from 0.
        """
        values = validate_data(
            self, matrix, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, ensure_min_samples=0
        )
        found: Floats = values
        for told in self.features:
            found = np.column_stack([found, self._answers(told, found)])
        return found

    def __sklearn_tags__(self) -> Any:
        """Say that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def write_form(self, builder: Builder, value: int) -> int:
        """Raise `Refused`: no layers say what a function of Python does."""
        first = self.features[0]
        raise Refused(
            f"the feature {first['name']!r} is a Python function, {first['call']}",
            hint='formats = ["native"], or write it as an expression',
        )

    def _answers(self, told: dict[str, Any], matrix: Floats) -> Floats:
        answered = {name: place for each in self.columns for name, place in each.get("answers", {}).items()}
        if told["name"] in answered:  # of a text, of which the matrix holds what its functions answered
            return matrix[:, answered[told["name"]]].copy()
        if not len(matrix):
            return np.empty(0)
        return _asked(told).answers(list(self._given(told["of"], matrix)))

    def _given(self, names: Sequence[str], matrix: Floats) -> Iterator[NDArray[Any]]:
        """Yield the columns that a function gets, which it may not change."""
        known = {each["name"]: each for each in self.columns}
        earlier = [each["name"] for each in self.features]
        for name in names:
            if name in known:
                column = _natural(matrix, known[name])
            else:
                column = matrix[:, self.n_features_in_ + earlier.index(name)].copy()
            column.flags.writeable = False
            yield column

    def _check_answered(self, found: Floats) -> None:
        for told, answers in zip(self.features, found.T, strict=True):
            if np.isnan(answers).all():
                raise InvalidData(
                    f"{_asked(told).place} is missing in every row of the training part",
                    hint="return a number where there is an answer",
                )

    def _check_alone(self, matrix: Floats) -> Floats:
        """Compare what rows are answered among others with what they are alone.

        Returns the matrix and the features behind it.
        """
        for told in self.features:
            asked = partial(_answers_of, self, told, matrix)
            matrix = np.column_stack([matrix, check_alone(asked, len(matrix), _asked(told).place)])
        return matrix


def _answers_of(columns: FunctionColumns, told: dict[str, Any], matrix: Floats, rows: slice) -> Floats:
    return columns._answers(told, matrix[rows])


def check_alone(answers: Callable[[slice], Floats], rows: int, place: str) -> Floats:
    """Return what a function answers to rows, compared with what it does in halves, alone, and a second time.

    `place` is where it stands. Raises `InvalidConfig` where it looks beyond a row, or `RefusedRow`.
    """
    middle = (rows + 1) // 2
    alone = np.unique(np.linspace(0, rows - 1, _ALONE).astype(np.int64))
    apart = [
        slice(0, rows),
        slice(0, middle),
        slice(middle, rows),
        *(slice(row, row + 1) for row in alone.tolist()),
    ]
    together = answers(slice(0, rows))
    for part in apart:
        try:
            again = answers(part)
        except RefusedRow as error:
            row = part.start + error.row
            raise RefusedRow(str(error), row=row, field=error.field, hint=error.hint) from error
        if not _are_close(again, together[part], together):
            raise _looks_around(place, is_second=len(again) == len(together))
    return together


def looked_at(rows: int) -> NDArray[np.int64]:
    """Return the rows, among so many, that are asked about together and apart."""
    return np.unique(np.linspace(0, rows - 1, min(rows, _LOOKED_AT)).astype(np.int64))


def _asked(told: dict[str, Any]) -> Asked:
    return Asked(told["name"], told["call"], told["code"])


def _natural(matrix: Floats, told: dict[str, Any]) -> NDArray[Any]:
    """Return a column as a person would have it: texts, dates and times in the place of codes and days."""
    first = matrix[:, told["places"][0]]
    found: NDArray[Any]
    match Kind(told["kind"]):
        case Kind.CATEGORY:
            found = np.array([*told["labels"], None], dtype=object)[first.astype(np.int64)]
            return found
        case Kind.DATE:
            return _days(first)
        case Kind.TIME:
            seconds = matrix[:, told["places"][1]]
            passed = np.round(np.nan_to_num(seconds) * _SECOND).astype("timedelta64[us]")
            found = _days(first).astype("datetime64[us]") + passed
            return found
        case _:
            return first.copy()


def _days(days: Floats) -> NDArray[Any]:
    found = np.nan_to_num(days).astype(np.int64).astype("datetime64[D]")
    found[np.isnan(days)] = np.datetime64("NaT")
    return found


def _are_close(one: Floats, other: Floats, all_of_them: Floats) -> bool:
    largest = float(np.nanmax(np.abs(all_of_them), initial=0.0)) if len(all_of_them) else 0.0
    return bool(np.isclose(one, other, rtol=_CLOSE, atol=_CLOSE * largest, equal_nan=True).all())


def _looks_around(place: str, *, is_second: bool) -> InvalidConfig:
    if is_second:
        return InvalidConfig(
            f"{place} answers otherwise each time it is asked about the same rows",
            hint="draw nothing at random, and keep nothing from one call to the next",
        )
    return InvalidConfig(
        f"{place} gives a row another answer when other rows stand beside it; in production it comes alone",
        hint="use what the row itself holds; what is learned from all rows is ready-made, such as "
        'scale = ["age"]',
    )
