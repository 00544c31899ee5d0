"""The steps that expressions are made of, over values of a form that are one element wide.

Missing (NaN) in gives missing out. What has no finite answer that float32 could hold, such as a division by
zero or the logarithm of a negative number, is missing too: what would raise an error in one database, and be
infinite in a program, is the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.encoding import LARGEST, UNKNOWN
from kervan.package.writing.neutral.form import AtLeast, Equal, Impute, Operation, Power, Unary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats

_SMALLEST = float(np.finfo(np.float32).tiny)  # a divisor nearer to 0 counts as 0
_LARGEST_EXPONENT = 88.72  # of which exp is within float32
_ABOVE_MINUS_ONE = float(np.nextafter(-1.0, 0.0))
_MULTIPLIED = (2.0, 3.0, 4.0)  # powers that are products: engines differ in theirs
_HERE = np.zeros(1, dtype=np.int64)


class Circuit:
    """Adds steps to a builder; each method returns the new value."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def constant(self, value: float) -> int:
        """Give the same number for every row."""
        return self.builder.constant([value])

    def shifted(self, value: int, by: float) -> int:
        """Add a constant."""
        return self.builder.arithmetic(value, Operation.ADD, by)

    def times(self, value: int, by: float) -> int:
        """Multiply by a constant."""
        return self.builder.arithmetic(value, Operation.MULTIPLY, by)

    def opposite(self, truth: int) -> int:
        """1 - x."""
        return self.shifted(self.times(truth, -1.0), 1.0)

    def missing(self, value: int) -> int:
        """Say whether a number is missing."""
        return self.builder.map(value, Unary.MISSING)

    def equals(self, value: int, to: float) -> int:
        """Say whether a number is a constant; 0 where it is missing."""
        return self.builder.add(Equal(sources=(value,), places=_HERE, values=np.array([to])))

    def reaches(self, value: int, least: float) -> int:
        """Say whether a number is at least a constant; 0 where it is missing."""
        return self.builder.add(AtLeast(sources=(value,), places=_HERE, values=np.array([least])))

    def reached(self, value: int, edges: Floats | Sequence[float]) -> int:
        """Count the edges that a number reaches; 0 where it is missing, or where there are none."""
        count = len(edges)
        if not count:
            return self.times(self.missing(value), 0.0)
        places = np.zeros(count, dtype=np.int64)
        held = self.builder.add(AtLeast(sources=(value,), places=places, values=np.array(edges, dtype=float)))
        return self.builder.linear(held, np.ones(count), 0.0)

    def unless(self, test: int, value: int) -> int:
        """Leave a value out where a test holds."""
        return self.builder.replace(test, value)

    def only_where(self, test: int, value: int) -> int:
        """Leave a value out where a test does not hold."""
        return self.unless(self.opposite(test), value)

    def limited(self, value: int) -> int:
        """Leave out the elements of a value of any width that are larger than float32 holds."""
        width = self.builder.widths[value]
        beyond = AtLeast(
            sources=(self.builder.map(value, Unary.ABS),),
            places=np.arange(width),
            values=np.full(width, np.nextafter(LARGEST, np.inf)),
        )
        return self.unless(self.builder.add(beyond), value)

    def combine(self, left: int, operation: Operation, right: int) -> int:
        """Combine two numbers."""
        return self.builder.combine(left, operation, right)

    def product(self, left: int, right: int) -> int:
        """Multiply two numbers."""
        return self.limited(self.combine(left, Operation.MULTIPLY, right))

    def quotient(self, left: int, right: int) -> int:
        """Divide; missing where the divisor is 0."""
        size = self.builder.map(right, Unary.ABS)
        divisor = self.only_where(self.reaches(size, _SMALLEST), right)
        return self.limited(self.combine(left, Operation.DIVIDE, divisor))

    def quotient_by(self, left: int, divisor: float) -> int:
        """Divide by a constant that is not 0."""
        return self.limited(self.builder.arithmetic(left, Operation.DIVIDE, divisor))

    def exp(self, value: int) -> int:
        """e to the power of x; missing where that is too large."""
        return self.builder.map(self.unless(self.reaches(value, _LARGEST_EXPONENT), value), Unary.EXP)

    def log(self, value: int) -> int:
        """The natural logarithm; missing where x is not above 0."""
        is_positive = self.builder.map(value, Unary.POSITIVE)
        return self.builder.map(self.only_where(is_positive, value), Unary.LOG)

    def log1p(self, value: int) -> int:
        """log(1 + x); missing where x is not above -1."""
        return self.builder.map(self.only_where(self.reaches(value, _ABOVE_MINUS_ONE), value), Unary.LOG1P)

    def sqrt(self, value: int) -> int:
        """The square root; missing where x is negative."""
        return self.builder.map(self.only_where(self.reaches(value, 0.0), value), Unary.SQRT)

    def power(self, value: int, exponent: float) -> int:
        """Raise to a power that is not 0; a broken one of a negative number is missing."""
        if exponent in _MULTIPLIED:
            product = value
            for _ in range(int(exponent) - 1):
                product = self.product(product, value)
            return product
        if exponent == 0.5:
            return self.sqrt(value)
        size = self.builder.map(value, Unary.ABS)
        bound = LARGEST ** (1 / exponent)
        test = self.reaches(size, bound)
        held = self.unless(test, value) if exponent > 0 else self.only_where(test, value)
        if exponent != int(exponent):
            held = self.only_where(self.reaches(held, 0.0), held)
        return self.builder.add(Power(sources=(held,), exponent=exponent))

    def floor(self, value: int) -> int:
        """Round down."""
        return self.builder.map(value, Unary.FLOOR)

    def at_least(self, left: int, right: int) -> int:
        """Say whether left >= right; missing where either is."""
        apart = self.combine(left, Operation.SUBTRACT, right)
        return self.known(self.reaches(apart, 0.0), apart)

    def known(self, truth: int, value: int) -> int:
        """Leave out what was said of something missing."""
        return self.unless(self.missing(value), truth)

    def chosen(self, test: int, then: int, other: int) -> int:
        """Choose by a truth; missing where it is."""
        picked = self.builder.replace(self.equals(test, 1.0), other, then)
        return self.unless(self.missing(test), picked)

    def all_of(self, truths: Sequence[int]) -> int:
        """Say whether all hold: false where one is false, else missing where one is missing."""
        return self._together(truths, decisive=0.0)

    def any_of(self, truths: Sequence[int]) -> int:
        """Say whether one holds: true where one is true, else missing where one is missing."""
        return self._together(truths, decisive=1.0)

    def _together(self, truths: Sequence[int], decisive: float) -> int:
        width = len(truths)
        joined = self.builder.join(truths)
        places = np.arange(width)

        def count(value: float) -> int:
            equal = self.builder.add(Equal(sources=(joined,), places=places, values=np.full(width, value)))
            return self.builder.linear(equal, np.ones(width), 0.0)

        is_decided = self.reaches(count(decisive), 1.0)
        is_opposite = self.reaches(count(1.0 - decisive), float(width))
        is_open = self.opposite(self.combine(is_decided, Operation.ADD, is_opposite))
        return self.unless(is_open, is_decided if decisive else is_opposite)

    def looked_up(self, code: int, answers: Sequence[float]) -> int:
        """Give a number for each category; missing where the category is."""
        found = self.recoded(code, answers, 0.0)
        return self.unless(self.equals(code, UNKNOWN), found)

    def recoded(self, code: int, answers: Sequence[float], unknown: float = UNKNOWN) -> int:
        """Give a number for each category, and another where it is missing."""
        if not len(answers):
            return self.constant(unknown)
        return self.builder.looked_up(code, 0, np.arange(len(answers)), [list(answers)], [unknown])

    def filled(self, value: int, fill: float) -> int:
        """Put a constant in the place of what is missing."""
        return self.builder.add(Impute(sources=(value,), fill=np.array([fill])))
