"""The forest that every contender writes as C: fitted alike wherever it is needed."""

from __future__ import annotations

from typing import Any

TREES = 100


def fit_forest() -> Any:
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier

    rows, labels = load_digits(return_X_y=True)
    return RandomForestClassifier(TREES, random_state=0).fit(rows, labels)
