"""Nearest neighbours and centroids of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Distances, Operation, Unary
from kervan.package.writing.neutral.readers.linear import choose_by_decision
from kervan.package.writing.neutral.readers.registry import Ask, read, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.PROBABILITIES, "sklearn.KNeighborsClassifier")
@reads(Ask.VALUE, "sklearn.KNeighborsRegressor")
def refuse_neighbours(builder: Builder, model: Any, value: int) -> int:
    """Refuse: which of several rows at the same distance takes part is a matter of the library's search."""
    raise Refused(
        f"{type(model).__name__} breaks ties between rows by chance, which no other program can repeat",
        hint="train the family `neighbours`, where all of them take part, or write the format `native`",
    )


@reads(Ask.VALUE, "sklearn.RadiusNeighborsRegressor")
def read_radius(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of what is known about the rows within a distance; NaN where there is none."""
    inside = _within_radius(builder, model, value)
    total = builder.linear(inside, np.asarray(model._y, dtype=np.float64).reshape(1, -1), 0.0)
    return builder.combine(total, Operation.DIVIDE, _count(builder, inside))


@reads(Ask.PROBABILITIES, "sklearn.RadiusNeighborsClassifier")
def read_radius_votes(builder: Builder, model: Any, value: int) -> int:
    """Read the shares of the classes among the rows within a distance.

    Where there is none it is the class for outliers, or NaN: without such a class the library refuses.
    """
    inside = _within_radius(builder, model, value)
    votes = builder.linear(inside, np.arange(len(model.classes_))[:, np.newaxis] == model._y, 0.0)
    count = _count(builder, inside)
    if model.outlier_label_ is None:
        return builder.combine(votes, Operation.DIVIDE, count)
    alone = np.asarray(model.classes_ == model.outlier_label_[0], dtype=np.float64)
    if not alone.any():
        raise Refused(
            f"the label {model.outlier_label_[0]!r} for outliers is none of the classes",
            hint='use outlier_label="most_frequent"',
        )
    nobody = builder.linear(builder.map(count, Unary.POSITIVE), -alone[:, np.newaxis], alone)
    return builder.normalise(builder.combine(votes, Operation.ADD, nobody))


def _within_radius(builder: Builder, model: Any, value: int) -> int:
    """Say for each row that was learned whether it is within the distance."""
    if model.weights != "uniform" or model.effective_metric_ not in {"euclidean", "minkowski"}:
        raise Refused(
            f"weights {model.weights!r} with the metric {model.effective_metric_!r} cannot be written",
            hint='use weights="uniform" and the Euclidean metric',
        )
    rows = np.asarray(model._fit_X, dtype=np.float64)
    away = builder.arithmetic(
        builder.add(Distances(sources=(value,), rows=rows)), Operation.SUBTRACT, model.radius**2
    )
    return builder.linear(builder.map(away, Unary.POSITIVE), -np.eye(len(rows)), 1.0)


def _count(builder: Builder, inside: int) -> int:
    return builder.linear(inside, np.ones((1, builder.widths[inside])), 0.0)


@reads(Ask.DECISION, "sklearn.NearestCentroid")
def read_centroid(builder: Builder, model: Any, value: int) -> int:
    """Read the discriminant of the nearest centroid: log prior - half the squared scaled distance."""
    if model.metric != "euclidean":
        raise Refused(
            f"centroids with metric {model.metric!r} cannot be written", hint='use metric="euclidean"'
        )
    spread = np.where(model.within_class_std_dev_ == 0, 1.0, model.within_class_std_dev_)
    scaled = builder.scale(value, offset=None, divisor=spread)
    distances = builder.add(Distances(sources=(scaled,), rows=model.centroids_ / spread))
    scores = builder.linear(distances, -np.eye(len(model.classes_)), 2 * np.log(model.class_prior_))
    return builder.linear(scores, [[-1.0, 1.0]], 0.0) if len(model.classes_) == 2 else scores


@reads(Ask.LABELS, "sklearn.NearestCentroid")
def read_centroid_labels(builder: Builder, model: Any, value: int) -> int:
    """Read the class of the nearest centroid."""
    return choose_by_decision(builder, read(builder, model, value, Ask.DECISION))


@reads(Ask.PROBABILITIES, "sklearn.NearestCentroid")
def read_centroid_probabilities(builder: Builder, model: Any, value: int) -> int:
    """Read the softmax of the discriminants."""
    decision = read_centroid(builder, model, value)
    if builder.widths[decision] == 1:
        return builder.both(builder.map(decision, Unary.LOGISTIC))
    return builder.softmax(decision)
