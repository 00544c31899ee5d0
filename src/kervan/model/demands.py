"""What is demanded of a model beside the usual metrics, and how the class that it names is decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.goals import THRESHOLDS, Costs
from kervan.core.naming import LIKELIEST, SET, LeastCost, Naming, Threshold
from kervan.model.costs import cost_metrics, fair_threshold
from kervan.model.cuts import best_threshold, criterion_of
from kervan.model.metrics import METRICS, MONEY, Yardstick
from kervan.model.own import OwnMark, as_metric
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.model.metric import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """The metrics that goals name beside the usual ones, costs, and the rule of the threshold.

    `threshold` is a probability, or what it is chosen by (one of `THRESHOLDS`). "" leaves the most probable
    class to be named, unless costs say when another is better: of two classes they choose the threshold, of
    more the class that is expected to cost least is named.
    """

    metrics: tuple[str, ...] = ()
    own: tuple[OwnMark, ...] = ()
    costs: Costs = field(default_factory=Costs)
    threshold: str | float = ""
    calibrate: str = ""

    def check(self, signature: Signature) -> None:
        """Raise `InvalidConfig` for costs or a threshold that do not fit what the model gives."""
        if self.costs:
            cost_metrics(self.costs, signature)
        self._check_calibration(signature)
        if self.threshold == "":
            return
        if not signature.is_classification or len(signature.output.allowed) != 2:
            count = len(signature.output.allowed)
            what = f"has {count} classes" if signature.is_classification else "is a number"
            raise InvalidConfig(
                f"[model] threshold: a threshold is one of two classes, and column "
                f"{signature.output.name!r} {what}",
                hint="leave it out; costs say which of several classes is named, else the most probable is",
            )
        if isinstance(self.threshold, float) and not 0 <= self.threshold <= 1:
            raise InvalidConfig(
                f"[model] threshold: {self.threshold:g} is no probability", hint="give a number from 0 to 1"
            )
        if isinstance(self.threshold, str) and self.threshold not in THRESHOLDS:
            raise InvalidConfig(
                f"[model] threshold: {self.threshold!r} is nothing that a threshold is chosen by",
                hint=did_you_mean(self.threshold, THRESHOLDS),
            )
        if self.threshold in MONEY and not self.costs:
            raise InvalidConfig(
                f"[model] threshold: {self.threshold!r} needs to know what answers cost",
                hint="write `[model.costs]`, such as false_positive = 5, false_negative = 100",
            )

    def _check_calibration(self, signature: Signature) -> None:
        if self.calibrate and not signature.is_classification:
            raise InvalidConfig(
                f"[model] calibrate: column {signature.output.name!r} is a number, and has no probabilities",
                hint="leave it out",
            )

    def rule(self, signature: Signature) -> str | float:
        """Return what the threshold is chosen by."""
        if self.threshold == "" and self.costs and len(signature.output.allowed) == 2:
            return "cost"
        return self.threshold

    def chooses_threshold(self, signature: Signature) -> bool:
        """Whether a threshold is chosen on the validation part."""
        rule = self.rule(signature)
        return isinstance(rule, str) and rule != ""

    def by_costs(self, signature: Signature) -> tuple[tuple[float, ...], ...]:
        """Return the costs by which one of more than two classes is named, in their order; none of others."""
        classes = signature.output.allowed
        return self.costs.of_classes(classes) if self.costs and len(classes) > 2 else ()

    def found(self, signature: Signature) -> tuple[Metric, ...]:
        """Return the metrics of which some depend on the project."""
        money = cost_metrics(self.costs, signature) if self.costs else ()
        named = tuple(METRICS[name] for name in self.metrics if name in METRICS)
        return (*named, *money, *(as_metric(each, signature) for each in self.own))

    def yardstick(self, signature: Signature) -> Yardstick:
        """Return what answers are measured by where the threshold is the signature's, or by the costs."""
        threshold, rule = signature.threshold, self.rule(signature)
        if threshold is None and isinstance(rule, float):
            threshold = rule
        if threshold is None and rule in MONEY:
            threshold = fair_threshold(self.costs, signature.output.allowed)
        naming = Naming(threshold=threshold, costs=self.by_costs(signature))
        return Yardstick(metrics=self.found(signature), naming=naming)

    def naming(self, truth: NDArray[Any], values: NDArray[np.float64], signature: Signature) -> Naming:
        """Return the rule by which a model names classes; a threshold is the best one on these rows."""
        rule = self.rule(signature)
        if isinstance(rule, float):
            return Naming(threshold=rule)
        if not rule:
            return Naming(costs=self.by_costs(signature))
        classes = signature.output.allowed
        near = fair_threshold(self.costs, classes) if rule in MONEY else 0.5
        criterion = criterion_of(rule, self.costs, classes)
        return Naming(threshold=best_threshold(truth, values, criterion, near))

    def told_threshold(self, signature: Signature, rows: int) -> Threshold | None:
        """Say from where on a signature names the last class, and by what that was chosen on so many rows."""
        if signature.threshold is None:
            return None
        rule, is_chosen = self.rule(signature), self.chooses_threshold(signature)
        return Threshold(
            value=signature.threshold,
            label=signature.output.allowed[-1],
            by=str(rule) if is_chosen else SET if isinstance(rule, float) else "",
            rows=rows if is_chosen else 0,
        )

    def least_cost(
        self, truth: NDArray[Any], values: NDArray[np.float64], signature: Signature
    ) -> LeastCost | None:
        """Say what these rows cost by the costs of a signature, and by the most probable class."""
        if not signature.costs:
            return None
        table = np.array(signature.costs)
        by_costs, by_chance = (
            float(table[truth, chosen(values, naming)].sum()) for naming in (signature.naming, LIKELIEST)
        )
        return LeastCost(rows=len(truth), cost=by_costs, likeliest=by_chance, currency=self.costs.currency)
