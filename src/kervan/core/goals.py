"""What a user demands of a model: a metric and a bound, what answers cost, and other limits."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from math import isfinite

from kervan.core.checking import compose
from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.keeping import read_size

# Of each task the usual ones, which are always measured, come first.
METRICS = (
    "roc_auc",
    "accuracy",
    "log_loss",
    "f1",
    "average_precision",
    "rmse",
    "mae",
    "r2",
    "median_absolute_error",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "f05",
    "f2",
    "jaccard",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "precision_weighted",
    "recall_macro",
    "recall_weighted",
    "matthews_corrcoef",
    "cohen_kappa",
    "brier",
    "calibration_error",
    "d2_log_loss",
    "top_2_accuracy",
    "top_3_accuracy",
    "top_5_accuracy",
    "mape",
    "smape",
    "wape",
    "rmsle",
    "max_error",
    "bias",
    "explained_variance",
    "pinball_10",
    "pinball_50",
    "pinball_90",
    "d2_absolute_error",
    "d2_pinball_90",
    "poisson_deviance",
    "gamma_deviance",
    "cost",
    "profit",
)
_DEAREST = 1e15  # that a row may cost: sums of such are whole numbers to the unit
# What other libraries call them.
_ELSEWHERE = {
    "auc": "roc_auc",
    "logloss": "log_loss",
    "roc_auc_ovr": "roc_auc",
    "brier_score_loss": "brier",
    "mse": "rmse",
    "mean_squared_error": "rmse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "mean_squared_log_error": "rmsle",
    "root_mean_squared_log_error": "rmsle",
    "mean_poisson_deviance": "poisson_deviance",
    "mean_gamma_deviance": "gamma_deviance",
    "mean_pinball_loss": "pinball_50",
}
THRESHOLDS = ("cost", "profit", "f1", "f05", "f2", "balanced_accuracy", "matthews_corrcoef", "accuracy")
_LATENCY = re.compile(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|s)")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_OF_TWO = ("false_positive", "false_negative", "true_positive", "true_negative")
CALIBRATIONS = ("sigmoid", "isotonic")
NOT_WORSE, BETTER = "not worse than production", "better than production"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a model must reach: a metric and a bound on it. Without a bound every model reaches it.

    A metric of one's own is named by its file and function, `"my_metrics:gain"`, or given as what
    `kervan.metric` made. Raises `InvalidConfig` for a metric that is none of `METRICS`.
    """

    metric: str = ""
    _: KW_ONLY
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", str(self.metric))
        if self.metric and ":" not in self.metric and self.metric not in METRICS:
            bare = self.metric.removeprefix("neg_").removesuffix("_score")
            ours = bare if bare in METRICS else _ELSEWHERE.get(bare)
            hint = f"here it is {ours!r}" if ours else did_you_mean(self.metric, METRICS)
            raise InvalidConfig(f"the metric {self.metric!r} does not exist", hint=hint)

    def __str__(self) -> str:
        bounds = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        bounds += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return " ".join([self.metric, *bounds])

    def is_reached(self, value: float) -> bool:
        """Say whether a value of the metric is good enough.

        >>> Goal("roc_auc", at_least=0.9).is_reached(0.91)
        True
        """
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """`[model.costs]`: what one answer costs in the user's currency; what brings something costs less than 0.

    Of two classes the last one is the positive one. `matrix` holds a row for each true class and in it a
    cost for each class answered, both in the order of `classes`. Of a number each unit that an answer is too
    high or too low costs.
    """

    currency: str = ""
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_positive: float = 0.0
    true_negative: float = 0.0
    classes: tuple[str, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    too_high: float = 0.0
    too_low: float = 0.0

    def __post_init__(self) -> None:
        compose(self, "classes")
        of_two = {name: getattr(self, name) for name in _OF_TWO}
        each = [*of_two.items(), ("too_high", self.too_high), ("too_low", self.too_low)]
        for name, value in (*each, *(("matrix", cost) for row in self.matrix for cost in row)):
            if not isfinite(value) or abs(value) > _DEAREST:
                raise InvalidConfig(
                    f"[model.costs] {name}: {value:g} is no cost", hint=f"write a number up to {_DEAREST:g}"
                )
        twice = next((name for name, value in of_two.items() if value and self.matrix), "")
        if twice:
            raise InvalidConfig(
                f"[model.costs] {twice}: the matrix says it too", hint="leave one of the two out"
            )
        if self.classes and not self.matrix:
            raise InvalidConfig(
                "[model.costs] classes: there is no matrix that they would be the order of",
                hint="write a matrix: a row for each true class, in it a cost for each class answered",
            )

    def __bool__(self) -> bool:
        return self != Costs(currency=self.currency)

    def of_classes(self, known: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        """Return the cost of each class answered (column) for each true one (row), in the order of `known`.

        Raises `InvalidConfig` for costs of numbers, of other classes, or that are no square.
        """
        if self.too_high or self.too_low:
            raise InvalidConfig(
                "[model.costs] too_high, too_low: are costs of numbers, and the target has classes",
                hint="write false_positive and false_negative, or a matrix",
            )
        if not self.matrix:
            return self._of_two(known)
        order = self.classes or known
        if any(len(row) != len(order) for row in self.matrix) or len(self.matrix) != len(order):
            raise InvalidConfig(
                f"[model.costs] matrix: is not {len(order)} rows of {len(order)} costs",
                hint="a row for each true class, in it a cost for each class answered",
            )
        for name in order:
            if name not in known:
                raise InvalidConfig(
                    f"[model.costs] classes: the target has no class {name!r}",
                    hint=did_you_mean(name, known),
                )
        if set(order) != set(known):
            lacking = next(name for name in known if name not in order)
            raise InvalidConfig(f"[model.costs] classes: {lacking!r} is missing", hint="name every class")
        if len(set(order)) < len(order):
            twice = next(name for name in order if order.count(name) > 1)
            raise InvalidConfig(
                f"[model.costs] classes: {twice!r} is there twice", hint="name each class once"
            )
        if all(len(set(row)) == 1 for row in self.matrix):
            raise InvalidConfig(
                "[model.costs] matrix: whatever is answered costs the same, so that no answer is better",
                hint="let a right answer cost less than a wrong one",
            )
        places = [order.index(name) for name in known]
        return tuple(tuple(self.matrix[row][column] for column in places) for row in places)

    def of_numbers(self) -> tuple[float, float]:
        """Return what each unit costs that an answer is too high and too low.

        Raises `InvalidConfig` for costs of classes, or for one that is not above 0.
        """
        if self.matrix or self.false_positive or self.false_negative:
            raise InvalidConfig(
                "[model.costs]: these are costs of classes, and the target is a number",
                hint="write too_high and too_low: what each unit costs",
            )
        for name, value in (("too_high", self.too_high), ("too_low", self.too_low)):
            if value < 0:
                raise InvalidConfig(f"[model.costs] {name}: {value:g} is below 0", hint="an error costs")
        return self.too_high, self.too_low

    def _of_two(self, known: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        if len(known) != 2:
            raise InvalidConfig(
                f"[model.costs]: the target has {len(known)} classes, and false_positive and false_negative "
                "are of two",
                hint="write a matrix: a row for each true class, in it a cost for each class answered",
            )
        return (
            (self.true_negative, self.false_positive),
            (self.false_negative, self.true_positive),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """`fairness` in `[model.limits]`: how far a metric may differ between the groups of a column."""

    column: str
    metric: str = "recall"
    gap: float = 0.1

    def __post_init__(self) -> None:
        compose(self, "column")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[model.limits]`: what a candidate must keep besides its goal.

    `latency` is that of one row in the written package, such as "5ms", `size` that of the package on disk,
    such as "10 MB". `monotone` says for a column whether the answer may only go up or down with it.
    """

    latency: str = field(default="", metadata={"example": '"5ms"'})
    size: str = field(default="", metadata={"example": '"10 MB"'})
    fairness: Fairness | None = None
    monotone: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        compose(self, "monotone")
        _ = self.seconds, self.bytes
        for column, way in self.monotone.items():
            if way not in {"up", "down"}:
                raise InvalidConfig(
                    f"[model.limits] monotone: {column} = {way!r} is no direction",
                    hint='write "up" or "down"',
                )

    @property
    def seconds(self) -> float | None:
        """How long one row may take, None where nothing is said."""
        if not self.latency:
            return None
        match = _LATENCY.fullmatch(self.latency.strip())
        if match is None:
            raise InvalidConfig(
                f"[model.limits] latency: {self.latency!r} is no time", hint='write it like "5ms" or "0.5s"'
            )
        return float(match[1]) * _SECONDS[match[2]]

    @property
    def bytes(self) -> int | None:
        """How large the package may be, None where nothing is said."""
        if not self.size:
            return None
        try:
            return read_size(self.size)
        except InvalidInput as error:
            raise InvalidConfig(f"[model.limits] size: {error}", hint=error.hint) from error
