"""What every format of a framework has to prove: each estimator by its form, and models of real tables."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kervan.package.neutral.score import score
from kervan.package.parity import compare, proof_rows

from .code.test_real_tables import fitted
from .neutral.rows import OUTPUTS, fit, names
from .neutral.test_readers import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.package.fitted import Fitted

    Scorers = Callable[[Fitted], Mapping[str, Predictor]]

EXPRESSIBLE = [(name, task) for task in OUTPUTS for name in names(task) if name not in REFUSED]


def prove_estimator(
    name: str, task: str, scorers: Scorers, tolerance: float, *, subnormal: bool = True
) -> None:
    """Hold what `scorers` makes of an estimator to its form; `subnormal` rows are among those that hurt."""
    model, matrix = fit(name, task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is made to hurt overflows here and there
        rows = proof_rows(model, matrix[200:], seed=1)
        if not subnormal:
            is_subnormal = (rows != 0) & (np.abs(rows) < np.finfo(np.float32).tiny)
            rows = rows[~is_subnormal.any(axis=1)]
        limit = max(tolerance, model.slack)
        for scorer, predictor in scorers(model).items():
            found = compare(partial(score, model.form), predictor, rows, limit, name=name, scorer=scorer)
            assert found.parity.holds, found.parity


def prove_table(family: str, table: str, data_dir: Path, scorers: Scorers, tolerance: float) -> None:
    """Hold what `scorers` makes of a model of a real table to the model."""
    model, rows = fitted(family, table, data_dir)
    for scorer, predictor in scorers(model).items():
        found = compare(model.predict, predictor, rows, tolerance, name=family, scorer=scorer)
        assert found.parity.holds, found.parity
