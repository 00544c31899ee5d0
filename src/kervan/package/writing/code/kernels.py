"""What every layer does, once, in a small part of Python that printers turn into other languages.

A kernel reads and writes one array of work, `w`: `x` is where its source begins in it, `y` where its
result does, `n` how many elements there are. The other arrays are constants. Only these are known to the
printers: loops over `range`, `while`, `if`, annotated locals, elements of arrays, arithmetic, comparisons,
`and`, `or`, `not`, and calls of other kernels, of `kervan.package.writing.code.numeric`, `int` and `float`.
Whole numbers are never negative.
"""
# ruff: noqa: PLR0913, PLR0917 - arrays and their sizes are handed over one by one

from __future__ import annotations

from collections.abc import Callable, Sequence

from kervan.package.writing.code.numeric import exp, fabs, floor, isnan, power, quotient

Work = list[float]
Floats = Sequence[float]
Ints = Sequence[int]
Function = Callable[[float], float]
Operation = Callable[[float, float], float]


def take(w: Work, y: int, places: Ints, n: int) -> None:
    """Pick elements from anywhere in the work."""
    for i in range(n):
        w[y + i] = w[places[i]]


def arithmetic(w: Work, x: int, y: int, n: int, operation: Operation, constant: Floats) -> None:
    """Combine each element with a constant of its own."""
    for i in range(n):
        w[y + i] = operation(w[x + i], constant[i])


def combine(w: Work, x: int, other: int, y: int, n: int, operation: Operation) -> None:
    """Combine two values of the same width."""
    for i in range(n):
        w[y + i] = operation(w[x + i], w[other + i])


def combine_all(w: Work, x: int, other: int, y: int, n: int, operation: Operation) -> None:
    """Combine each element with one number."""
    for i in range(n):
        w[y + i] = operation(w[x + i], w[other])


def raise_to(w: Work, x: int, y: int, n: int, exponent: float) -> None:
    """Raise each element to a power."""
    for i in range(n):
        w[y + i] = power(w[x + i], exponent)


def map_each(w: Work, x: int, y: int, n: int, function: Function) -> None:
    """Apply a function to each element."""
    for i in range(n):
        w[y + i] = function(w[x + i])


def impute(w: Work, x: int, y: int, n: int, fill: Floats) -> None:
    """Put a number in the place of what is missing."""
    for i in range(n):
        if isnan(w[x + i]):
            w[y + i] = fill[i]
        else:
            w[y + i] = w[x + i]


def replace(w: Work, test: int, x: int, other: int, y: int, n: int) -> None:
    """Take another element where a test holds."""
    for i in range(n):
        if w[test + i] == 1.0:
            w[y + i] = w[other + i]
        else:
            w[y + i] = w[x + i]


def blank(w: Work, test: int, x: int, y: int, n: int, nothing: Floats) -> None:
    """Take what is missing where a test holds."""
    for i in range(n):
        if w[test + i] == 1.0:
            w[y + i] = nothing[i]
        else:
            w[y + i] = w[x + i]


def equal(w: Work, x: int, y: int, n: int, places: Ints, values: Floats) -> None:
    """1 where an element has a value."""
    for i in range(n):
        w[y + i] = 0.0
        if w[x + places[i]] == values[i]:
            w[y + i] = 1.0


def at_least(w: Work, x: int, y: int, n: int, places: Ints, values: Floats) -> None:
    """1 where an element reaches a value."""
    for i in range(n):
        w[y + i] = 0.0
        if w[x + places[i]] >= values[i]:
            w[y + i] = 1.0


def linear(w: Work, x: int, y: int, n: int, outputs: int, weights: Floats, bias: Floats) -> None:
    """Multiply by a matrix, row by row, and add the bias."""
    for k in range(outputs):
        total: float = 0.0
        for i in range(n):
            total += w[x + i] * weights[k * n + i]
        w[y + k] = total + bias[k]


def start_from(w: Work, y: int, n: int, constant: Floats) -> None:
    """Set the elements."""
    for i in range(n):
        w[y + i] = constant[i]


