"""The columns that features add to the encoded matrix; what they learn, such as the edges of bins, they learn
from the rows that the model is fitted on, in every fold anew.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253  a base class; candidates.py imports this file late
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: TID253  as above

from kervan.core.errors import InvalidData
from kervan.core.features import Feature, appended
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.features.calls import FunctionColumns
from kervan.model.features.circuit import Circuit
from kervan.model.features.compile import Compiler
from kervan.model.features.signature import columns_of, computed, runs_of
from kervan.model.features.values import KINDS, Kind, Value
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import kept
from kervan.package.writing.neutral.form import Form
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Learn = Callable[[Builder, int, int], Floats | Sequence[float]]


class FeatureColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Appends features to a matrix of shape (rows, inputs).

    `features` are names and expressions; `columns` says of each input its name, what it is, its categories or
    words, and its places in the matrix.
    """

    def __init__(self, features: Sequence[Sequence[str]], columns: Sequence[dict[str, Any]]) -> None:
        self.features = features
        self.columns = columns

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Learn where bins part. Raises `InvalidData` for a feature that is missing in every row."""
        values = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan")
        self.edges_: list[Floats] = []

        def learn(builder: Builder, value: int, bins: int) -> Floats:
            self.edges_.append(_quantiles(_given(builder, value, values)[:, 0], bins))
            return self.edges_[-1]

        builder = self._builder()
        found, kinds = self._added(builder, 0, learn)
        nothing = [UNKNOWN if kind is Kind.CATEGORY else np.nan for kind in kinds]
        given = _given(builder, found, values)
        empty = (np.isnan(given) | (given == nothing)).all(axis=0)
        if empty.any():
            name = self.features[int(empty.argmax())][0]
            raise InvalidData(
                f"[[model.features]] {name!r}: it is missing in every row of the training part",
                hint="what is missing in a part makes all of it so; `coalesce` puts something in its place",
            )
        return self

    def transform(self, matrix: NDArray[Any]) -> Floats:
        """Return the matrix and the features behind it, as every written format computes them."""
        check_is_fitted(self)
        values = validate_data(
            self, matrix, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, ensure_min_samples=0
        )
        builder = self._builder()
        return _given(builder, self.write_form(builder, 0), values)

    def __sklearn_tags__(self) -> Any:
        """Say that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def write_form(self, builder: Builder, value: int) -> int:
        """Add the layers that compute the features to the neutral form."""
        edges = iter(self.edges_)
        found, _ = self._added(builder, value, lambda *_: next(edges))
        return builder.join([value, found])

    def _added(self, builder: Builder, value: int, learn: Learn) -> tuple[int, list[Kind]]:
        """Return the features side by side, and what they are."""
        columns = {each["name"]: _taken(builder, value, each) for each in self.columns}
        features = [Feature(name, formula) for name, formula in self.features]
        compiler = Compiler(builder, columns, features, learn)
        found = [compiler.column(each.name) for each in features]
        joined = builder.join([each.parts[0] for each in found])
        return Circuit(builder).limited(joined), [each.kind for each in found]

    def _builder(self) -> Builder:
        columns = tuple(Column(name=str(place), type=Type.NUMBER) for place in range(self.n_features_in_))
        return Builder(Signature(inputs=Schema(columns), output=Column(name="features", type=Type.NUMBER)))


def feature_columns(signature: Signature) -> list[Any]:
    """Return what appends the features of a signature to its encoded matrix, step by step, not yet fitted."""
    columns = columns_of(signature)
    place = sum(len(each["places"]) + len(each.get("answers", ())) for each in columns)
    added = iter(computed(signature))
    found: list[Any] = []
    for run in runs_of(appended(signature.features)):
        found.append(_appending(run, list(columns)))
        for column in islice(added, len(run)):
            kind, labels = str(KINDS[column.type]), list(column.allowed)
            columns.append({"name": column.name, "kind": kind, "labels": labels, "places": [place]})
            place += 1
    return found


def _appending(run: Sequence[Feature], columns: list[dict[str, Any]]) -> FeatureColumns | FunctionColumns:
    if not run[0].call:
        return FeatureColumns([[each.name, each.formula] for each in run], columns)
    told = [{"name": each.name, "call": each.call, "of": list(each.of), "code": each.code} for each in run]
    return FunctionColumns(told, columns)


def _taken(builder: Builder, value: int, told: dict[str, Any]) -> Value:
    parts = tuple(builder.take(value, [place]) for place in told["places"])
    return Value(kind=Kind(told["kind"]), parts=parts, labels=tuple(told["labels"]))


def _given(builder: Builder, value: int, matrix: Floats) -> Floats:
    signature = Signature(
        inputs=Schema(tuple(Column(name=str(place), type=Type.NUMBER) for place in range(matrix.shape[1]))),
        output=Column(name="features", type=Type.NUMBER),
    )
    return score(kept(Form(signature=signature, layers=tuple(builder.layers)), value), matrix)


def _quantiles(values: Floats, bins: int) -> Floats:
    """Return the numbers between equally full bins, each once."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.zeros(0)
    return np.unique(np.quantile(present, np.arange(1, bins) / bins, method="inverted_cdf"))
