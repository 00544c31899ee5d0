"""Ready-made features over the matrix: scaling, encodings of categories, a selection of what tells most.

Each learns from the rows that it is fitted on, and is written as layers of the neutral form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone  # noqa: TID253  base classes; this file is imported late
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: TID253  as above

from kervan.model.features.circuit import Circuit
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import Take
from kervan.package.writing.neutral.readers.registry import Ask, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder

    Floats = NDArray[np.float64]


class Changed(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Puts what a transformer makes of the columns at some places in their place; what is more comes last."""

    def __init__(self, places: Sequence[int], tool: Any) -> None:
        self.places = places
        self.tool = tool

    def fit(self, matrix: NDArray[Any], y: Any = None) -> Self:
        """Fit the transformer on its columns."""
        matrix = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        self.tool_ = clone(self.tool).fit(matrix[:, list(self.places)], y)
        return self

    def fit_transform(self, matrix: NDArray[Any], y: Any = None, **_: Any) -> Floats:
        """Fit, and return what the transformer makes of these rows: a target encoder looks at other rows."""
        matrix = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        self.tool_ = clone(self.tool)
        return self._laid(matrix, self.tool_.fit_transform(matrix[:, list(self.places)], y))

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the matrix with what was changed."""
        check_is_fitted(self)
        matrix = validate_data(
            self, matrix, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, ensure_min_samples=0
        )
        return self._laid(matrix, self.tool_.transform(matrix[:, list(self.places)]))

    def __sklearn_tags__(self) -> Any:
        """Say that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers of the transformer to the neutral form."""
        made = read(builder, self.tool_, builder.take(value, self.places), Ask.TRANSFORM)
        width, count = builder.widths[value], len(self.places)
        order = np.arange(width + builder.widths[made] - count)
        order[list(self.places)] = width + np.arange(count)
        order[width:] = width + np.arange(count, builder.widths[made])
        return builder.add(Take(sources=(value, made), places=order))

    def _laid(self, matrix: NDArray[Any], made: NDArray[Any]) -> Floats:
        found = np.array(matrix, dtype=np.float64)
        count = len(self.places)
        found[:, list(self.places)] = made[:, :count]
        return np.hstack([found, made[:, count:]])


class Recoded(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Gives each category, by its code, another code or a number.

    `answers` are these; where `share` is above 0, categories that fewer of the rows have get the code `rare`
    instead. What is missing stays so: NaN where `is_number`, else -1.
    """

    def __init__(
        self, answers: Sequence[float], *, is_number: bool = False, share: float = 0.0, rare: float = 0.0
    ) -> None:
        self.answers = answers
        self.is_number = is_number
        self.share = share
        self.rare = rare

    def fit(self, matrix: NDArray[Any], truth: object = None) -> Self:
        """Find out which categories are rare."""
        self.n_features_in_ = 1
        self.answers_ = np.array(self.answers, dtype=np.float64)
        codes = matrix[:, 0][matrix[:, 0] >= 0].astype(np.int64)
        counts = np.bincount(codes, minlength=len(self.answers_))
        self.answers_[counts < self.share * len(matrix)] = self.rare
        return self

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the new codes or numbers, shape (rows, 1)."""
        codes = np.asarray(matrix, dtype=np.float64)[:, 0].astype(np.int64)
        unknown = np.nan if self.is_number else UNKNOWN
        return np.append(self.answers_, unknown)[np.where(codes >= 0, codes, -1)][:, np.newaxis]

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the look-up to the neutral form."""
        circuit = Circuit(builder)
        answers = self.answers_.tolist()
        return circuit.looked_up(value, answers) if self.is_number else circuit.recoded(value, answers)


class Selected(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Keeps the columns that tell most of the target, each alone; the others become the same in every row.

    `nothing` is what stands in a column then; `is_code` says which columns are codes.
    """

    def __init__(
        self, keep: int, by: str, nothing: Sequence[float], *, is_classification: bool, seed: int
    ) -> None:
        self.keep = keep
        self.by = by
        self.nothing = nothing
        self.is_classification = is_classification
        self.seed = seed

    def fit(self, matrix: NDArray[Any], truth: Any) -> Self:
        """Rate the columns; of equals the first are kept."""
        self.n_features_in_ = matrix.shape[1]
        rates = np.nan_to_num(self._rates(_filled(matrix), truth), nan=-1.0)
        best = np.argsort(-rates, kind="stable")[: self.keep]
        self.kept_ = np.sort(best)
        return self

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the matrix with the columns that are kept, and nothing in the others."""
        found = np.tile(np.array(self.nothing, dtype=np.float64), (len(matrix), 1))
        found[:, self.kept_] = matrix[:, self.kept_]
        return found

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the choice to the neutral form."""
        width = builder.widths[value]
        order = width + np.arange(width)
        order[self.kept_] = self.kept_
        return builder.add(Take(sources=(value, builder.constant(self.nothing)), places=order))

    def _rates(self, values: Floats, truth: Any) -> Any:
        from sklearn import feature_selection

        if self.by == "f":
            rated = "f_classif" if self.is_classification else "f_regression"
            with np.errstate(all="ignore"):
                return getattr(feature_selection, rated)(values, truth)[0]
        kind = "mutual_info_classif" if self.is_classification else "mutual_info_regression"
        is_code = np.array(self.nothing) == UNKNOWN
        rate = getattr(feature_selection, kind)
        return rate(values, truth, discrete_features=is_code, random_state=self.seed)


def _filled(matrix: NDArray[Any]) -> Floats:
    """Put the median in the place of what is missing, as most models do."""
    from sklearn.impute import SimpleImputer

    found: Floats = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(matrix)
    return found
