"""Support vectors, kernel ridge, Gaussian processes and label propagation of scikit-learn."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Distances, Operation, Power, Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_SLACK = 1e-9  # sums over all training rows, and distances that come from products, lose digits

# Williams & Barber, "Bayesian Classification with Gaussian Processes", appendix A, as in scikit-learn.
_SLOPES = np.array([0.41, 0.4, 0.37, 0.44, 0.39])
_WEIGHTS = np.array([-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654])


@reads(Ask.VALUE, "sklearn.SVR", "sklearn.NuSVR")
def read_support_regressor(builder: Builder, model: Any, value: int) -> int:
    """Read the sum of kernels over the support vectors."""
    kernels = _kernels(builder, model, value, np.asarray(model.support_vectors_), model._gamma)
    return builder.linear(kernels, model._dual_coef_, model._intercept_)


@reads(Ask.DECISION, "sklearn.SVC", "sklearn.NuSVC")
def read_support_decision(builder: Builder, model: Any, value: int) -> int:
    """Read the decision: of the second class, or of every class against the others from all pairs."""
    pairs = _pairs(builder, model, value)
    if len(model.classes_) == 2:
        return builder.linear(pairs, [[-1.0]], 0.0)
    if model.decision_function_shape == "ovo":
        return pairs
    votes = _votes(builder, pairs, len(model.classes_))
    sums = builder.linear(pairs, _signs(len(model.classes_)), 0.0)
    spread = builder.arithmetic(builder.map(sums, Unary.ABS), Operation.ADD, 1.0)
    small = builder.combine(sums, Operation.DIVIDE, builder.arithmetic(spread, Operation.MULTIPLY, 3.0))
    return builder.combine(votes, Operation.ADD, small)


@reads(Ask.LABELS, "sklearn.SVC", "sklearn.NuSVC")
def read_support_labels(builder: Builder, model: Any, value: int) -> int:
    """Read the class with the most votes of all pairs, the first of several."""
    if model.probability is True:
        raise Refused(
            "the cross-validated probabilities of a support vector machine cannot be written",
            hint="wrap it in CalibratedClassifierCV instead of setting `probability`",
        )
    return builder.choose(_votes(builder, _pairs(builder, model, value), len(model.classes_)))


@reads(Ask.VALUE, "sklearn.KernelRidge")
def read_kernel_ridge(builder: Builder, model: Any, value: int) -> int:
    """Read the sum of kernels over the training rows."""
    builder.slack = max(builder.slack, _SLACK)
    rows = np.asarray(model.X_fit_, dtype=np.float64)
    gamma = 1.0 / rows.shape[1] if model.gamma is None else float(model.gamma)
    dual = np.asarray(model.dual_coef_).reshape(len(rows), -1)
    return builder.linear(_kernels(builder, model, value, rows, gamma), dual.T, 0.0)


@reads(Ask.PROBABILITIES, "sklearn.LabelPropagation", "sklearn.LabelSpreading")
def read_label_propagation(builder: Builder, model: Any, value: int) -> int:
    """Read shares of the classes, weighed by a radial kernel over the training rows."""
    if model.kernel != "rbf":
        raise Refused(
            f"label propagation with kernel {model.kernel!r} cannot be written", hint='use kernel="rbf"'
        )
    kernels = _radial(builder, value, np.asarray(model.X_), float(model.gamma))
    shares = builder.linear(kernels, np.asarray(model.label_distributions_).T, 0.0)
    total = builder.linear(shares, np.ones((1, builder.widths[shares])), 0.0)
    return builder.combine(shares, Operation.DIVIDE, total)


@reads(Ask.VALUE, "sklearn.GaussianProcessRegressor")
def read_process(builder: Builder, model: Any, value: int) -> int:
    """Read the posterior mean (Rasmussen and Williams, algorithm 2.1, line 4)."""
    kernels = _covariances(builder, model.kernel_, value, np.asarray(model.X_train_))
    alpha = np.asarray(model.alpha_).reshape(len(model.X_train_), -1)
    mean = builder.linear(kernels, alpha.T, 0.0)
    mean = builder.arithmetic(mean, Operation.MULTIPLY, model._y_train_std)
    return builder.arithmetic(mean, Operation.ADD, model._y_train_mean)


@reads(Ask.PROBABILITIES, "sklearn.GaussianProcessClassifier")
def read_process_classifier(builder: Builder, model: Any, value: int) -> int:
    """Read Laplace's approximation for two classes; several are one against the rest."""
    if len(model.classes_) == 2:
        return builder.both(_latent_probability(builder, model.base_estimator_, value))
    if model.multi_class != "one_vs_rest":
        raise Refused(
            "a Gaussian process over pairs knows no probabilities", hint="use multi_class='one_vs_rest'"
        )
    each = [_latent_probability(builder, part, value) for part in model.base_estimator_.estimators_]
    return builder.normalise(builder.join(each))


@reads(Ask.PROBABILITIES, "sklearn._BinaryGaussianProcessClassifierLaplace")
def read_binary_process(builder: Builder, model: Any, value: int) -> int:
    """Read one of the parts of a Gaussian process over several classes."""
    return builder.both(_latent_probability(builder, model, value))


