"""Linear and generalised linear models, discriminants and projections of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.readers.registry import Ask, read, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder

_CLASSIFIERS = (
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PassiveAggressiveClassifier",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
)
_REGRESSORS = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "LinearSVR",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)
_GENERALISED = ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")


def _named(*names: str) -> tuple[str, ...]:
    return tuple(f"sklearn.{name}" for name in names)


@reads(Ask.DECISION, *_named(*_CLASSIFIERS))
@reads(Ask.VALUE, *_named(*_REGRESSORS))
def read_linear(builder: Builder, model: Any, value: int) -> int:
    """Read weights @ x + bias."""
    return builder.linear(value, model.coef_, model.intercept_)


@reads(Ask.LABELS, *_named(*_CLASSIFIERS))
def read_labels(builder: Builder, model: Any, value: int) -> int:
    """Read the class with the largest decision; with two classes, the second where it is above 0."""
    return choose_by_decision(builder, read(builder, model, value, Ask.DECISION))


@reads(Ask.PROBABILITIES, *_named("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"))
def read_logistic(builder: Builder, model: Any, value: int) -> int:
    """Read the logistic function of the decision, or the softmax of several."""
    decision = read(builder, model, value, Ask.DECISION)
    if builder.widths[decision] == 1:
        return builder.both(builder.map(decision, Unary.LOGISTIC))
    return builder.softmax(decision)


@reads(Ask.PROBABILITIES, *_named("SGDClassifier"))
def read_one_against_rest(builder: Builder, model: Any, value: int) -> int:
    """Read probabilities of each class against the rest, brought to a sum of 1."""
    decision = read(builder, model, value, Ask.DECISION)
    if model.loss == "modified_huber":
        clipped = builder.arithmetic(decision, Operation.MAXIMUM, -1.0)
        clipped = builder.arithmetic(clipped, Operation.MINIMUM, 1.0)
        shares = builder.arithmetic(builder.arithmetic(clipped, Operation.ADD, 1.0), Operation.DIVIDE, 2.0)
    else:
        shares = builder.map(decision, Unary.LOGISTIC)
    return builder.both(shares) if builder.widths[shares] == 1 else builder.normalise(shares)


@reads(Ask.VALUE, *_named(*_GENERALISED))
def read_generalised(builder: Builder, model: Any, value: int) -> int:
    """Read the inverse of the link over a linear predictor."""
    linear = read_linear(builder, model, value)
    link = type(model._base_loss.link).__name__
    if link == "LogLink":
        return builder.map(linear, Unary.EXP)
    if link == "IdentityLink":
        return linear
    raise Refused(f"the neutral form has no {link}", hint="choose the link `log` or `identity`")


@reads(Ask.VALUE, *_named("CCA", "PLSCanonical", "PLSRegression"))
def read_projection(builder: Builder, model: Any, value: int) -> int:
    """Read coefficients over centred inputs."""
    return builder.linear(
        builder.scale(value, offset=model._x_mean, divisor=None), model.coef_, model.intercept_
    )


@reads(Ask.VALUE, *_named("RANSACRegressor"))
def read_consensus(builder: Builder, model: Any, value: int) -> int:
    """Read the estimator that was fitted to the inliers."""
    return read(builder, model.estimator_, value, Ask.VALUE)


@reads(Ask.VALUE, *_named("IsotonicRegression"))
def read_isotonic(builder: Builder, model: Any, value: int) -> int:
    """Read a rising function of one input."""
    if model.out_of_bounds != "clip":
        raise Refused(
            "an isotonic regression that gives nothing outside its range cannot be written",
            hint='fit it with out_of_bounds="clip"',
        )
    return builder.interpolate(value, model.X_thresholds_, model.y_thresholds_)


@reads(Ask.DECISION, *_named("QuadraticDiscriminantAnalysis"))
def read_quadratic(builder: Builder, model: Any, value: int) -> int:
    """Read -0.5 (|scaled rotation of x - mean|² + log det) + log prior for each class (ESL, eq. 4.12)."""
    parts = []
    for place, mean in enumerate(model.means_):
        scaled = model.rotations_[place] * model.scalings_[place] ** -0.5
        rotated = builder.linear(
            builder.scale(value, offset=mean, divisor=None), scaled.T, np.zeros(scaled.shape[1])
        )
        squared = builder.combine(rotated, Operation.MULTIPLY, rotated)
        bias = -0.5 * np.log(model.scalings_[place]).sum() + np.log(model.priors_[place])
        parts.append(builder.linear(squared, np.full((1, scaled.shape[1]), -0.5), bias))
    return builder.join(parts)


@reads(Ask.PROBABILITIES, *_named("QuadraticDiscriminantAnalysis"))
def read_quadratic_probabilities(builder: Builder, model: Any, value: int) -> int:
    """Read the softmax of the posteriors' logarithms."""
    return builder.softmax(read_quadratic(builder, model, value))


def choose_by_decision(builder: Builder, decision: int) -> int:
    """Turn decisions into the class that they name."""
    if builder.widths[decision] > 1:
        return builder.choose(decision)
    return builder.both(builder.map(decision, Unary.POSITIVE))


def decision_or_probability(builder: Builder, model: Any, value: int) -> int:
    """Read the decision of a classifier, or else its probabilities (of the second class alone, if two)."""
    if hasattr(model, "decision_function"):
        return read(builder, model, value, Ask.DECISION)
    probabilities = read(builder, model, value, Ask.PROBABILITIES)
    return builder.take(probabilities, [1]) if builder.widths[probabilities] == 2 else probabilities