def trees(
    w: Work,
    x: int,
    y: int,
    count: int,
    width: int,
    roots: Ints,
    target: Ints,
    ask: Ints,
    threshold: Floats,
    step: Ints,
    leaves: Floats,
) -> None:
    """Add up the leaves that trees reach.

    `ask` is 0 at a leaf, else twice the place that is asked, counted from 1, and 1 more where a missing
    element goes left. To the left is the next node, to the right the one `step` further; at a leaf,
    `step` is its row of `leaves`.
    """
    for t in range(count):
        i: int = roots[t]
        while ask[i] > 0:
            value: float = w[x + (ask[i] >> 1) - 1]
            if value <= threshold[i] or (isnan(value) and (ask[i] & 1) == 1):
                i += 1
            else:
                i += step[i]
        for k in range(width):
            w[y + target[t] + k] += leaves[step[i] * width + k]


def choosing_trees(
    w: Work,
    x: int,
    y: int,
    count: int,
    width: int,
    roots: Ints,
    target: Ints,
    ask: Ints,
    threshold: Floats,
    step: Ints,
    leaves: Floats,
    starts: Ints,
    members: Ints,
) -> None:
    """Add up the leaves that trees reach, some of which ask for categories.

    As in `trees`, but `ask` is four times the place, 2 more where a missing element goes left, and 1 more
    where the node is a choice: its `threshold` is then the number of a set, and `members` says from
    `starts[set]` on for every code whether it goes left.
    """
    for t in range(count):
        i: int = roots[t]
        while ask[i] > 0:
            value: float = w[x + (ask[i] >> 2) - 1]
            is_left: bool = value <= threshold[i]
            if (ask[i] & 1) == 1:
                start: int = starts[int(threshold[i])]
                size: int = starts[int(threshold[i]) + 1] - start
                is_left = False
                if value >= 0.0 and value < float(size) and value == floor(value):
                    is_left = members[start + int(value)] == 1
                elif (ask[i] & 2) == 2:
                    is_left = True
            elif isnan(value):
                is_left = (ask[i] & 2) == 2
            if is_left:
                i += 1
            else:
                i += step[i]
        for k in range(width):
            w[y + target[t] + k] += leaves[step[i] * width + k]


def softmax(w: Work, x: int, y: int, n: int) -> None:
    """Turn scores into shares of their exponentials."""
    largest: float = w[x]
    for i in range(n):
        largest = maximum(largest, w[x + i])
    total: float = 0.0
    for i in range(n):
        w[y + i] = exp(w[x + i] - largest)
        total += w[y + i]
    for i in range(n):
        w[y + i] = w[y + i] / total


def normalise(w: Work, x: int, y: int, n: int) -> None:
    """Divide by the sum; equal shares where that is 0."""
    total: float = 0.0
    for i in range(n):
        total += w[x + i]
    for i in range(n):
        if total == 0.0:
            w[y + i] = 1.0 / float(n)
        else:
            w[y + i] = w[x + i] / total


def choose(w: Work, x: int, y: int, n: int) -> None:
    """1 at the largest element, the first of several; NaN counts as the largest."""
    best: int = 0
    for i in range(n):
        w[y + i] = 0.0
        if not isnan(w[x + best]) and (isnan(w[x + i]) or w[x + i] > w[x + best]):
            best = i
    w[y + best] = 1.0


def distances(w: Work, x: int, y: int, n: int, count: int, rows: Floats) -> None:
    """The squared distance to each row."""
    for j in range(count):
        total: float = 0.0
        for i in range(n):
            total += (w[x + i] - rows[j * n + i]) * (w[x + i] - rows[j * n + i])
        w[y + j] = total


def nearest(w: Work, x: int, y: int, n: int, count: int, outputs: int, answers: Floats) -> None:
    """The mean answer of the nearest rows, the first of those at one distance."""
    for k in range(outputs):
        w[y + k] = 0.0
    place: int = n
    for _ in range(count):
        place = following(w, x, n, place)
        for k in range(outputs):
            w[y + k] += answers[place * outputs + k]
    for k in range(outputs):
        w[y + k] = w[y + k] / float(count)


