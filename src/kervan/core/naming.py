"""Which class the probabilities of a row name, and why that one."""

from __future__ import annotations

from dataclasses import dataclass

SET = "set"  # by hand, in the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The rule by which probabilities name a class: without either field, the most probable one.

    Of two classes the last is named from the probability `threshold` on. By `costs` the class is named that
    is expected to cost least; they hold a row for each true class and in it a cost for each one named.
    """

    threshold: float | None = None
    costs: tuple[tuple[float, ...], ...] = ()

    @property
    def told(self) -> str:
        """The rule in a few words, for those who know the classes."""
        if self.costs:
            return "by the least expected cost"
        return "by the largest probability" if self.threshold is None else f"from {self.threshold:g} on"


LIKELIEST = Naming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The probability from which on `label` is named.

    `by` is the metric by which it was chosen on `rows` of the validation part, or `SET`; "" if nobody knows.

    >>> Threshold(value=0.47, label="yes", by="f1", rows=703).told
    "'yes' is named from a probability of 0.47 on, which gives the best f1 on 703 rows of the validation part"
    >>> Threshold(value=0.3, label="yes", by="set").told
    "'yes' is named from a probability of 0.3 on, as it was set"
    """

    value: float
    label: str
    by: str = ""
    rows: int = 0

    @property
    def told(self) -> str:
        """The threshold in a sentence."""
        why = ", as it was set" if self.by == SET else ""
        if self.rows:
            why = f", which gives the best {self.by} on {self.rows:,} rows of the validation part"
        return f"{self.label!r} is named from a probability of {self.value:.4g} on{why}"

    @property
    def caution(self) -> str:
        """What has to be kept in mind of figures on the rows that it was chosen on; "" without such rows."""
        if not self.rows:
            return ""
        return (
            f"figures of named classes, such as {self.by}, are a little too good on these rows, as it was "
            "chosen on them; on the sealed test part they are not"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastCost:
    """The class is named that is expected to cost least.

    On `rows` of the validation part that costs `cost` in all, and naming the most probable class `likeliest`;
    without rows nobody knows.

    >>> LeastCost().told
    'the class that is expected to cost least is named'
    """

    rows: int = 0
    cost: float = 0.0
    likeliest: float = 0.0
    currency: str = ""

    @property
    def told(self) -> str:
        """The rule in a sentence, with what it is worth."""
        rule = "the class that is expected to cost least is named"
        if not self.rows:
            return rule
        by_costs, by_chance = (f"{each:.6g} {self.currency}".strip() for each in (self.cost, self.likeliest))
        on = f"on {self.rows:,} rows of the validation part"
        return f"{rule}: {by_costs} {on}, where the most probable class costs {by_chance}"

    @property
    def caution(self) -> str:
        """What is wrong where the most probable class would cost less; "" where it would not."""
        if self.cost <= self.likeliest:
            return ""
        return (
            "the most probable class costs less there, which few rows may do by chance, and probabilities "
            "that are not as often right as they say: `calibrate` corrects these"
        )
