"""Naive Bayes of scikit-learn: joint log likelihoods, brought to probabilities by a softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import AtLeast, Equal, Operation, Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.PROBABILITIES, "sklearn.GaussianNB")
def read_gaussian(builder: Builder, model: Any, value: int) -> int:
    """Read independent normal distributions for each class."""
    parts = []
    for place, prior in enumerate(model.class_prior_):
        mean, variance = model.theta_[place], model.var_[place]
        away = builder.scale(value, offset=mean, divisor=None)
        squared = builder.combine(away, Operation.MULTIPLY, away)
        bias = np.log(prior) - 0.5 * np.log(2.0 * np.pi * variance).sum()
        parts.append(builder.linear(squared, -0.5 / variance.astype(np.float64), bias))
    return builder.softmax(builder.join(parts))


@reads(Ask.PROBABILITIES, "sklearn.BernoulliNB")
def read_bernoulli(builder: Builder, model: Any, value: int) -> int:
    """Read inputs that are there or not."""
    if model.binarize is not None:
        width = builder.widths[value]
        beyond = np.full(width, np.nextafter(model.binarize, np.inf))
        value = builder.add(AtLeast(sources=(value,), places=np.arange(width), values=beyond))
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    bias = model.class_log_prior_ + absent.sum(axis=1)
    return builder.softmax(builder.linear(value, model.feature_log_prob_ - absent, bias))


@reads(Ask.PROBABILITIES, "sklearn.MultinomialNB")
def read_multinomial(builder: Builder, model: Any, value: int) -> int:
    """Read counts."""
    return builder.softmax(builder.linear(value, model.feature_log_prob_, model.class_log_prior_))


@reads(Ask.PROBABILITIES, "sklearn.ComplementNB")
def read_complement(builder: Builder, model: Any, value: int) -> int:
    """Read counts, weighed by what the other classes lack."""
    alone = len(model.classes_) == 1
    return builder.softmax(
        builder.linear(value, model.feature_log_prob_, model.class_log_prior_ if alone else 0.0)
    )


@reads(Ask.PROBABILITIES, "sklearn.CategoricalNB")
def read_categorical(builder: Builder, model: Any, value: int) -> int:
    """Read the log probability of each input's code."""
    places = np.concatenate(
        [np.full(table.shape[1], place) for place, table in enumerate(model.feature_log_prob_)]
    )
    codes = np.concatenate([np.arange(table.shape[1], dtype=float) for table in model.feature_log_prob_])
    whole = builder.map(builder.arithmetic(value, Operation.MAXIMUM, 0.0), Unary.FLOOR)
    seen = builder.add(Equal(sources=(whole,), places=places.astype(np.int64), values=codes))
    return builder.softmax(builder.linear(seen, np.hstack(model.feature_log_prob_), model.class_log_prior_))
