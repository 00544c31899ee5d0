"""Constant folding: scaling in front of a weighted sum becomes part of its weights.

What hangs on constants alone need not be computed for every row: W ((x - m) / s) + b is W' x + b' with other
constants. Answers differ from the original's in their last digits; a shift that would cost more of them, as m
is thousands of s, stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.fold import kept
from kervan.package.writing.neutral.form import Arithmetic, Form, Layer, Linear, Operation, Take, Trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.package.writing.neutral.form import Floats, Ints

_LARGEST_SHIFT = 1e4  # in units of the sum's own weights: costs four of sixteen digits
_SCALES = {Operation.DIVIDE: np.divide, Operation.MULTIPLY: np.multiply}


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What a weighted sum reads of a value: some of its elements, and their weights, (outputs, elements)."""

    value: int
    places: Ints
    weights: Floats


def merge(form: Form) -> Form:
    """Return a form in which weighted sums have taken up the scaling and the sums in front of them."""
    layers: list[Layer] = []
    new = [0]  # where each value is now
    for layer in form.layers:
        if isinstance(layer, Linear):
            source = layer.sources[0]
            whole = _Part(source, np.arange(form.widths[source]), layer.weights)
            parts, bias = _taken_up(form, whole, _LARGEST_SHIFT * np.abs(layer.weights).max(initial=0.0))
            layers += _written(form, parts, layer.bias + bias, new, len(layers))
        else:
            layers.append(replace(layer, sources=tuple(new[source] for source in layer.sources)))
        new.append(len(layers))
    return kept(replace(form, layers=tuple(layers)), new[-1])


def scale_trees(trees: Trees, layer: Layer) -> Trees | None:
    """Return trees that give what a factor makes of their sum, or None if the layer is no factor of leaves.

    Trees for one output each share their leaves' factor: it has to be the same for all outputs.
    """
    if not isinstance(layer, Arithmetic) or layer.operation not in _SCALES:
        return None
    factors = layer.constant if trees.target is None else np.unique(layer.constant)
    if trees.target is not None and len(factors) > 1:
        return None
    scale: Any = _SCALES[layer.operation]
    return replace(trees, leaves=scale(trees.leaves, factors), base=scale(trees.base, layer.constant))


def _taken_up(form: Form, part: _Part, limit: float) -> tuple[list[_Part], Floats]:
    """Return what a part comes to over the values before it, and what is to be added.

    No product of a weight and a shift that is larger than `limit` is added: it would cancel.
    """
    nothing = np.zeros(len(part.weights))
    layer = form.layers[part.value - 1] if part.value else None
    if isinstance(layer, Arithmetic) and (found := _scaled(layer, part, limit)):
        source, bias = found
    elif isinstance(layer, Linear) and _is_smaller(layer, part):
        weights = part.weights @ layer.weights[part.places]
        source = _Part(layer.sources[0], np.arange(form.widths[layer.sources[0]]), weights)
        bias = part.weights @ layer.bias[part.places]
    elif isinstance(layer, Take):
        found_parts = [_taken_up(form, each, limit) for each in _picked(form, layer, part)]
        return [each for parts, _ in found_parts for each in parts], sum(
            (bias for _, bias in found_parts), nothing
        )
    else:
        return [part], nothing
    parts, more = _taken_up(form, source, limit)
    return parts, bias + more


def _scaled(layer: Arithmetic, part: _Part, limit: float) -> tuple[_Part, Floats] | None:
    """Take up arithmetic with constants, if that is a sum or a product that can be."""
    constant = layer.constant[part.places]
    weights, bias = part.weights, np.zeros(len(part.weights))
    if layer.operation in {Operation.ADD, Operation.SUBTRACT}:
        if np.abs(weights * constant).max(initial=0.0) > limit:
            return None
        bias = weights @ constant if layer.operation is Operation.ADD else -(weights @ constant)
    elif layer.operation is Operation.MULTIPLY:
        weights = weights * constant
    elif layer.operation is Operation.DIVIDE and constant.all():
        weights = weights / constant
    else:
        return None
    return _Part(layer.sources[0], part.places, weights), bias


def _is_smaller(layer: Linear, part: _Part) -> bool:
    """Whether one sum has no more weights than two after each other: a bottleneck is worth keeping."""
    outputs, inputs = len(part.weights), layer.weights.shape[1]
    return bool(outputs * inputs <= part.weights.size + layer.weights.size)


def _picked(form: Form, layer: Take, part: _Part) -> list[_Part]:
    """Return what a part reads of each source of what picks elements."""
    chosen = layer.places[part.places]
    found, start = [], 0
    for source in layer.sources:
        width = form.widths[source]
        here = np.flatnonzero((chosen >= start) & (chosen < start + width))
        if here.size:
            found.append(_Part(source, chosen[here] - start, part.weights[:, here]))
        start += width
    return found


def _written(
    form: Form, parts: Sequence[_Part], bias: Floats, new: Sequence[int], count: int
) -> tuple[Layer, ...]:
    """Return a weighted sum over parts, with what lays them beside each other where there are several."""
    weights = np.concatenate([part.weights for part in parts], axis=1)
    [first, *more] = parts
    if not more and np.array_equal(first.places, np.arange(form.widths[first.value])):
        return (Linear(sources=(new[first.value],), weights=weights, bias=bias),)
    starts = np.cumsum([0, *(form.widths[part.value] for part in parts[:-1])])
    places = np.concatenate([part.places + start for part, start in zip(parts, starts, strict=True)])
    joined = Take(sources=tuple(new[part.value] for part in parts), places=places)
    return joined, Linear(sources=(count + 1,), weights=weights, bias=bias)
