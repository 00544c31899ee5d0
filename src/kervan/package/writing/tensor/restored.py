"""A form put together again from arrays of a file that anybody may have written: each is checked first.

What passes can be scored without reading outside of an array, and ends: places lie within what they are
places of, sources come before their layer, children come after their parents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kervan.core.errors import Corrupted, InvalidInput
from kervan.package.writing.neutral.form import (
    Arithmetic,
    AtLeast,
    Choose,
    Combine,
    Distances,
    Equal,
    Form,
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
    WeightedMedian,
)
from kervan.package.writing.tensor.stored import VERSION, Described, Kind, Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Ints

_V = TypeVar("_V")


def put_together(structure: Structure, arrays: Mapping[str, NDArray[Any]], where: str) -> Form:
    """Return the form that `take_apart` took apart, or raise `Corrupted` that names the place in it.

    Raises `InvalidInput` for a structure that only later versions know.
    """
    if structure.version != VERSION:
        raise InvalidInput(
            f"{where} has structure {structure.version}, this version reads {VERSION}", hint="upgrade Kervan"
        )
    left_over = dict(arrays)
    widths, layers = [len(structure.signature.inputs)], []
    for place, described in enumerate(structure.layers):
        try:
            given = _Given(place, described, left_over, widths)
            layer = _MAKERS[described.kind](given)
            widths.append(_some(layer.width(given.widths)))
        except ValueError as error:
            raise Corrupted(f"{where}, layer {place}: {error}", hint="fetch the package again") from error
        layers.append(layer)
    signature = structure.signature
    wanted = len(signature.output.allowed) if signature.is_classification else 1
    if left_over or widths[-1] != wanted:
        what = f"{len(left_over)} arrays too many" if left_over else f"{widths[-1]} answers, not {wanted}"
        raise Corrupted(f"{where} has {what}", hint="fetch the package again")
    return Form(signature=structure.signature, layers=tuple(layers), slack=structure.slack)


class _Given:
    """What a file says of one layer. Everything raises `ValueError` for what cannot be."""

    def __init__(
        self, place: int, described: Described, arrays: dict[str, NDArray[Any]], widths: list[int]
    ) -> None:
        if not all(0 <= source <= place for source in described.sources):
            raise ValueError(f"its sources {described.sources} do not all come before it")
        self._prefix = f"layer{place}_"
        self._arrays = arrays
        self.described = described
        self.widths = [widths[source] for source in described.sources]

    def sources(self, *counts: int) -> tuple[int, ...]:
        """Return the sources, of which there is one of these numbers."""
        if len(self.described.sources) not in counts:
            raise ValueError(f"it has {len(self.described.sources)} sources")
        return self.described.sources

    @property
    def width(self) -> int:
        """The width of the only source, or of the first."""
        return self.widths[0] if self.widths else 0

    def said(self, value: _V | None, name: str) -> _V:
        """Return a field that this kind of layer has to have."""
        if value is None:
            raise ValueError(f"it says no {name}")
        return value

    def has(self, name: str) -> bool:
        """Say whether there is such an array."""
        return self._prefix + name in self._arrays

    def array(self, name: str, kind: type[np.generic], *shape: int | None) -> NDArray[Any]:
        """Take an array of a kind and shape; None stands for any size."""
        if not self.has(name):
            raise ValueError(f"it has no {name}")
        array = self._arrays.pop(self._prefix + name)
        fits = len(shape) == array.ndim and all(
            wanted in {None, size} for wanted, size in zip(shape, array.shape, strict=True)
        )
        if array.dtype != kind or not fits:
            raise ValueError(f"its {name} are {array.dtype} of shape {array.shape}")
        return array

    def floats(self, name: str, *shape: int | None) -> Floats:
        """Take numbers."""
        return self.array(name, np.float64, *shape)

    def places(self, name: str, below: int, length: int | None = None) -> Ints:
        """Take whole numbers, each at least 0 and below a limit."""
        return _within(name, self.array(name, np.int64, length), below)


def _some(width: int) -> int:
    if not width:
        raise ValueError("it gives nothing")
    return width


def _within(name: str, places: Ints, below: int, at_least: int = 0) -> Ints:
    if places.size and not at_least <= places.min() <= places.max() < below:
        raise ValueError(f"its {name} go from {places.min()} to {places.max()} where {below} are")
    return places


def _take(given: _Given) -> Layer:
    return Take(
        sources=given.sources(*range(1, 1 + len(given.widths))),
        places=given.places("places", sum(given.widths)),
    )


def _arithmetic(given: _Given) -> Layer:
    return Arithmetic(
        sources=given.sources(1),
        operation=given.said(given.described.operation, "operation"),
        constant=given.floats("constant", given.width),
    )


def _combine(given: _Given) -> Layer:
    sources = given.sources(2)
    if given.widths[1] not in {1, given.widths[0]}:
        raise ValueError(f"it combines widths of {given.widths[0]} and {given.widths[1]}")
    return Combine(sources=sources, operation=given.said(given.described.operation, "operation"))


def _power(given: _Given) -> Layer:
    return Power(sources=given.sources(1), exponent=given.said(given.described.exponent, "exponent"))


def _map(given: _Given) -> Layer:
    return Map(sources=given.sources(1), function=given.said(given.described.function, "function"))


def _impute(given: _Given) -> Layer:
    return Impute(sources=given.sources(1), fill=given.floats("fill", given.width))


def _replace(given: _Given) -> Layer:
    sources = given.sources(2, 3)
    if len(set(given.widths)) != 1:
        raise ValueError(f"it chooses between widths of {given.widths}")
    return Replace(sources=sources)


def _asking(kind: type[Equal] | type[AtLeast]) -> Callable[[_Given], Layer]:
    def make(given: _Given) -> Layer:
        places = given.places("places", given.width)
        return kind(sources=given.sources(1), places=places, values=given.floats("values", len(places)))

    return make


def _linear(given: _Given) -> Layer:
    bias = given.floats("bias", None)
    return Linear(
        sources=given.sources(1), weights=given.floats("weights", len(bias), given.width), bias=bias
    )


def _plain(kind: type[Softmax] | type[Normalise] | type[Choose]) -> Callable[[_Given], Layer]:
    def make(given: _Given) -> Layer:
        return kind(sources=given.sources(1))

    return make


def _distances(given: _Given) -> Layer:
    return Distances(sources=given.sources(1), rows=given.floats("rows", None, given.width))


def _nearest(given: _Given) -> Layer:
    ties = given.said(given.described.ties, "ties")
    sources = given.sources(1 if ties < 0 else 2)
    count = given.said(given.described.count, "count")
    if not 1 <= count <= given.width or given.widths[1:] not in ([], [1]):
        raise ValueError(f"it asks for the nearest {count} of widths {given.widths}")
    return Nearest(
        sources=sources, count=count, answers=given.floats("answers", given.width, None), ties=ties
    )


def _interpolate(given: _Given) -> Layer:
    xs = given.floats("xs", None)
    if not len(xs) or not (np.diff(xs) > 0).all():
        raise ValueError("its xs do not rise")
    return Interpolate(sources=given.sources(1), xs=xs, ys=given.floats("ys", len(xs)))


def _weighted_median(given: _Given) -> Layer:
    return WeightedMedian(sources=given.sources(1), weights=given.floats("weights", given.width))


def _trees(given: _Given) -> Layer:
    base = given.floats("base", None)
    has_target = given.has("target")
    leaves = given.floats("leaves", None, 1 if has_target else len(base))
    place = _within("place", given.array("place", np.int64, None), given.width, at_least=-1)
    count = len(place)
    roots = given.places("roots", count)
    sets = _sets(given)
    members = given.array("members", np.int64, count)
    left, right = (given.array(name, np.int64, count) for name in ("left", "right"))
    asks = place >= 0
    _within("members", members[asks], len(sets), at_least=-1)
    _within("left of leaves", left[~asks], len(leaves))
    here = np.flatnonzero(asks)
    for children in (left[asks], right[asks]):
        _within("children", children, count)
        if (children <= here).any():
            raise ValueError("its children do not all come after their parents")
    return Trees(
        sources=given.sources(1),
        roots=roots,
        place=place,
        threshold=given.floats("threshold", count),
        left=left,
        right=right,
        missing_left=given.array("missing_left", np.bool_, count),
        members=members,
        sets=sets,
        leaves=leaves,
        base=base,
        target=given.places("target", len(base), len(roots)) if has_target else None,
    )


def _sets(given: _Given) -> tuple[NDArray[np.bool_], ...]:
    sizes = given.array("set_sizes", np.int64, None)
    joined = given.array("sets", np.bool_, None)
    _within("set_sizes", sizes, len(joined) + 1)
    ends = np.cumsum(sizes)
    if len(joined) != (ends[-1] if len(ends) else 0):
        raise ValueError(f"its sets hold {len(joined)} codes, not what their sizes say")
    return tuple(np.split(joined, ends[:-1])) if len(ends) else ()


_MAKERS: dict[Kind, Callable[[_Given], Layer]] = {
    Kind.ARITHMETIC: _arithmetic,
    Kind.AT_LEAST: _asking(AtLeast),
    Kind.CHOOSE: _plain(Choose),
    Kind.COMBINE: _combine,
    Kind.DISTANCES: _distances,
    Kind.EQUAL: _asking(Equal),
    Kind.IMPUTE: _impute,
    Kind.INTERPOLATE: _interpolate,
    Kind.LINEAR: _linear,
    Kind.MAP: _map,
    Kind.NEAREST: _nearest,
    Kind.NORMALISE: _plain(Normalise),
    Kind.POWER: _power,
    Kind.REPLACE: _replace,
    Kind.SOFTMAX: _plain(Softmax),
    Kind.TAKE: _take,
    Kind.TREES: _trees,
    Kind.WEIGHTED_MEDIAN: _weighted_median,
}
