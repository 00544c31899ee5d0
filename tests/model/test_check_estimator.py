"""What Kervan brings as estimators keeps the rules of scikit-learn, by scikit-learn's own checks.

`Recoded` and `Selected` are left out: one takes a column of codes, the other knows how wide its matrix is,
and the checks give numbers of any width.
"""

from __future__ import annotations

from typing import Any

from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from kervan.model.dates import DateParts
from kervan.model.features.columns import FeatureColumns
from kervan.model.features.ready import Changed
from kervan.model.features.values import Kind
from kervan.model.neighbours import NeighboursClassifier, NeighboursRegressor
from kervan.model.prepare import RowSteps

CLIPPED = {
    "told": "clip",
    "places": [0],
    "codes": [False],
    "by": "",
    "quantiles": [0.1, 0.9],
    "ends": [[None], [None]],
}
NUMBER = {"name": "a", "kind": Kind.NUMBER.value, "places": [0], "labels": []}


@parametrize_with_checks(
    [
        NeighboursClassifier(),
        NeighboursRegressor(),
        RowSteps([]),
        RowSteps([CLIPPED]),
        DateParts(days=[0]),
        FeatureColumns([["twice", "a * 2"]], [NUMBER]),
        Changed([0], StandardScaler()),
    ]
)
def test_our_estimators_keep_the_rules_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