def nearest_tied(
    w: Work, x: int, own: int, y: int, n: int, count: int, outputs: int, ties: float, answers: Floats
) -> None:
    """The mean answer of the nearest rows and of all that are as near, within rounding."""
    place: int = n
    for _ in range(count):
        place = following(w, x, n, place)
    farthest: float = w[x + place] + (w[x + place] + w[own]) * ties
    total: float = 0.0
    for k in range(outputs):
        w[y + k] = 0.0
    for j in range(n):
        if w[x + j] <= farthest:
            total += 1.0
            for k in range(outputs):
                w[y + k] += answers[j * outputs + k]
    for k in range(outputs):
        w[y + k] = quotient(w[y + k], total)


def interpolate(w: Work, x: int, y: int, n: int, size: int, xs: Floats, ys: Floats) -> None:
    """The piecewise linear function through points, constant outside."""
    for i in range(n):
        value: float = w[x + i]
        low: int = 0
        high: int = size
        while high - low > 1:
            middle: int = (low + high) >> 1
            if xs[middle] <= value:
                low = middle
            else:
                high = middle
        if isnan(value):
            w[y + i] = value
        elif value <= xs[low] or low == size - 1:
            w[y + i] = ys[low]
        else:
            slope: float = (ys[low + 1] - ys[low]) / (xs[low + 1] - xs[low])
            w[y + i] = slope * (value - xs[low]) + ys[low]


def weighted_median(w: Work, x: int, y: int, n: int, weights: Floats) -> None:
    """The smallest element up to which at least half of all weight lies."""
    total: float = 0.0
    place: int = n
    for _ in range(n):
        place = following(w, x, n, place)
        total += weights[place]
    place = following(w, x, n, n)
    held: float = weights[place]
    while held < 0.5 * total:
        place = following(w, x, n, place)
        held += weights[place]
    w[y] = w[x + place]


def following(w: Work, x: int, n: int, place: int) -> int:
    """Where the next larger element is, or the next equal one; n asks for the smallest. NaN is largest."""
    found: int = n
    for i in range(n):
        is_after: bool = place == n
        if not is_after:
            is_after = is_less(w[x + place], w[x + i])
            if not is_after and not is_less(w[x + i], w[x + place]):
                is_after = i > place
        if is_after and (found == n or is_less(w[x + i], w[x + found])):
            found = i
    return found


def is_less(a: float, b: float) -> bool:
    """Whether a comes before b, with NaN behind all numbers."""
    return a < b or (isnan(b) and not isnan(a))


def add(a: float, b: float) -> float:
    """a + b."""
    return a + b


def subtract(a: float, b: float) -> float:
    """a - b."""
    return a - b


def multiply(a: float, b: float) -> float:
    """a * b."""
    return a * b


def divide(a: float, b: float) -> float:
    """a / b."""
    return quotient(a, b)


def minimum(a: float, b: float) -> float:
    """The smaller one, or NaN."""
    if isnan(a) or a < b:
        return a
    return b


def maximum(a: float, b: float) -> float:
    """The larger one, or NaN."""
    if isnan(a) or a > b:
        return a
    return b


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    small: float = exp(-fabs(x))
    if x >= 0.0:
        return 1.0 / (1.0 + small)
    return small / (1.0 + small)


def positive(x: float) -> float:
    """1 above 0, else 0."""
    if x > 0.0:
        return 1.0
    return 0.0


def missing(x: float) -> float:
    """1 for NaN, else 0."""
    if isnan(x):
        return 1.0
    return 0.0


def error_function(x: float) -> float:
    """The error function: the series 7.1.6 of Abramowitz and Stegun below 3, the fraction 7.1.14 above."""
    a: float = fabs(x)
    result: float = x
    if a < 3.0:
        term: float = a
        total: float = a
        k: float = 1.0
        while total + term > total:
            term = term * 2.0 * a * a / (2.0 * k + 1.0)
            total += term
            k += 1.0
        result = total * exp(-a * a) * 1.1283791670955126
    elif a >= 3.0:
        fraction: float = 0.0
        for i in range(60):
            fraction = float(60 - i) / 2.0 / (a + fraction)
        result = 1.0 - exp(-a * a) * 0.5641895835477563 / (a + fraction)
    if x < 0.0:
        return -result
    return result