def _latent_probability(builder: Builder, model: Any, value: int) -> int:
    """Read the averaged logistic function of the latent mean and variance (algorithm 3.2)."""
    rows = np.asarray(model.X_train_)
    kernels = _covariances(builder, model.kernel_, value, rows)
    mean = builder.linear(kernels, (model.y_train_ - model.pi_).reshape(1, -1), 0.0)
    solved = np.linalg.solve(model.L_, np.diag(model.W_sr_))
    reduced = builder.linear(kernels, solved, np.zeros(len(rows)))
    explained = builder.linear(
        builder.combine(reduced, Operation.MULTIPLY, reduced), np.ones((1, len(rows))), 0.0
    )
    prior = float(np.ravel(model.kernel_.diag(rows[:1]))[0])
    variance = builder.linear(explained, [[-1.0]], prior)
    terms = []
    for slope in _SLOPES:
        # erf(slope·mean·sqrt(a / (a + slope²))) with a = 1 / (2 variance)
        spread = builder.map(builder.linear(variance, [[2 * slope**2]], 1.0), Unary.SQRT)
        scaled = builder.arithmetic(mean, Operation.MULTIPLY, slope)
        terms.append(builder.map(builder.combine(scaled, Operation.DIVIDE, spread), Unary.ERF))
    return builder.linear(builder.join(terms), (_WEIGHTS / 2).reshape(1, -1), 0.5 * _WEIGHTS.sum())


def _pairs(builder: Builder, model: Any, value: int) -> int:
    """Read the decision of every pair of classes, positive for the first."""
    kernels = _kernels(builder, model, value, np.asarray(model.support_vectors_), model._gamma)
    starts = np.cumsum([0, *model._n_support])
    dual = model._dual_coef_
    weights = np.zeros((len(model.classes_) * (len(model.classes_) - 1) // 2, dual.shape[1]))
    for pair, (first, second) in enumerate(combinations(range(len(model.classes_)), 2)):
        weights[pair, starts[first] : starts[first + 1]] = dual[second - 1, starts[first] : starts[first + 1]]
        weights[pair, starts[second] : starts[second + 1]] = dual[first, starts[second] : starts[second + 1]]
    return builder.linear(kernels, weights, model._intercept_)


def _votes(builder: Builder, pairs: int, classes: int) -> int:
    wins = builder.map(pairs, Unary.POSITIVE)
    signs = _signs(classes)
    return builder.linear(wins, signs, (signs < 0).sum(axis=1))


def _signs(classes: int) -> Floats:
    """Return for each class and pair 1 where it is the first of the pair, -1 the second, 0 neither."""
    signs = np.zeros((classes, classes * (classes - 1) // 2))
    for pair, (first, second) in enumerate(combinations(range(classes), 2)):
        signs[first, pair], signs[second, pair] = 1.0, -1.0
    return signs


def _kernels(builder: Builder, model: Any, value: int, rows: Floats, gamma: float) -> int:
    """Add the kernel between the row and each of `rows`."""
    kind = model.kernel
    if kind == "rbf":
        return _radial(builder, value, rows, gamma)
    if kind == "linear":
        return builder.linear(value, rows, 0.0)
    if kind in {"poly", "polynomial"}:
        products = builder.linear(value, gamma * rows, model.coef0)
        return builder.add(Power(sources=(products,), exponent=float(model.degree)))
    if kind == "sigmoid":
        return builder.map(builder.linear(value, gamma * rows, model.coef0), Unary.TANH)
    raise Refused(f"the neutral form has no kernel {kind!r}", hint="use rbf, linear, poly or sigmoid")


def _radial(builder: Builder, value: int, rows: Floats, gamma: float) -> int:
    distances = builder.add(Distances(sources=(value,), rows=np.asarray(rows, dtype=np.float64)))
    builder.slack = max(builder.slack, _SLACK)
    return builder.map(builder.arithmetic(distances, Operation.MULTIPLY, -gamma), Unary.EXP)


def _covariances(builder: Builder, kernel: Any, value: int, rows: Floats) -> int:
    """Add a Gaussian process's kernel between the row and each of `rows`."""
    kind = type(kernel).__name__
    if kind == "RBF":
        length = np.asarray(kernel.length_scale, dtype=np.float64)
        scaled = builder.scale(value, offset=None, divisor=length)
        return _radial(builder, scaled, rows / length, 0.5)
    if kind == "ConstantKernel":
        return builder.constant(np.full(len(rows), kernel.constant_value))
    if kind == "WhiteKernel":
        return builder.constant(np.zeros(len(rows)))
    if kind == "DotProduct":
        return builder.linear(value, rows, kernel.sigma_0**2)
    if kind in {"Sum", "Product"}:
        operation = Operation.ADD if kind == "Sum" else Operation.MULTIPLY
        left = _covariances(builder, kernel.k1, value, rows)
        return builder.combine(left, operation, _covariances(builder, kernel.k2, value, rows))
    raise Refused(
        f"the neutral form has no kernel {kind}", hint="use RBF, DotProduct, constants, sums and products"
    )
