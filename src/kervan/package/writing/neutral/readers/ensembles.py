"""Models of models: pipelines, votes, stacks, bagging, AdaBoost, calibration, one against others."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary, WeightedMedian
from kervan.package.writing.neutral.readers.linear import decision_or_probability
from kervan.package.writing.neutral.readers.registry import Ask, class_name, read, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.PROBABILITIES, "sklearn.DummyClassifier")
def read_prior(builder: Builder, model: Any, value: int) -> int:
    """Read the same probabilities for every row."""
    if model.strategy == "prior":
        return builder.constant(model.class_prior_)
    if model.strategy in {"most_frequent", "constant"}:
        answer = model.predict_proba(np.zeros((1, model.n_features_in_)))[0]
        return builder.constant(answer)
    raise Refused(f"the strategy {model.strategy!r} answers by chance", hint='use strategy="prior"')


@reads(Ask.VALUE, "sklearn.DummyRegressor")
def read_constant(builder: Builder, model: Any, value: int) -> int:
    """Read the same value for every row."""
    return builder.constant(model.constant_)


def _pipeline(ask: Ask) -> None:
    @reads(ask, "sklearn.Pipeline")
    def read_pipeline(builder: Builder, model: Any, value: int) -> int:
        for _, step in model.steps[:-1]:
            if step not in (None, "passthrough"):
                value = read(builder, step, value, Ask.TRANSFORM)
        return read(builder, model.steps[-1][1], value, ask)

    @reads(ask, "sklearn.GridSearchCV", "sklearn.RandomizedSearchCV", "sklearn.HalvingGridSearchCV")
    def read_search(builder: Builder, model: Any, value: int) -> int:
        return read(builder, model.best_estimator_, value, ask)


for _ask in (Ask.DECISION, Ask.PROBABILITIES, Ask.LABELS, Ask.VALUE):
    _pipeline(_ask)


@reads(Ask.PROBABILITIES, "sklearn.VotingClassifier")
def read_soft_vote(builder: Builder, model: Any, value: int) -> int:
    """Read the weighted mean of probabilities."""
    parts = [read(builder, part, value, Ask.PROBABILITIES) for part in model.estimators_]
    return builder.mean(parts, model._weights_not_none)


@reads(Ask.LABELS, "sklearn.VotingClassifier")
def read_hard_vote(builder: Builder, model: Any, value: int) -> int:
    """Read the class with the most votes, the first of several."""
    if model.voting == "soft":
        return builder.choose(read_soft_vote(builder, model, value))
    parts = [read(builder, part, value, Ask.LABELS) for part in model.estimators_]
    return builder.choose(builder.mean(parts, model._weights_not_none))


@reads(Ask.VALUE, "sklearn.VotingRegressor")
def read_mean(builder: Builder, model: Any, value: int) -> int:
    """Read the weighted mean of values."""
    parts = [read(builder, part, value, Ask.VALUE) for part in model.estimators_]
    return builder.mean(parts, model._weights_not_none)


@reads(Ask.PROBABILITIES, "sklearn.StackingClassifier")
def read_stack(builder: Builder, model: Any, value: int) -> int:
    """Read a classifier over the answers of others."""
    return read(
        builder, model.final_estimator_, _stacked(builder, model, value, of_classes=True), Ask.PROBABILITIES
    )


@reads(Ask.VALUE, "sklearn.StackingRegressor")
def read_stacked_value(builder: Builder, model: Any, value: int) -> int:
    """Read a regressor over the answers of others."""
    return read(builder, model.final_estimator_, _stacked(builder, model, value), Ask.VALUE)


def _stacked(builder: Builder, model: Any, value: int, *, of_classes: bool = False) -> int:
    parts = []
    for part, method in zip(model.estimators_, model.stack_method_, strict=True):
        if method == "predict" and of_classes:
            raise Refused(
                "a stack over predicted classes cannot be written", hint="stack classifiers with scores"
            )
        given = read(builder, part, value, Ask(method))
        is_pair = method == "predict_proba" and builder.widths[given] == 2
        parts.append(builder.take(given, [1]) if is_pair else given)
    return builder.join([*parts, value] if model.passthrough else parts)


@reads(Ask.PROBABILITIES, "sklearn.BaggingClassifier")
def read_bagging(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of probabilities, or of votes where a part knows none."""
    parts = []
    for part, places in zip(model.estimators_, model.estimators_features_, strict=True):
        if list(part.classes_) != list(range(len(model.classes_))):
            raise Refused("a part of the bag knows fewer classes", hint="use more rows of the rarest class")
        ask = Ask.PROBABILITIES if hasattr(part, "predict_proba") else Ask.LABELS
        parts.append(read(builder, part, builder.take(value, places), ask))
    return builder.mean(parts)


