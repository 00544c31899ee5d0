"""What a model's answers cost or bring: by the threshold of two classes, or by each of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.decided import decided_of
from kervan.app.scores import evaluation_of
from kervan.core.errors import InvalidConfig, NotFound, Refused
from kervan.core.nouns import Model, Run
from kervan.model.costs import fair_threshold

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.goals import Costs
    from kervan.core.naming import LeastCost
    from kervan.model.cuts import Cut
    from kervan.model.evaluate import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """What one threshold gives: the cost of a row on average, how many are named, and rightly so or not."""

    threshold: float
    cost: float
    named: int
    false_positive: int
    false_negative: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCurve:
    """A model's costs on the `rows` of the validation part by threshold, in the user's currency.

    `threshold` is the model's own, None where it names the most probable class, `cost` what that gives;
    `fair` is the threshold that would be right if its probabilities were; `nobody` and `everybody` are what
    naming the class for no row and for every row costs.
    """

    model: str
    positive: str
    rows: int
    currency: str
    threshold: float | None
    cost: float
    best: CostPoint
    fair: float
    nobody: float
    everybody: float
    points: tuple[CostPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCosts:
    """How many rows a class has, how many are named so, how many rightly, and what its rows cost."""

    label: str
    rows: int
    named: int
    right: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable:
    """A model's costs on the `rows` of the validation part, by their class and of a row on average.

    `named_by` says what naming by its own costs is worth, None where it names the most probable class.
    """

    model: str
    rows: int
    currency: str
    cost: float
    classes: tuple[ClassCosts, ...]
    named_by: LeastCost | None


def costs_of(project: Project, model: Model, costs: Costs | None = None) -> CostCurve | CostTable:
    """Return what a model's answers cost, by default as `[model.costs]` says.

    Raises `InvalidConfig` without costs, `Refused` for a model that answers with numbers, and `NotFound` for
    one whose figures are gone.
    """
    if model.signature.is_classification and len(model.signature.output.allowed) > 2:
        return _cost_table(project, model, costs or project.config.model.costs)
    return cost_curve(project, model, costs)


def cost_curve(project: Project, model: Model, costs: Costs | None = None) -> CostCurve:
    """Return what a model's answers cost, by default as `[model.costs]` says.

    Raises `InvalidConfig` without costs, `Refused` for a model that has no two classes, and `NotFound` for
    one whose figures are gone.
    """
    costs = costs or project.config.model.costs
    classes = model.signature.output.allowed
    if not model.signature.is_classification or len(classes) != 2:
        raise Refused(
            f"{model.ref} has no two classes, so that there is no threshold",
            hint="costs are told as a metric",
        )
    evaluation = _evaluation(project, model, costs)
    points = tuple(_point(cut, costs, classes) for cut in evaluation.cuts)
    (negative, alarm), (missed, positive) = costs.of_classes(classes)
    left, right = (sum(counts) for counts in evaluation.confusion)
    (true_negative, false_positive), (false_negative, true_positive) = evaluation.confusion
    whole = true_negative * negative + false_positive * alarm
    whole += false_negative * missed + true_positive * positive
    return CostCurve(
        model=model.ref,
        positive=classes[1],
        rows=evaluation.rows,
        currency=costs.currency,
        threshold=evaluation.threshold,
        cost=whole / evaluation.rows,
        best=min(points, key=lambda each: each.cost),
        fair=fair_threshold(costs, classes),
        nobody=(left * negative + right * missed) / evaluation.rows,
        everybody=(left * alarm + right * positive) / evaluation.rows,
        points=points,
    )


def _cost_table(project: Project, model: Model, costs: Costs) -> CostTable:
    evaluation = _evaluation(project, model, costs)
    counts = np.array(evaluation.confusion)
    paid = counts * np.array(costs.of_classes(evaluation.classes))
    return CostTable(
        model=model.ref,
        rows=evaluation.rows,
        currency=costs.currency,
        cost=float(paid.sum()) / evaluation.rows,
        classes=tuple(
            ClassCosts(
                label=label,
                rows=int(counts[place].sum()),
                named=int(counts[:, place].sum()),
                right=int(counts[place, place]),
                cost=float(paid[place].sum()),
            )
            for place, label in enumerate(evaluation.classes)
        ),
        named_by=decided_of(project, model).least_cost,
    )


def _evaluation(project: Project, model: Model, costs: Costs) -> Evaluation:
    """Return how a model answered on held-out rows, if these costs say anything about it."""
    if not costs:
        raise InvalidConfig(
            "nothing says what answers cost",
            hint="write `[model.costs]`, or give --false-positive and --false-negative",
        )
    evaluation = None
    if not model.is_imported:
        evaluation = evaluation_of(project, project.store.catalog.get(Run, model.run))
    if evaluation is None or not evaluation.confusion:
        raise NotFound(f"how {model.ref} answered on held-out rows is not on record", hint="train it again")
    return evaluation


def _point(cut: Cut, costs: Costs, classes: tuple[str, ...]) -> CostPoint:
    return CostPoint(
        threshold=cut.threshold,
        cost=cut.cost(costs, classes),
        named=cut.true_positive + cut.false_positive,
        false_positive=cut.false_positive,
        false_negative=cut.false_negative,
    )
