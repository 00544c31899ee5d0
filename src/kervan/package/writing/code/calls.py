"""Which kernels a layer calls, with which numbers and arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.code.trees import pack_trees
from kervan.package.writing.neutral.form import (
    Arithmetic,
    AtLeast,
    Choose,
    Combine,
    Distances,
    Equal,
    Impute,
    Interpolate,
    Layer,
    Linear,
    Map,
    Nearest,
    Normalise,
    Power,
    Replace,
    Softmax,
    Take,
    Trees,
    Unary,
    WeightedMedian,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Drafts = list[tuple[str, tuple[Any, ...]]]

_FUNCTIONS = {Unary.ABS: "fabs", Unary.ERF: "error_function"}  # kernels called otherwise than in the form


@dataclass(frozen=True, slots=True)
class Operand:
    """Where a source lies in the work, and how wide it is."""

    place: int
    width: int


@singledispatch
def write_calls(layer: Layer, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    """Return the kernels that give a layer's value of some width at place `y`, each with its arguments."""
    raise NotImplementedError(type(layer).__name__)


@write_calls.register(Take)
def _(layer: Take, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    everywhere = np.concatenate([source.place + np.arange(source.width) for source in sources])
    return [("take", (y, everywhere[layer.places], width))]


@write_calls.register(Arithmetic)
def _(layer: Arithmetic, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("arithmetic", (sources[0].place, y, width, str(layer.operation), layer.constant))]


@write_calls.register(Combine)
def _(layer: Combine, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    left, right = sources
    kernel = "combine" if left.width == right.width else "combine_all"
    return [(kernel, (left.place, right.place, y, width, str(layer.operation)))]


@write_calls.register(Power)
def _(layer: Power, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    if layer.exponent == 0.5:  # where NumPy takes the square root too; they differ at -infinity
        return [("map_each", (sources[0].place, y, width, "sqrt"))]
    return [("raise_to", (sources[0].place, y, width, float(layer.exponent)))]


@write_calls.register(Map)
def _(layer: Map, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    function = _FUNCTIONS.get(layer.function, str(layer.function))
    return [("map_each", (sources[0].place, y, width, function))]


@write_calls.register(Impute)
def _(layer: Impute, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("impute", (sources[0].place, y, width, layer.fill))]


@write_calls.register(Replace)
def _(layer: Replace, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    test, x, *instead = (source.place for source in sources)
    if instead:
        return [("replace", (test, x, instead[0], y, width))]
    return [("blank", (test, x, y, width, np.full(width, np.nan)))]


@write_calls.register(Equal)
def _(layer: Equal, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("equal", (sources[0].place, y, width, layer.places, layer.values))]


@write_calls.register(AtLeast)
def _(layer: AtLeast, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("at_least", (sources[0].place, y, width, layer.places, layer.values))]


@write_calls.register(Linear)
def _(layer: Linear, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    source = sources[0]
    return [("linear", (source.place, y, source.width, width, layer.weights, layer.bias))]


@write_calls.register(Trees)
def _(layer: Trees, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    packed = pack_trees(layer)
    arrays = (packed.roots, packed.target, packed.ask, packed.threshold, packed.step, packed.leaves)
    numbers = (sources[0].place, y, len(packed.roots), packed.leaves.shape[1])
    walk = (
        ("choosing_trees", (*numbers, *arrays, packed.starts, packed.members))
        if packed.is_choosing
        else ("trees", (*numbers, *arrays))
    )
    return [("start_from", (y, width, layer.base)), walk]


@write_calls.register(Softmax)
def _(layer: Softmax, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("softmax", (sources[0].place, y, width))]


@write_calls.register(Normalise)
def _(layer: Normalise, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("normalise", (sources[0].place, y, width))]


@write_calls.register(Choose)
def _(layer: Choose, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("choose", (sources[0].place, y, width))]


@write_calls.register(Distances)
def _(layer: Distances, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("distances", (sources[0].place, y, sources[0].width, width, layer.rows))]


@write_calls.register(Nearest)
def _(layer: Nearest, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    x, n = sources[0].place, sources[0].width
    if layer.ties < 0:
        return [("nearest", (x, y, n, layer.count, width, layer.answers))]
    own = sources[1].place
    return [("nearest_tied", (x, own, y, n, layer.count, width, float(layer.ties), layer.answers))]


@write_calls.register(Interpolate)
def _(layer: Interpolate, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("interpolate", (sources[0].place, y, width, len(layer.xs), layer.xs, layer.ys))]


@write_calls.register(WeightedMedian)
def _(layer: WeightedMedian, sources: Sequence[Operand], y: int, width: int) -> Drafts:
    return [("weighted_median", (sources[0].place, y, sources[0].width, layer.weights))]