@reads(Ask.VALUE, "sklearn.BaggingRegressor")
def read_bagged_value(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of values."""
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    return builder.mean(
        [read(builder, part, builder.take(value, places), Ask.VALUE) for part, places in pairs]
    )


@reads(Ask.PROBABILITIES, "sklearn.AdaBoostClassifier")
def read_ada_boost(builder: Builder, model: Any, value: int) -> int:
    """Read the softmax of weighted votes (SAMME; Zhu, Zou, Rosset and Hastie 2009, eq. 15)."""
    classes = len(model.classes_)
    votes = builder.join(read(builder, part, value, Ask.LABELS) for part in model.estimators_)
    weights = np.asarray(model.estimator_weights_)[: len(model.estimators_)]
    one = np.where(np.eye(classes) > 0, 1.0, -1.0 / (classes - 1))
    decision = builder.linear(votes, np.hstack([weight * one for weight in weights / weights.sum()]), 0.0)
    if classes == 2:
        # The library halves ±(second - first), which is ±(second - first) / 2 for each class.
        decision = builder.linear(decision, [[0.5, -0.5], [-0.5, 0.5]], 0.0)
        return builder.softmax(decision)
    return builder.softmax(builder.arithmetic(decision, Operation.DIVIDE, float(classes - 1)))


@reads(Ask.VALUE, "sklearn.AdaBoostRegressor")
def read_median(builder: Builder, model: Any, value: int) -> int:
    """Read the weighted median of values."""
    parts = builder.join(read(builder, part, value, Ask.VALUE) for part in model.estimators_)
    weights = np.asarray(model.estimator_weights_, dtype=np.float64)[: len(model.estimators_)]
    return builder.add(WeightedMedian(sources=(parts,), weights=weights))


@reads(Ask.PROBABILITIES, "sklearn.CalibratedClassifierCV")
def read_calibrated(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of calibrated classifiers, one for each fold."""
    return builder.mean([_calibrated(builder, part, value) for part in model.calibrated_classifiers_])


def _calibrated(builder: Builder, model: Any, value: int) -> int:
    if model.method not in {"sigmoid", "isotonic"}:
        raise Refused(f"calibration by {model.method} cannot be written", hint="use sigmoid or isotonic")
    scores = decision_or_probability(builder, model.estimator, value)
    parts = []
    for place, calibrator in enumerate(model.calibrators):
        score = builder.take(scores, [place])
        if model.method == "isotonic":
            parts.append(builder.interpolate(score, calibrator.X_thresholds_, calibrator.y_thresholds_))
        else:
            parts.append(
                builder.map(builder.linear(score, [[-calibrator.a_]], -calibrator.b_), Unary.LOGISTIC)
            )
    return builder.both(parts[0]) if len(parts) == 1 else builder.normalise(builder.join(parts))


@reads(Ask.PROBABILITIES, "sklearn.SelfTrainingClassifier")
def read_self_training(builder: Builder, model: Any, value: int) -> int:
    """Read the classifier that was trained in the end."""
    return read(builder, model.estimator_, value, Ask.PROBABILITIES)


@reads(Ask.PROBABILITIES, "sklearn.OneVsRestClassifier")
def read_one_against_rest(builder: Builder, model: Any, value: int) -> int:
    """Read the probabilities of each class against the rest, brought to a sum of 1."""
    parts = [builder.take(read(builder, part, value, Ask.PROBABILITIES), [1]) for part in model.estimators_]
    return builder.both(parts[0]) if len(parts) == 1 else builder.normalise(builder.join(parts))


@reads(Ask.LABELS, "sklearn.OneVsRestClassifier")
def read_one_against_rest_labels(builder: Builder, model: Any, value: int) -> int:
    """Read the class with the largest decision against the rest."""
    parts = [decision_or_probability(builder, part, value) for part in model.estimators_]
    if len(parts) > 1:
        return builder.choose(builder.join(parts))
    limit = 0.0 if hasattr(model.estimators_[0], "decision_function") else -0.5
    above = builder.map(builder.arithmetic(parts[0], Operation.ADD, limit), Unary.POSITIVE)
    return builder.both(above)


@reads(Ask.LABELS, "sklearn.OneVsOneClassifier")
def read_one_against_one(builder: Builder, model: Any, value: int) -> int:
    """Read the votes of all pairs; confidences, brought into (-1/3, 1/3), break ties."""
    classes = len(model.classes_)
    pairs = list(combinations(range(classes), 2))
    scores, wins = [], []
    for part in model.estimators_:
        score = decision_or_probability(builder, part, value)
        if not hasattr(part, "decision_function"):
            score = builder.take(score, [0])
        scores.append(score)
        wins.append(builder.take(read(builder, part, value, Ask.LABELS), [1]))
    sign = np.zeros((classes, len(pairs)))
    for pair, (first, second) in enumerate(pairs):
        sign[first, pair], sign[second, pair] = -1.0, 1.0
    votes = builder.linear(builder.join(wins), sign, (sign < 0).sum(axis=1))
    sums = builder.linear(builder.join(scores), sign, 0.0)
    spread = builder.arithmetic(builder.map(sums, Unary.ABS), Operation.ADD, 1.0)
    small = builder.combine(sums, Operation.DIVIDE, builder.arithmetic(spread, Operation.MULTIPLY, 3.0))
    decision = builder.combine(votes, Operation.ADD, small)
    if classes == 2:
        return builder.both(builder.map(builder.take(decision, [1]), Unary.POSITIVE))
    return builder.choose(decision)


@reads(Ask.LABELS, "sklearn.OutputCodeClassifier")
def read_codes(builder: Builder, model: Any, value: int) -> int:
    """Read the class whose code is nearest to the scores s: the largest 2 s·c - c·c, the first of several."""
    book = np.asarray(model.code_book_, dtype=np.float64)
    scores = builder.join(_score(builder, part, value) for part in model.estimators_)
    return builder.choose(builder.linear(scores, 2 * book, -(book**2).sum(axis=1)))


def _score(builder: Builder, part: Any, value: int) -> int:
    if class_name(part) == "sklearn._ConstantPredictor":  # what a code asks all classes alike
        return builder.constant(part.y_)
    return decision_or_probability(builder, part, value)


@reads(Ask.PROBABILITIES, "sklearn.FixedThresholdClassifier", "sklearn.TunedThresholdClassifierCV")
def read_threshold(builder: Builder, model: Any, value: int) -> int:
    """Read the probabilities beneath a threshold; the threshold itself belongs to the label."""
    return read(builder, model.estimator_, value, Ask.PROBABILITIES)


@reads(Ask.VALUE, "sklearn.TransformedTargetRegressor")
def read_transformed(builder: Builder, model: Any, value: int) -> int:
    """Read a regressor and the way back from its transformed target."""
    given = read(builder, model.regressor_, value, Ask.VALUE)
    transformer = model.transformer_
    kind = type(transformer).__name__
    if kind == "StandardScaler":
        scaled = (
            given
            if transformer.scale_ is None
            else builder.arithmetic(given, Operation.MULTIPLY, transformer.scale_)
        )
        return (
            scaled
            if transformer.mean_ is None
            else builder.arithmetic(scaled, Operation.ADD, transformer.mean_)
        )
    if kind == "FunctionTransformer":
        back = transformer.inverse_func
        if back is None:
            return given
        if getattr(back, "__name__", "") in {"exp", "expm1"} and type(back) is np.ufunc:
            return builder.map(given, Unary(back.__name__))
    raise Refused(
        "the way back from the transformed target cannot be written", hint="use numpy.exp or numpy.expm1"
    )


@reads(Ask.VALUE, "sklearn.MultiOutputRegressor", "sklearn.RegressorChain")
def read_single_output(builder: Builder, model: Any, value: int) -> int:
    """Read the one regressor of a single output."""
    if len(model.estimators_) != 1:
        raise Refused("several outputs cannot be written", hint="train one model for each column")
    return read(builder, model.estimators_[0], value, Ask.VALUE)
