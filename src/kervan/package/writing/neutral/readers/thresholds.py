"""Classifiers that decide by a threshold of their own: what they answer is the class that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import AtLeast, Operation
from kervan.package.writing.neutral.readers.registry import DECIDES, Ask, read, reads

if TYPE_CHECKING:
    from kervan.package.writing.neutral.build import Builder


@reads(Ask.LABELS, *DECIDES)
def read_threshold(builder: Builder, model: Any, value: int) -> int:
    """Name the positive class where its score reaches the threshold, the other one below."""
    inner, classes = model.estimator_, list(model.classes_)
    positive = model.pos_label if hasattr(model, "pos_label") else model._curve_scorer._get_pos_label()
    place = 1 if positive is None else classes.index(positive)
    wanted = model.response_method
    if wanted == "predict_proba" or (wanted == "auto" and hasattr(inner, "predict_proba")):
        score, usual = builder.take(read(builder, inner, value, Ask.PROBABILITIES), [place]), 0.5
    else:
        score, usual = read(builder, inner, value, Ask.DECISION), 0.0
        score = score if place else builder.arithmetic(score, Operation.MULTIPLY, -1.0)
    threshold = model.best_threshold_ if hasattr(model, "best_threshold_") else model.threshold
    least = np.array([usual if threshold == "auto" else float(threshold)])
    reached = builder.add(AtLeast(sources=(score,), places=np.zeros(1, dtype=np.int64), values=least))
    return builder.take(builder.both(reached), [1 - place, place])
