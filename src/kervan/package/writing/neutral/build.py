"""What readers fill: layers one after another, each adding a value that later ones can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.writing.neutral.form import (
    Arithmetic,
    Choose,
    Combine,
    Equal,
    Interpolate,
    Layer,
    Linear,
    Map,
    Normalise,
    Operation,
    Replace,
    Softmax,
    Take,
    Unary,
)
from kervan.package.writing.neutral.rounding import single_slack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Floats


class Builder:
    """The layers so far. Every method adds what it is named after and returns the new value.

    `codes` is the largest number of categories of any input. `slack` and `is_single` are those of the form
    (see `Form`), which a reader may raise.
    """

    def __init__(self, signature: Signature) -> None:
        self.layers: list[Layer] = []
        self.widths = [len(signature.inputs)]
        self._categories = {
            place for place, column in enumerate(signature.inputs) if column.type is Type.CATEGORY
        }
        self.codes = max((len(column.allowed) for column in signature.inputs), default=0)
        self.slack = 0.0
        self.is_single = False

    def in_single(self, steps: int) -> None:
        """Say that the original computes in float32, with so many operations one on another."""
        self.slack = max(self.slack, single_slack(steps))
        self.is_single = True

    def add(self, layer: Layer) -> int:
        """Add any layer."""
        self.layers.append(layer)
        self.widths.append(layer.width([self.widths[source] for source in layer.sources]))
        return len(self.layers)

    def take(self, value: int, places: ArrayLike) -> int:
        """Pick some elements of a value; the value itself if these are all, in order."""
        chosen = np.asarray(places, dtype=np.int64)
        if np.array_equal(chosen, np.arange(self.widths[value])):
            return value
        return self.add(Take(sources=(value,), places=chosen))

    def join(self, values: Iterable[int]) -> int:
        """Lay values one after another."""
        sources = tuple(values)
        if len(sources) == 1:
            return sources[0]
        places = np.arange(sum(self.widths[source] for source in sources))
        return self.add(Take(sources=sources, places=places))

    def arithmetic(self, value: int, operation: Operation, constant: ArrayLike) -> int:
        """Combine each element with a constant, or with its own."""
        constants = np.broadcast_to(as_floats(constant), (self.widths[value],)).copy()
        return self.add(Arithmetic(sources=(value,), operation=operation, constant=constants))

    def scale(self, value: int, *, offset: ArrayLike | None, divisor: ArrayLike | None) -> int:
        """(x - offset) / divisor, where they are given."""
        if offset is not None:
            value = self.arithmetic(value, Operation.SUBTRACT, offset)
        if divisor is not None:
            value = self.arithmetic(value, Operation.DIVIDE, divisor)
        return value

    def combine(self, left: int, operation: Operation, right: int) -> int:
        """Combine two values element by element."""
        return self.add(Combine(sources=(left, right), operation=operation))

    def map(self, value: int, function: Unary) -> int:
        """Apply a function to each element."""
        return self.add(Map(sources=(value,), function=function))

    def replace(self, test: int, value: int, instead: int | None = None) -> int:
        """Put `instead`, or NaN, in the place of elements where a test is 1."""
        return self.add(Replace(sources=(test, value) if instead is None else (test, value, instead)))

    def linear(self, value: int, weights: ArrayLike, bias: ArrayLike) -> int:
        """Weights @ x + bias, weights of shape (outputs, inputs) or (inputs,)."""
        matrix = np.atleast_2d(as_floats(weights))
        offsets = np.broadcast_to(np.ravel(as_floats(bias)), (len(matrix),)).copy()
        return self.add(Linear(sources=(value,), weights=matrix, bias=offsets))

    def looked_up(
        self, value: int, place: int, codes: ArrayLike, answers: ArrayLike, unknown: ArrayLike
    ) -> int:
        """Give what stands for each code of an element: `answers` has shape (outputs, codes).

        `unknown` remains where no code fits: each answer is counted from it.
        """
        known = as_floats(codes)
        equal = Equal(sources=(value,), places=np.full(len(known), place, dtype=np.int64), values=known)
        rest = np.reshape(as_floats(unknown), (-1, 1))
        return self.linear(self.add(equal), as_floats(answers) - rest, unknown)

    def is_category(self, value: int, place: int) -> bool:
        """Say whether an element is nothing but the code of a category among the inputs."""
        if not value:
            return place in self._categories
        layer = self.layers[value - 1]
        if not isinstance(layer, Take):
            return False
        taken = int(layer.places[place])
        for source in layer.sources:
            if taken < self.widths[source]:
                return self.is_category(source, taken)
            taken -= self.widths[source]
        return False

    def constant(self, values: ArrayLike) -> int:
        """Give the same answer for every row."""
        answer = np.ravel(as_floats(values))
        first = self.take(0, [0])
        zero = self.arithmetic(self.map(first, Unary.MISSING), Operation.MULTIPLY, 0.0)
        return self.linear(zero, np.zeros((len(answer), 1)), answer)

    def softmax(self, value: int) -> int:
        """Turn scores into probabilities."""
        return self.add(Softmax(sources=(value,)))

    def both(self, probability: int) -> int:
        """[1 - p, p] from p: the probabilities of two classes from that of the second."""
        return self.linear(probability, [[-1.0], [1.0]], [1.0, 0.0])

    def normalise(self, value: int) -> int:
        """Divide by the sum of all elements."""
        return self.add(Normalise(sources=(value,)))

    def choose(self, value: int) -> int:
        """1 at the largest element, the first of several."""
        return self.add(Choose(sources=(value,)))

    def interpolate(self, value: int, xs: ArrayLike, ys: ArrayLike) -> int:
        """Follow the lines between points; a single point gives its y for every row."""
        points = as_floats(xs)
        if len(points) == 1:
            return self.constant(ys)
        return self.add(Interpolate(sources=(value,), xs=points, ys=as_floats(ys)))

    def mean(self, values: Iterable[int], weights: ArrayLike | None = None) -> int:
        """Average values of the same width, element by element."""
        parts = list(values)
        shares = np.full(len(parts), 1.0) if weights is None else as_floats(weights)
        width = self.widths[parts[0]]
        tiled = np.hstack([share * np.eye(width) for share in shares / shares.sum()])
        return self.linear(self.join(parts), tiled, np.zeros(width))


def gives_both(layer: Layer) -> bool:
    """Say whether a layer makes [1 - p, p] of p, as `Builder.both` does."""
    return isinstance(layer, Linear) and (layer.weights.tolist(), layer.bias.tolist()) == (
        [[-1.0], [1.0]],
        [1.0, 0.0],
    )


def as_floats(values: ArrayLike) -> Floats:
    """Return an array of float64."""
    return np.asarray(values, dtype=np.float64)
