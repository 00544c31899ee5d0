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

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

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
        matrix = np.asarray(matrix, dtype=np.float64)
        if len(matrix) > MOST_ROWS:
            chosen = np.random.default_rng(self.seed).choice(len(matrix), MOST_ROWS, replace=False)
            matrix, answers = matrix[chosen], answers[chosen]
        self.n_features_in_ = matrix.shape[1]
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
        parts = [self._average_few(matrix[at : at + _CHUNK]) for at in range(0, max(len(matrix), 1), _CHUNK)]
        return np.concatenate(parts)

    def _average_few(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        rows = (np.asarray(matrix, dtype=np.float64) - self.mean_) / self.scale_
        own = (rows**2).sum(axis=1, keepdims=True)
        distances = self.squares_ - 2 * (rows @ self.rows_.T) + own
        farthest = np.partition(distances, self.k_ - 1, axis=1)[:, self.k_ - 1 : self.k_]
        near = distances <= farthest + (farthest + own) * _TIE
        average: NDArray[np.float64] = (near @ self.answers_) / near.sum(axis=1, keepdims=True)
        return average

    def onnx_converter(self) -> Callable[[Any, Any, Any], None]:
        """Return what writes this estimator for skl2onnx: the arithmetic of `_average_few`, node by node."""
        return _write

    def onnx_shape_calculator(self) -> Callable[[Any], None]:
        """Return what tells skl2onnx the types of the outputs."""
        return _declare


class NeighboursClassifier(ClassifierMixin, _Neighbours):  # type: ignore[misc]  # scikit-learn has no types
    """Probabilities are the shares of the classes among the nearest rows."""

    def fit(self, matrix: NDArray[Any], truth: NDArray[np.int64]) -> Self:
        """Keep the rows with their classes."""
        self.classes_, places = np.unique(truth, return_inverse=True)
        self._keep(matrix, np.eye(len(self.classes_))[places])
        return self

    def predict_proba(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities, shape (rows, classes)."""
        return self._average(matrix)

    def predict(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Return the most frequent class, the first of several."""
        chosen: NDArray[Any] = self.classes_[self.predict_proba(matrix).argmax(axis=1)]
        return chosen


class NeighboursRegressor(RegressorMixin, _Neighbours):  # type: ignore[misc]  # scikit-learn has no types
    """The answer is the mean of the nearest rows."""

    def fit(self, matrix: NDArray[Any], truth: NDArray[np.float64]) -> Self:
        """Keep the rows with their values."""
        self._keep(matrix, np.asarray(truth, dtype=np.float64).reshape(-1, 1))
        return self

    def predict(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """Return values, shape (rows,)."""
        return self._average(matrix)[:, 0]


def _declare(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    model = operator.raw_operator
    operator.outputs[-1].type = FloatTensorType([None, model.answers_.shape[1]])
    if len(operator.outputs) > 1:
        operator.outputs[0].type = Int64TensorType([None])


def _write(scope: Any, operator: Any, container: Any) -> None:
    from onnx import TensorProto

    model = operator.raw_operator

    def constant(name: str, values: Any, kind: int = TensorProto.DOUBLE) -> str:
        name = scope.get_unique_variable_name(name)
        array = np.asarray(values)
        container.add_initializer(name, kind, list(array.shape), array.ravel().tolist())
        return name

    def node(kind: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        output = into or scope.get_unique_variable_name(kind)
        container.add_node(
            kind, list(inputs), [output], name=scope.get_unique_operator_name(kind), **attributes
        )
        return output

    axis = constant("axis", [1], TensorProto.INT64)
    exact = node("Cast", operator.inputs[0].full_name, to=TensorProto.DOUBLE)
    rows = node("Div", node("Sub", exact, constant("mean", model.mean_)), constant("scale", model.scale_))
    own = node("ReduceSum", node("Mul", rows, rows), axis, keepdims=1)
    products = node("Mul", node("MatMul", rows, constant("rows", model.rows_.T)), constant("two", 2.0))
    distances = node("Add", node("Sub", constant("squares", model.squares_), products), own)
    nearest = scope.get_unique_variable_name("nearest")
    places = scope.get_unique_variable_name("places")
    count = constant("k", [model.k_], TensorProto.INT64)
    container.add_node("TopK", [distances, count], [nearest, places], name="TopK", largest=0, axis=1)
    last = node("Gather", nearest, constant("last", [model.k_ - 1], TensorProto.INT64), axis=1)
    slack = node("Mul", node("Add", last, own), constant("tie", _TIE))
    near = node("Cast", node("LessOrEqual", distances, node("Add", last, slack)), to=TensorProto.DOUBLE)
    total = node("ReduceSum", near, axis, keepdims=1)
    answers = node("Div", node("MatMul", near, constant("answers", model.answers_)), total)
    node("Cast", answers, into=operator.outputs[-1].full_name, to=TensorProto.FLOAT)
    if len(operator.outputs) > 1:
        node("ArgMax", answers, into=operator.outputs[0].full_name, axis=1, keepdims=0)
