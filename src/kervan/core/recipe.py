"""What says how a candidate is built: the same recipe, rows and seed give the same model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """A family with parameters; those that are not named have the family's defaults.

    An ensemble has `members`, each with its share in `weights` where it weighs them. A family of the user's
    is named `module:name` and lies in `file`; `code` is the hash of what is there, as another code is
    another recipe. Both are found out: nobody sets them.

    >>> Recipe("tree", {"max_depth": 4}).told
    'tree(max_depth=4)'
    """

    family: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[Recipe, ...] = ()
    weights: tuple[float, ...] = ()
    file: str = ""
    code: str = ""

    @property
    def told(self) -> str:
        """How people write this recipe: whatever the order of its parameters, one way."""
        given = [f"{name}={_short(value)}" for name, value in sorted(self.parameters.items())]
        weights = self.weights or (1.0,) * len(self.members)
        given += [
            f"{weight:g} × {each.told}" if self.weights else each.told
            for each, weight in zip(self.members, weights, strict=True)
        ]
        return f"{self.family}({', '.join(given)})" if given else self.family


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
