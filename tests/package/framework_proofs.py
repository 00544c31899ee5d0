"""What every format of a framework has to prove: each estimator by its form, and models of real tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.ports import Precision
from kervan.package.encoding import held
from kervan.package.proving.parity import compare

from .code.test_real_tables import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.package.writing.fitted import Fitted

    Scorers = Callable[[Fitted], Mapping[str, Predictor]]


def prove_table(
    family: str,
    table: str,
    data_dir: Path,
    scorers: Scorers,
    tolerance: float,
    precision: Precision = Precision.DOUBLE,
) -> None:
    """Hold what `scorers` makes of a model of a real table to the model, asked about rows as files do."""
    model, raw = fitted(family, table, data_dir)
    rows = held(raw, precision)
    for scorer, predictor in scorers(model).items():
        found = compare(model.predict, predictor, rows, tolerance, name=family, scorer=scorer)
        assert found.parity.holds, found.parity
