"""From a recipe to an unfitted model: a scikit-learn pipeline over the encoded matrix.

All that Kervan brings can be written as ONNX that answers alike, which decides some choices of the families.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kervan.core.plugins import extras_named
from kervan.core.recipe import Recipe
from kervan.core.schema import Column, Schema, Type
from kervan.model.families.combined import combine
from kervan.model.families.registry import check_fit, family_of
from kervan.model.monotone import MONOTONE, constrain
from kervan.package.encoding import encoded

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from kervan.core.schema import Signature
    from kervan.model.dates import DateParts


def build(recipe: Recipe | str, signature: Signature, seed: int) -> Pipeline:
    """Return an unfitted pipeline, for a matrix of shape (rows, inputs); a text names a family's defaults.

    Classes are learned from int64 codes, values from float64. Raises `InvalidConfig` for a family that
    does not exist, or cannot predict such an output.
    """
    recipe = as_recipe(recipe)
    check_fit([recipe], signature)
    with extras_named():
        from sklearn.pipeline import make_pipeline

    from kervan.model.dates import date_parts
    from kervan.model.features.columns import feature_columns
    from kervan.model.features.stages import selection, staged, transformers
    from kervan.model.prepare import row_steps

    first: list[Any] = [row_steps(signature)] if signature.steps else []
    parts = date_parts(encoded(signature))
    matrix, stages = staged(signature)
    first += feature_columns(signature)
    first += transformers(stages, signature, seed)
    first += [] if parts is None else [parts]
    matrix = _apart(matrix, parts)
    first += selection(signature, matrix.inputs, seed)
    return constrain(make_pipeline(*first, *_estimator(recipe, matrix, seed)), recipe, matrix)


def as_recipe(recipe: Recipe | str) -> Recipe:
    """Return the recipe of a family that is named alone."""
    return Recipe(recipe) if isinstance(recipe, str) else recipe


def _estimator(recipe: Recipe, signature: Signature, seed: int) -> list[Any]:
    """Return the steps of a pipeline, without what all members of an ensemble share."""
    if not recipe.members:
        given = {name: value for name, value in recipe.parameters.items() if name != MONOTONE}
        return family_of(recipe).build(signature, seed, given)
    from sklearn.pipeline import make_pipeline

    members = [make_pipeline(*_estimator(member, signature, seed)) for member in recipe.members]
    return [combine(recipe.family, signature, members, recipe.weights, seed)]


def _apart(signature: Signature, parts: DateParts | None) -> Signature:
    """Return the signature of the matrix in which dates are taken apart."""
    if parts is None:
        return signature
    taken = set(signature.inputs.names)
    names = [name for name in map("part {}".format, range(parts.added + len(taken))) if name not in taken]
    columns = [Column(name=name, type=Type.NUMBER, nullable=True) for name in names[: parts.added]]
    return replace(signature, inputs=Schema((*signature.inputs, *columns)))
