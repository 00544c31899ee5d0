"""The tensor operations that a framework has to have, for any model in the neutral form to run on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Operation, Unary

T = TypeVar("T")


class Ops(Protocol[T]):
    """Operations of one framework on its tensors: numbers, places (whole numbers) and truths.

    A tensor has shape (rows, width) unless said otherwise. The functions stand for themselves: they are
    called once, to write a program, or for each batch, to run it.
    """

    exact: bool  # numbers are float64, else float32

    def layer(self, place: int) -> None:
        """Hear which layer is written now: constants of the same name in two layers are two."""

    def numbers(self, name: str, values: Floats) -> T:
        """Return a constant of numbers; `name` is its own within the layer that is being written."""

    def places(self, name: str, values: NDArray[Any]) -> T:
        """Return a constant of whole numbers."""

    def number(self, truths: T) -> T:
        """Return 1 where it is true, else 0."""

    def further(self, places: T, by: T) -> T:
        """Add places to places."""

    def place(self, numbers: T) -> T:
        """Return numbers that are whole as places."""

    def arithmetic(self, operation: Operation, left: T, right: T) -> T:
        """Combine element by element; an operand of one column meets every one of the other."""

    def unary(self, function: Unary, values: T) -> T:
        """Apply a function to every element, or raise `Refused` if the framework has none that is exact."""

    def power(self, values: T, exponent: float) -> T:
        """Raise every element to a power."""

    def equal(self, left: T, right: T) -> T:
        """Say where numbers, or places, are the same; never for NaN."""

    def at_most(self, left: T, right: T) -> T:
        """Say where the left number, or place, is not larger than the right one; never for NaN."""

    def below(self, left: T, right: T) -> T:
        """Say where the left number is smaller than the right one; never for NaN."""

    def both(self, left: T, right: T) -> T:
        """Say where both are true."""

    def missing(self, values: T) -> T:
        """Say where a number is NaN."""

    def where(self, truths: T, yes: T, no: T) -> T:
        """Choose between numbers or places, element by element; one column meets every one of the others."""

    def affine(self, name: str, values: T, weights: Floats, bias: Floats | None = None) -> T:
        """Return values @ weights.T + bias, for constant weights of shape (width, columns of the values)."""

    def joined(self, parts: Sequence[T]) -> T:
        """Lay tensors of numbers one after another: the widths add up."""

    def columns(self, values: T, places: NDArray[Any]) -> T:
        """Pick columns by their known places."""

    def looked_up(self, table: T, places: T) -> T:
        """Return table[places], of shape (rows, width), for a table of shape (n,)."""

    def picked(self, values: T, places: T) -> T:
        """Return values[row, places[row, i]] for every row and i."""

    def total(self, values: T) -> T:
        """Add the columns of numbers up, as one column."""

    def largest(self, values: T) -> T:
        """Return the largest number of every row, as one column."""

    def best(self, values: T) -> T:
        """Return the place of the largest number of every row, the first of several, as one column."""

    def smallest(self, values: T, count: int) -> tuple[T, T]:
        """Return the `count` smallest numbers of every row, rising, and their places; equals in any order."""

    def summed_up(self, values: T) -> T:
        """Return the sum of the columns up to and with each."""

    def width(self, values: T) -> int:
        """Return how many columns there are."""
