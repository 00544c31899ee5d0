"""Folding: trees ask about the raw inputs, and nothing is left that the answer does not need.

scikit-learn's trees see what imputers and scalers made of a number, rounded to float32. In another order
of arithmetic a value that lies exactly on a split would fall on its other side. So every question
`f(x) <= t`, where f is the chain from one raw input to the element, becomes `x <= d` with the largest
float64 d for which it holds; f only has to be monotone, and d is found by bisection over all float64.
Where an element hangs on several inputs, the chain begins at the last thing that does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import (
    Arithmetic,
    Equal,
    Form,
    Impute,
    Layer,
    Map,
    Operation,
    Take,
    Trees,
    Unary,
)
from kervan.package.writing.neutral.score import give

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Floats

_LARGEST = float(np.finfo(np.float64).max)
_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class Chain:
    """How one element of a value comes from one element of an earlier value, by one-element layers."""

    value: int
    place: int
    steps: tuple[Layer, ...] = ()

    def then(self, layer: Layer) -> Chain:
        """Append a step."""
        return replace(self, steps=(*self.steps, layer))

    def apply(self, values: Floats) -> Floats:
        """Apply the steps to numbers of shape (n,)."""
        column = values.reshape(-1, 1)
        with np.errstate(all="ignore"):
            for step in self.steps:
                column = give(step, column)
        return column[:, 0]

    @property
    def is_choice(self) -> bool:
        """Whether it compares codes of a category."""
        return any(isinstance(step, Equal) for step in self.steps)


Links = tuple[Chain | None, ...]  # for each element of a value, where it comes from


def fold(form: Form, answer: int) -> Form:
    """Return a form that ends with the value `answer`, its trees folded and its idle layers left out."""
    links = [_starts(0, form.widths[0])]
    layers: list[Layer] = []
    new = [0]  # where each value is now
    for value, layer in enumerate(form.layers, start=1):
        links.append(_foldable(layer, links, value, form))
        if isinstance(layer, Trees):
            layers += _folded(layer, links[layer.sources[0]], new, len(layers), form.signature)
        else:
            layers.append(replace(layer, sources=tuple(new[source] for source in layer.sources)))
        new.append(len(layers))
    return kept(replace(form, layers=tuple(layers)), new[answer])


def chains_of(form: Form) -> list[Links]:
    """Return for each element of every value the chain from an input, where there is one."""
    chains: list[Links] = [_starts(0, form.widths[0])]
    for place, layer in enumerate(form.layers, start=1):
        chains.append(_chains(layer, chains, form.widths[place]))
    return chains


def _starts(value: int, width: int) -> tuple[Chain, ...]:
    return tuple(Chain(value, place) for place in range(width))


def _foldable(layer: Layer, links: Sequence[Links], value: int, form: Form) -> tuple[Chain, ...]:
    """Return for each element of what a layer gives the longest chain through which trees can ask."""
    found = _chains(layer, links, form.widths[value])
    starts = _starts(value, form.widths[value])
    return tuple(
        chain if chain and _is_foldable(chain, form.signature) else start
        for chain, start in zip(found, starts, strict=True)
    )


def _chains(layer: Layer, chains: Sequence[Links], width: int) -> Links:
    """Return for each element of what a layer gives the chain from an input, where there is one."""
    found = [chain for source in layer.sources for chain in chains[source]]
    if isinstance(layer, Take):
        return tuple(found[place] for place in layer.places)
    if isinstance(layer, Equal):
        picked = enumerate(found[place] for place in layer.places)
        return tuple(chain and chain.then(_alone(layer, at)) for at, chain in picked)
    if isinstance(layer, Impute):
        return tuple(
            chain and chain.then(replace(layer, fill=layer.fill[at : at + 1]))
            for at, chain in enumerate(found)
        )
    if isinstance(layer, Arithmetic):
        return tuple(
            chain and chain.then(replace(layer, constant=layer.constant[at : at + 1]))
            for at, chain in enumerate(found)
        )
    if isinstance(layer, Map):
        return tuple(chain and chain.then(layer) for chain in found)
    return (None,) * width


def _alone(layer: Equal, place: int) -> Equal:
    return replace(layer, places=np.zeros(1, np.int64), values=layer.values[place : place + 1])


def _folded(
    layer: Trees, links: Links, new: Sequence[int], count: int, signature: Signature
) -> tuple[Layer, ...]:
    """Return trees that ask about what their questions hang on, behind what lays that side by side."""
    source = layer.sources[0]
    choosing = set(np.unique(layer.place[layer.members >= 0]).tolist())
    asked = {}
    for place in np.unique(layer.place[layer.place >= 0]).tolist():
        chain = links[place] or Chain(source, place)
        passes = place not in choosing or all(map(_keeps_codes, chain.steps))
        asked[place] = chain if passes else Chain(source, place)
    values = sorted({chain.value for chain in asked.values()})
    if len(values) == 1:
        ends = {place: chain.place for place, chain in asked.items()}
        return (_asking(replace(layer, sources=(new[values[0]],)), asked, ends, signature),)
    if not values:
        return (replace(layer, sources=(0,)),)
    different = sorted({(chain.value, chain.place) for chain in asked.values()})
    ends = {place: different.index((chain.value, chain.place)) for place, chain in asked.items()}
    # A value that is wide would be laid out whole: each is taken apart to what is asked of it.
    picked: list[Layer] = []
    for value in values:
        places = np.array([place for of, place in different if of == value], dtype=np.int64)
        picked.append(Take(sources=(new[value],), places=places))
    sources = tuple(range(count + 1, count + 1 + len(picked)))
    joined = Take(sources=sources, places=np.arange(len(different)))
    trees = replace(layer, sources=(count + len(picked) + 1,))
    return (*picked, joined, _asking(trees, asked, ends, signature))


def _asking(layer: Trees, asked: Mapping[int, Chain], ends: Mapping[int, int], signature: Signature) -> Trees:
    """Return trees that ask at the beginnings of chains, which are at the places `ends` of their source."""
    place, threshold = layer.place.copy(), layer.threshold.copy()
    missing_left, members, sets = layer.missing_left.copy(), layer.members.copy(), list(layer.sets)
    for element, chain in asked.items():
        nodes = np.flatnonzero(layer.place == element)
        place[nodes] = ends[element]
        split = nodes[layer.members[nodes] < 0]
        if chain.is_choice:
            codes = np.arange(len(signature.inputs.columns[chain.place].allowed), dtype=np.float64)
            seen, unseen = chain.apply(codes), chain.apply(np.array([UNKNOWN]))
            for node in split:
                members[node] = len(sets)
                sets.append(seen <= layer.threshold[node])
                missing_left[node] = unseen[0] <= layer.threshold[node]
            continue
        if not chain.steps:
            continue
        threshold[split] = _largest_below(chain, layer.threshold[split])
        missing = chain.apply(np.array([np.nan]))[0]
        if not np.isnan(missing):
            missing_left[nodes] = missing <= layer.threshold[nodes]
    return replace(
        layer,
        place=place,
        threshold=threshold,
        missing_left=missing_left,
        members=members,
        sets=tuple(sets),
    )


def _is_foldable(chain: Chain, signature: Signature) -> bool:
    equal = [at for at, step in enumerate(chain.steps) if isinstance(step, Equal)]
    if not equal:
        return all(_is_monotone(step) for step in chain.steps)
    is_category = chain.value == 0 and signature.inputs.columns[chain.place].type is Type.CATEGORY
    return is_category and all(_keeps_codes(step) for step in chain.steps[: equal[0]])


def _is_monotone(step: Layer) -> bool:
    """Whether more in never gives less out."""
    if isinstance(step, Arithmetic):
        constant = step.constant[0]
        grows = step.operation not in {Operation.MULTIPLY, Operation.DIVIDE} or constant > 0
        return bool(np.isfinite(constant) and grows)
    return isinstance(step, Impute) or (isinstance(step, Map) and step.function in _RISING)


# MISSING is the same for all numbers; what it says of NaN is asked apart.
_RISING = {Unary.ROUND32, Unary.EXPM1, Unary.TANH, Unary.LOGISTIC, Unary.FLOOR, Unary.EXP, Unary.MISSING}


def _keeps_codes(step: Layer) -> bool:
    """Whether the place of a category, a small whole number, passes unchanged."""
    return isinstance(step, Impute) or (isinstance(step, Map) and step.function is Unary.ROUND32)


def _largest_below(chain: Chain, thresholds: Floats) -> Floats:
    """Return for each threshold t the largest float64 d with chain(d) <= t, by bisection."""
    low = np.full(len(thresholds), _place(-_LARGEST))
    high = np.full(len(thresholds), _place(_LARGEST))
    while (low < high).any():
        middle = low + (high - low + np.uint64(1)) // np.uint64(2)
        below = chain.apply(_number(middle)) <= thresholds
        low, high = (
            np.where(below, middle, low),
            np.where(below, high, np.maximum(low, middle - np.uint64(1))),
        )
    return _number(low)


def _place(number: float) -> np.uint64:
    """Return a number's place in the order of all float64."""
    bits = np.float64(number).view(np.uint64)
    return np.uint64(~bits if bits & _SIGN else bits | _SIGN)


def _number(places: NDArray[np.uint64]) -> Floats:
    """Return the float64 at each place in their order."""
    return np.where(places & _SIGN, places & ~_SIGN, ~places).view(np.float64)


def kept(form: Form, answer: int) -> Form:
    """Leave out the layers that the answer does not need, and make it the last value."""
    needed = {answer}
    for value in range(answer, 0, -1):
        if value in needed:
            needed.update(form.layers[value - 1].sources)
    places = {value: at for at, value in enumerate(sorted(needed | {0}))}
    layers = [
        replace(
            form.layers[value - 1], sources=tuple(places[source] for source in form.layers[value - 1].sources)
        )
        for value in sorted(needed - {0})
    ]
    return replace(form, layers=tuple(layers))
