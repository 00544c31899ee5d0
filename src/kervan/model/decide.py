"""What is decided once a model is fitted: its probabilities are calibrated, and how they name a class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.model.calibrate import Calibrated, calibrate, compared
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.naming import LeastCost
    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.model.demands import Demands
    from kervan.model.folds import Folding


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The model that will answer, its signature with the rule by which it names classes, and what that gives.

    `calibrated` says how its probabilities were corrected, `least_cost` what naming by costs is worth.
    """

    model: Any
    signature: Signature
    calibrated: Calibrated | None
    least_cost: LeastCost | None


def decide(
    model: Any,
    demands: Demands,
    signature: Signature,
    learned: tuple[Matrix, NDArray[Any], Folding],
    held_out: tuple[Matrix, NDArray[Any]],
) -> Decided:
    """Calibrate a fitted model over folds of the rows it learned from; choose its threshold on others.

    What naming by costs is worth is told on these others too.
    """
    matrix, truth = held_out
    values = Fitted(model, signature).predict(matrix)
    calibrated = None
    if demands.calibrate:
        before = values
        model = calibrate(model, demands.calibrate, *learned)
        values = Fitted(model, signature).predict(matrix)
        calibrated = compared(demands.calibrate, truth, (before, values), signature)
    naming = demands.naming(truth, values, signature)
    signature = replace(signature, threshold=naming.threshold, costs=naming.costs)
    least_cost = demands.least_cost(truth, values, signature)
    return Decided(model=model, signature=signature, calibrated=calibrated, least_cost=least_cost)
