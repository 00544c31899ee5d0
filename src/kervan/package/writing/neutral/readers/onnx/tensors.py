"""What the tensors of a graph hold for one row, and the node that makes new ones of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Take, Unary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

WIDEST = 1 << 20  # elements of one tensor for one row
LARGEST = 1 << 24  # elements of one constant
ROWS = -(1 << 40)  # stands for the number of rows among the sides that a graph computes with
_ML = "ai.onnx.ml"


class Kind(StrEnum):
    """What numbers a tensor holds."""

    FLOAT = "float32"
    DOUBLE = "float64"
    WHOLE = "whole numbers"
    TRUTH = "booleans"  # as 0 and 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A tensor [rows, *sides] of numbers, its elements laid one after another.

    `value` is computed as a form is, in float64. `stepped` is the same, rounded to float32 after every
    operation as the graph does it: what a threshold is compared with, where the last bit decides. `steps`
    counts the float32 operations on the longest way here.
    """

    value: int
    stepped: int
    sides: tuple[int, ...]
    kind: Kind = Kind.FLOAT
    steps: int = 0

    @property
    def width(self) -> int:
        """How many elements it has for one row."""
        return prod(self.sides)

    @property
    def sharp(self) -> Rows:
        """The tensor as its exact bits are."""
        return replace(self, value=self.stepped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A tensor [rows, *sides] of texts: element i is `known[i][code]`, or `other[i]` for any other code.

    `codes` is the value that holds the codes.
    """

    codes: int
    known: tuple[tuple[str, ...], ...]
    other: tuple[str, ...]
    sides: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smallest:
    """The places of the `count` smallest elements of a tensor; `answers` is what is picked by them."""

    source: Rows
    count: int
    answers: Floats | None = None


Constant = NDArray[Any]
Tensor = Rows | Texts | Smallest | Constant


class Node:
    """One node of a graph, with the tensors that it reads."""

    def __init__(
        self,
        builder: Builder,
        kind: str,
        inputs: Sequence[Tensor | None],
        settings: dict[str, Any],
        version: int,
    ) -> None:
        self.builder = builder
        self.kind = kind
        self.inputs = inputs
        self.settings = settings
        self.version = version

    def refused(self, why: str) -> Refused:
        """Return the error that names the operator."""
        return Refused(
            f"the neutral form cannot express the operator {self.kind}: {why}",
            hint='write the graph in the format "onnx" alone, or export the model without this operator',
        )

    def given(self, place: int) -> Tensor | None:
        """Return an input, or None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def tensor(self, place: int = 0) -> Rows | Constant:
        """Return an input that holds numbers."""
        found = self.given(place)
        if isinstance(found, (Rows, np.ndarray)):
            return found
        raise self.refused(f"its input {place + 1} holds no numbers")

    def rows(self, place: int = 0) -> Rows:
        """Return an input that hangs on the row."""
        found = self.given(place)
        if isinstance(found, Rows):
            return found
        raise self.refused(f"its input {place + 1} holds no numbers of the rows")

    def constant(self, place: int, default: Any = None) -> Any:
        """Return an input that is the same for all rows, or the default where it is left out."""
        found = self.given(place)
        if found is None:
            return default
        if not isinstance(found, np.ndarray):
            raise self.refused(f"its input {place + 1} hangs on the row")
        return found

    def numbers(self, name: str, place: int = -1) -> tuple[int, ...] | None:
        """Return whole numbers from the attribute of this name or, as later versions have it, an input."""
        told = self.settings.get(name)
        if told is None and place >= 0:
            told = self.constant(place)
        return None if told is None else tuple(int(number) for number in np.ravel(told))

    def axis(self, number: int, tensor: Rows) -> int:
        """Return which of a tensor's `sides` an axis is; the axis of the rows is refused."""
        found = number + len(tensor.sides) + 1 if number < 0 else number
        if not 1 <= found <= len(tensor.sides):
            raise self.refused("it works across rows")
        return found - 1

    def make(
        self,
        sources: Sequence[Rows],
        build: Callable[..., int],
        *,
        sides: tuple[int, ...] | None = None,
        kind: Kind | None = None,
        exact: bool = False,
        steps: int = 1,
    ) -> Rows:
        """Return what `build` adds over the values of some tensors.

        It is rounded after this step unless the step is `exact`: then it gives a float32 for float32s.
        """
        kind = kind or sources[0].kind
        value = build(*(source.value for source in sources))
        stepped = value
        if any(source.value != source.stepped for source in sources):
            stepped = build(*(source.stepped for source in sources))
        if not exact and kind is Kind.FLOAT:
            stepped = self.builder.map(stepped, Unary.ROUND32)
        sides = sources[0].sides if sides is None else sides
        if self.builder.widths[value] != prod(sides):
            raise self.refused(f"it gives {self.builder.widths[value]} numbers for the sides {list(sides)}")
        before = max(source.steps for source in sources)
        return Rows(
            value=value, stepped=stepped, sides=sides, kind=kind, steps=before if exact else before + steps
        )

    def pick(self, source: Rows, places: NDArray[np.int64]) -> Rows:
        """Return some elements of a tensor, in the sides of `places`."""
        self.check_width(places.size)
        flat = places.ravel()
        return self.make(
            [source], lambda value: self.builder.take(value, flat), sides=places.shape, exact=True
        )

    def same(self, answers: Any, sides: tuple[int, ...], kind: Kind) -> Rows:
        """Return a tensor that holds the same for every row."""
        self.check_width(prod(sides))
        value = self.builder.constant(np.broadcast_to(answers, sides))
        return Rows(value=value, stepped=value, sides=sides, kind=kind)

    def join(self, parts: Sequence[Rows]) -> Rows:
        """Lay tensors [rows, …] one after another."""
        self.check_width(sum(part.width for part in parts))

        def joined(*values: int) -> int:
            if len(values) == 1:
                return values[0]
            width = sum(part.width for part in parts)
            return self.builder.add(Take(sources=values, places=np.arange(width)))

        return self.make(parts, joined, sides=(sum(part.width for part in parts),), exact=True)

    def check_width(self, width: int) -> None:
        """Refuse a tensor that is too wide."""
        if width > WIDEST:
            raise self.refused(f"it gives {width} numbers for one row")

    def spread(self, source: Rows, sides: tuple[int, ...]) -> Rows:
        """Repeat elements along sides, as ONNX broadcasts."""
        if source.sides == sides:
            return source
        self.check_width(prod(sides))
        return self.pick(source, np.broadcast_to(np.arange(source.width).reshape(source.sides), sides))

    def flat(self, constant: Constant, sides: tuple[int, ...]) -> Floats:
        """Return a constant beside a tensor of such sides, one number for each element."""
        if constant.ndim > len(sides):
            if constant.shape[0] != 1 or constant.ndim > len(sides) + 1:
                raise self.refused("a constant has other numbers for every row")
            constant = constant[0]
        return np.broadcast_to(check_plain(constant, self), sides).astype(np.float64).ravel()

    def common_sides(self, *tensors: Rows | Constant) -> tuple[int, ...]:
        """Return the sides that tensors have together, as ONNX broadcasts."""
        ranks = {len(tensor.sides) for tensor in tensors if isinstance(tensor, Rows)}
        if len(ranks) != 1:
            raise self.refused("it joins tensors with other numbers of sides")
        rank = ranks.pop()
        shapes = [
            tensor.sides if isinstance(tensor, Rows) else tensor.shape[max(0, tensor.ndim - rank) :]
            for tensor in tensors
        ]
        sides = np.broadcast_shapes(*shapes)
        self.check_width(prod(sides))
        return sides


def check_plain(constant: Constant, node: Node) -> Constant:
    """Return a constant that holds numbers, none of which stands for the number of rows."""
    if constant.dtype.kind not in "fiub":
        raise node.refused("it takes texts")
    if constant.dtype.kind == "i" and (constant == ROWS).any():
        raise node.refused("it computes with the number of rows")
    return constant


OPERATORS: dict[tuple[str, str], Any] = {}


def operator(*names: str, ml: bool = False) -> Callable[[Callable[[Node], Any]], Callable[[Node], Any]]:
    """Register what reads operators: it returns the tensor that a node gives, or a tuple of several."""

    def register(read: Callable[[Node], Any]) -> Callable[[Node], Any]:
        OPERATORS.update({(_ML if ml else "", name): read for name in names})
        return read

    return register
