"""How a model must behave on rows that somebody thought of: `[[model.tests]]`.

The kinds are those of M. T. Ribeiro, T. Wu, C. Guestrin and S. Singh, Beyond accuracy: behavioral testing of
NLP models with CheckList (ACL 2020): invariance, direction, and minimum functionality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kervan.core.checking import compose
from kervan.core.errors import InvalidConfig

KINDS = ("change", "increase", "decrease", "rows", "file", "where")


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourTest:
    """`[[model.tests]]`: one thing that the written model has to do, of which there is exactly one a test.

    `change` gives columns values that may not matter: no probability of the answer moves by more than
    `may_move`. `increase` or `decrease` moves a column `by` an amount, and the probability of the class `of`,
    or the value, may only go where `expect` says, "up" or "down". `rows`, or those of a CSV `file`, hold the
    answer in the predicted column. `where` names the rows of a slice in which a `metric` is measured.
    `at_least` is the share of rows that must do so, or the metric's bound.
    """

    name: str = ""
    change: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    increase: str = ""
    decrease: str = ""
    by: float = 0.0
    expect: str = ""
    of: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    file: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    metric: str = "accuracy"
    may_move: float | None = None
    at_least: float = 1.0

    def __post_init__(self) -> None:
        compose(self, "increase", "decrease", "of", "change", "where")
        found = [kind for kind in KINDS if getattr(self, kind)]
        if len(found) != 1:
            told = f"not {' and '.join(found)} together" if found else "and it has none"
            raise InvalidConfig(
                f"[[model.tests]] {self.name or 'a test'}: a test has one of {', '.join(KINDS)}, {told}",
                hint="write two tests" if found else 'for example change = { sex = ["Male", "Female"] }',
            )
        if found[0] in {"increase", "decrease"}:
            self._check_direction()
        if self.may_move is not None and not 0 <= self.may_move < float("inf"):
            raise InvalidConfig(
                f"{self.place}: may_move = {self.may_move:g} is no distance", hint="give 0 or more"
            )
        if found[0] != "where" and not 0 <= self.at_least <= 1:
            raise InvalidConfig(
                f"{self.place}: at_least = {self.at_least:g} is no share of rows", hint="give 0 to 1"
            )

    def _check_direction(self) -> None:
        if self.expect not in {"up", "down"}:
            raise InvalidConfig(
                f"{self.place}: expect = {self.expect!r} is no direction",
                hint='write expect = "up" or "down"',
            )
        if self.by <= 0:
            raise InvalidConfig(
                f"{self.place}: by = {self.by:g} does not say by how much", hint="give a number above 0"
            )

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in KINDS if getattr(self, kind))

    @property
    def title(self) -> str:
        """How people call it."""
        return self.name or _TITLES[self.kind](self)

    @property
    def place(self) -> str:
        """Where it stands, for complaints."""
        return f"[[model.tests]] {self.title}"


_TITLES: dict[str, Any] = {
    "change": lambda test: f"{', '.join(test.change)} does not matter",
    "increase": lambda test: f"more {test.increase}, {test.expect}",
    "decrease": lambda test: f"less {test.decrease}, {test.expect}",
    "rows": lambda test: f"{len(test.rows)} rows",
    "file": lambda test: test.file,
    "where": lambda test: (
        f"{test.metric} where {' and '.join(f'{name} is {value}' for name, value in test.where.items())}"
    ),
}
