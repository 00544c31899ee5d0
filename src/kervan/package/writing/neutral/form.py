"""The neutral form: a fitted model as a short list of vector operations, whatever library trained it.

Every value is a vector of float64. Value 0 is the encoded row (numbers with NaN where missing, categories
as their places, -1 where missing or unseen; see `kervan.package.encoding`), value i is what layer i - 1
gives, and the last value is the answer: probabilities in the order of the classes, or one number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Operation(StrEnum):
    """Arithmetic of two operands, element by element. NaN in either gives NaN."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class Unary(StrEnum):
    """Functions of one element. NaN gives NaN, unless said otherwise."""

    ROUND32 = "round32"  # to the nearest float32, ties to even
    EXP = "exp"
    LOG = "log"
    LOG1P = "log1p"
    EXPM1 = "expm1"
    SQRT = "sqrt"
    ABS = "abs"
    TANH = "tanh"
    LOGISTIC = "logistic"  # 1 / (1 + exp(-x))
    ERF = "erf"
    FLOOR = "floor"
    POSITIVE = "positive"  # 1 where x > 0, else 0; 0 for NaN
    MISSING = "missing"  # 1 for NaN, else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One operation. `sources` are the values that it reads."""

    sources: tuple[int, ...]

    def width(self, widths: Sequence[int]) -> int:
        """Return how many elements it gives, for the widths of its sources."""
        return widths[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take(Layer):
    """Pick elements of the sources, laid one after another: y[i] = x[places[i]]."""

    places: Ints

    def width(self, widths: Sequence[int]) -> int:
        """One element for each place."""
        return len(self.places)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arithmetic(Layer):
    """Combine each element with a constant of its own: y = x (operation) constant."""

    operation: Operation
    constant: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combine(Layer):
    """Combine two values element by element; a second one of width 1 meets every element of the first."""

    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power(Layer):
    """Raise each element to a whole or broken power."""

    exponent: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Map(Layer):
    """Apply a function to each element."""

    function: Unary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Impute(Layer):
    """Put `fill` in the place of what is NaN."""

    fill: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replace(Layer):
    """Change elements where a test holds: y = instead where test is 1, else x.

    The sources are the test, x and `instead`, all of the same width; without the last, NaN stands instead.
    The test is 0 or 1, never NaN.
    """

    def width(self, widths: Sequence[int]) -> int:
        """One element for each of the second source."""
        return widths[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equal(Layer):
    """Say where elements have a value: y[i] = 1 if x[places[i]] == values[i], else 0 (so for NaN)."""

    places: Ints
    values: Floats

    def width(self, widths: Sequence[int]) -> int:
        """One element for each comparison."""
        return len(self.places)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtLeast(Layer):
    """Say where elements reach a value: y[i] = 1 if x[places[i]] >= values[i], else 0 (so for NaN)."""

    places: Ints
    values: Floats

    def width(self, widths: Sequence[int]) -> int:
        """One element for each comparison."""
        return len(self.places)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear(Layer):
    """y = weights @ x + bias, weights of shape (outputs, inputs)."""

    weights: Floats
    bias: Floats

    def width(self, widths: Sequence[int]) -> int:
        """One element for each row of the weights."""
        return len(self.bias)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees(Layer):
    """The sum of the leaves that an ensemble of decision trees reaches, on top of `base`.

    Nodes of all trees lie in common arrays; `roots[t]` is where tree t starts, and children come after
    their parents. At node i, element x[place[i]] goes to `left[i]` if it is at most `threshold[i]`, else
    to `right[i]`; NaN goes left where `missing_left[i]`. Where `members[i]` is at least 0 the node is a
    choice instead: `sets[members[i]]` says for every code 0, 1, … whether it goes left, and anything that
    is none of these codes counts as missing. A leaf has `place` -1, and `left` is its row in `leaves`.

    `leaves` has shape (leaves, outputs). Where `target` is given, it has shape (leaves, 1) and tree t adds
    to output `target[t]` alone.
    """

    roots: Ints
    place: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: NDArray[np.bool_]
    members: Ints
    sets: tuple[NDArray[np.bool_], ...]
    leaves: Floats
    base: Floats
    target: Ints | None = None

    def width(self, widths: Sequence[int]) -> int:
        """One element for each output."""
        return len(self.base)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax(Layer):
    """y[i] = exp(x[i] - max(x)) / sum of the same over all elements."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalise(Layer):
    """Divide by the sum of all elements; where that is 0, every element is 1 / width."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choose(Layer):
    """1 at the largest element, the first of several, 0 elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distances(Layer):
    """The squared Euclidean distance to each row of `rows`, shape (rows, inputs)."""

    rows: Floats

    def width(self, widths: Sequence[int]) -> int:
        """One element for each row."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nearest(Layer):
    """The mean of what is known about the nearest rows, from the distances to all of them.

    Takes the `count` smallest distances, the first rows where several are equal; with `ties` of at least 0
    every row takes part whose distance is at most d + (d + own) * ties, where d is the count-th smallest
    and `own` the one element of the second source. `answers` has shape (rows, outputs).
    """

    count: int
    answers: Floats
    ties: float = -1.0

    def width(self, widths: Sequence[int]) -> int:
        """One element for each column of the answers."""
        return int(self.answers.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interpolate(Layer):
    """The piecewise linear function through (xs, ys), xs rising; constant outside, NaN for NaN."""

    xs: Floats
    ys: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedMedian(Layer):
    """The smallest element at which the elements up to it hold at least half of all weight."""

    weights: Floats

    def width(self, widths: Sequence[int]) -> int:
        """One element."""
        return 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """A model: what it takes and gives, and the layers between.

    `slack` is how far the original's own arithmetic may be from this one, as where a library computes in
    float32: no way of writing the model can be closer to it than that. `is_single` says that it does so, and
    loses more than that where large terms leave a small sum.
    """

    signature: Signature
    layers: tuple[Layer, ...]
    slack: float = 0.0
    is_single: bool = False
    widths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        widths = [len(self.signature.inputs)]
        for layer in self.layers:
            widths.append(layer.width([widths[source] for source in layer.sources]))
        object.__setattr__(self, "widths", tuple(widths))
