"""Nearest neighbours and centroids of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.neutral.form import Distances, Operation, Unary
from kervan.package.neutral.readers.linear import choose_by_decision
from kervan.package.neutral.readers.registry import Ask, read, reads

if TYPE_CHECKING:
    from kervan.package.neutral.build import Builder


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
    if model.weights != "uniform" or model.effective_metric_ not in {"euclidean", "minkowski"}:
        raise Refused(
            f"weights {model.weights!r} with the metric {model.effective_metric_!r} cannot be written",
            hint='use weights="uniform" and the Euclidean metric',
        )
    rows = np.asarray(model._fit_X, dtype=np.float64)
    away = builder.arithmetic(
        builder.add(Distances(sources=(value,), rows=rows)), Operation.SUBTRACT, model.radius**2
    )
    outside = builder.map(away, Unary.POSITIVE)
    inside = builder.linear(outside, -np.eye(len(rows)), 1.0)
    total = builder.linear(inside, np.asarray(model._y, dtype=np.float64).reshape(1, -1), 0.0)
    return builder.combine(total, Operation.DIVIDE, builder.linear(inside, np.ones((1, len(rows))), 0.0))


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
