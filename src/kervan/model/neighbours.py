"""Nearest neighbours whose answer does not hang on chance, so that every format gives the same one.

scikit-learn's own search picks some of several rows at the same distance; which ones depends on rounding
and on the order of the rows, and tables of whole numbers and categories are full of such ties. Here all
rows at the distance of the k-th neighbour take part, distances are float64 in every format, and at most
4,096 rows are kept, so that a package stays small and quick. These rows travel in the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # noqa: TID253  a base class; candidates.py imports this file late
from sklearn.utils.multiclass import check_classification_targets  # noqa: TID253  as above
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data  # noqa: TID253  as above

from kervan.package.writing.neutral.form import Distances, Nearest, Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder

MOST_ROWS = 4096
_CHUNK = 1024
_TIE = 1e-9  # squared distances within this share of the k-th, or of the row's own square, count as equal


class _Neighbours(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Keeps scaled rows with what is known about each (`answers_`), and averages over the nearest."""

    def __init__(self, neighbours: int = 15, scaled: int = 0, seed: int = 0) -> None:
        self.neighbours = neighbours
        self.scaled = scaled  # so many leading columns are brought to mean 0 and deviation 1
        self.seed = seed

    def _keep(self, matrix: NDArray[Any], answers: NDArray[np.float64]) -> None:
        if len(matrix) > MOST_ROWS:
            chosen = np.random.default_rng(self.seed).choice(len(matrix), MOST_ROWS, replace=False)
            matrix, answers = matrix[chosen], answers[chosen]
        self.mean_, self.scale_ = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        self.mean_[: self.scaled] = matrix[:, : self.scaled].mean(axis=0)
        deviation = matrix[:, : self.scaled].std(axis=0)
        self.scale_[: self.scaled] = np.where(deviation > 0, deviation, 1.0)
        self.rows_ = (matrix - self.mean_) / self.scale_
        self.squares_ = (self.rows_**2).sum(axis=1)
        self.answers_ = answers
        self.k_ = min(self.neighbours, len(matrix))

    def _average(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Average what is known about the nearest rows, shape (rows, answers)."""
        check_is_fitted(self)
        matrix = validate_data(self, matrix, dtype=np.float64, reset=False, ensure_min_samples=0)
        parts = [self._average_few(matrix[at : at + _CHUNK]) for at in range(0, max(len(matrix), 1), _CHUNK)]
        return np.concatenate(parts)

    def _average_few(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        rows = (matrix - self.mean_) / self.scale_
        own = (rows**2).sum(axis=1, keepdims=True)
        distances = self.squares_ - 2 * (rows @ self.rows_.T) + own
        farthest = np.partition(distances, self.k_ - 1, axis=1)[:, self.k_ - 1 : self.k_]
        near = distances <= farthest + (farthest + own) * _TIE
        average: NDArray[np.float64] = (near @ self.answers_) / near.sum(axis=1, keepdims=True)
        return average

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers of `_average_few` to the neutral form."""
        rows = builder.scale(value, offset=self.mean_, divisor=self.scale_)
        squares = builder.combine(rows, Operation.MULTIPLY, rows)
        own = builder.linear(squares, np.ones(self.n_features_in_), 0.0)
        distances = builder.add(Distances(sources=(rows,), rows=self.rows_))
        return builder.add(Nearest(sources=(distances, own), count=self.k_, answers=self.answers_, ties=_TIE))


class NeighboursClassifier(ClassifierMixin, _Neighbours):  # type: ignore[misc]  # scikit-learn has no types
    """Probabilities are the shares of the classes among the nearest rows."""

    def fit(self, matrix: NDArray[Any], y: NDArray[np.int64]) -> Self:
        """Keep the rows with their classes."""
        matrix, y = validate_data(self, matrix, column_or_1d(y, warn=True), dtype=np.float64)
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        self._keep(matrix, np.eye(len(self.classes_))[places])
        return self

    def predict_proba(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities, shape (rows, classes)."""
        return self._average(matrix)

    def predict(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Return the most frequent class, the first of several."""
        places = self.predict_proba(matrix).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[places]
        return chosen


class NeighboursRegressor(RegressorMixin, _Neighbours):  # type: ignore[misc]  # scikit-learn has no types
    """The answer is the mean of the nearest rows."""

    def fit(self, matrix: NDArray[Any], y: NDArray[np.float64]) -> Self:
        """Keep the rows with their values."""
        matrix, y = validate_data(self, matrix, column_or_1d(y, warn=True), dtype=np.float64, y_numeric=True)
        self._keep(matrix, y.astype(np.float64)[:, np.newaxis])
        return self

    def predict(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return values, shape (rows,)."""
        return self._average(matrix)[:, 0]
