"""Answers that only go one way with a column: the families that can promise it, and how they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.model.families.registry import BASELINE

if TYPE_CHECKING:
    from kervan.core.recipe import Recipe
    from kervan.core.schema import Signature

MONOTONE = "monotone"
_ENCODE = "encode"
_ABLE = ("boosting", "tree", "forest", "extra_trees")


def constrained(recipe: Recipe, ways: Mapping[str, str]) -> Recipe:
    """Return a recipe whose answer (the last class's probability) only goes "up" or "down" with columns.

    Raises `Refused` for a family that cannot promise it.
    """
    if not ways or recipe.family == BASELINE:
        return recipe
    if recipe.family not in _ABLE:
        raise Refused(
            f"{recipe.family} cannot promise an answer that only goes one way with {', '.join(ways)}",
            hint=f"these can: {', '.join(_ABLE)}",
        )
    kept = {name: value for name, value in recipe.parameters.items() if name != _ENCODE}  # it moves columns
    return replace(recipe, parameters={**kept, MONOTONE: dict(ways)})


def constrain(pipeline: Any, recipe: Recipe, signature: Signature) -> Any:
    """Tell the last step of an unfitted pipeline over these inputs which way it may go."""
    ways = recipe.parameters.get(MONOTONE)
    if ways:
        lost = [name for name in ways if name not in signature.inputs]
        if lost:
            raise Refused(f"column {lost[0]!r} is not seen as it is", hint="leave its features out")
        signs = {"up": 1, "down": -1}
        asked = [signs.get(ways.get(name, ""), 0) for name in signature.inputs.names]
        pipeline.steps[-1][1].set_params(monotonic_cst=asked)
    return pipeline
