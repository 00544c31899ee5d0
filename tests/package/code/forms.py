"""Forms made by hand: every kind of layer, alone and together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import (
    AtLeast,
    Choose,
    Distances,
    Equal,
    Form,
    Impute,
    Interpolate,
    Nearest,
    Normalise,
    Operation,
    Power,
    Softmax,
    Trees,
    Unary,
    WeightedMedian,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 3


class Given:
    """What a format writes, when there is only a form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.signature = form.signature


def signature_of(width: int, *columns: Column) -> Signature:
    """Numbers in, as many classes out as the form has answers."""
    inputs = columns or tuple(Column(name=f"x{at}", type=Type.NUMBER, nullable=True) for at in range(WIDTH))
    classes = tuple(f"class {at}" for at in range(width))
    return Signature(inputs=Schema(inputs), output=Column(name="y", type=Type.CATEGORY, allowed=classes))


def form_of(build: Callable[[Builder], int]) -> Form:
    """A form with the layers that `build` adds, ending with the value that it returns."""
    builder = Builder(signature_of(1))
    answer = build(builder)
    assert answer == len(builder.layers)
    return Form(signature=signature_of(builder.widths[answer]), layers=tuple(builder.layers))


def trees(*, choosing: bool, target: bool) -> Trees:
    """Three trees; the second is a leaf alone."""
    leaves = np.array([[0.1], [2.0], [-3.0], [0.1], [5.0], [1e-3]])
    members = np.full(9, -1)
    if choosing:
        members[[0, 6]] = [0, 1]
    return Trees(
        sources=(0,),
        roots=np.array([0, 5, 6]),
        place=np.array([2, 0, -1, -1, -1, -1, 1, -1, -1]),
        threshold=np.array([0.5, -1.1, 0, 0, 0, 0, 0.1, 0, 0]),
        left=np.array([1, 3, 0, 1, 2, 3, 8, 4, 5]),
        right=np.array([2, 4, 0, 0, 0, 0, 7, 0, 0]),
        missing_left=np.array([True, False, *[False] * 4, True, False, False]),
        members=members,
        sets=(np.array([True, False, True]), np.array([False, True])),
        leaves=leaves if target else np.hstack([leaves, -2 * leaves]),
        base=np.array([1.0, -1.0]),
        target=np.array([0, 1, 1]) if target else None,
    )


def _nearest(builder: Builder, ties: float) -> int:
    rows = np.arange(15.0).reshape(5, WIDTH) % 4
    distances = builder.add(Distances(sources=(0,), rows=rows))
    if ties < 0:
        answers = np.arange(10.0).reshape(5, 2)
        return builder.add(Nearest(sources=(distances,), count=3, answers=answers))
    own = builder.linear(builder.arithmetic(0, Operation.MULTIPLY, 1.0), np.ones((1, WIDTH)), 0.0)
    answers = np.arange(10.0).reshape(5, 2)
    return builder.add(Nearest(sources=(distances, own), count=2, answers=answers, ties=ties))


CONSTANT = [2.0, -0.0, 1e-300]
FORMS: dict[str, Callable[[Builder], int]] = {
    "take": lambda b: b.take(0, [2, 0, 0, 1]),
    "join": lambda b: b.join([b.map(0, Unary.ABS), 0, b.take(0, [1])]),
    **{
        f"arithmetic {operation}": lambda b, operation=operation: b.arithmetic(0, operation, CONSTANT)
        for operation in Operation
    },
    **{
        f"combine {operation}": lambda b, operation=operation: b.combine(0, operation, b.take(0, [1, 2, 0]))
        for operation in Operation
    },
    "combine with one": lambda b: b.combine(0, Operation.DIVIDE, b.take(0, [1])),
    **{f"map {function}": lambda b, function=function: b.map(0, function) for function in Unary},
    "power 2": lambda b: b.add(Power(sources=(0,), exponent=2.0)),
    "power -3": lambda b: b.add(Power(sources=(0,), exponent=-3.0)),
    "power 0.5": lambda b: b.add(Power(sources=(0,), exponent=0.5)),
    "impute": lambda b: b.add(Impute(sources=(0,), fill=np.array([0.1, 7.0, np.inf]))),
    "equal": lambda b: b.add(
        Equal(sources=(0,), places=np.array([2, 0, 1, 1]), values=np.array([1.0, 0.5, -2.0, 0.0]))
    ),
    "at least": lambda b: b.add(
        AtLeast(sources=(0,), places=np.array([2, 0, 1]), values=np.array([1.0, 0.1, -np.inf]))
    ),
    "linear": lambda b: b.linear(0, [[0.1, -2.0, 3.0], [0.0, 1.0, 1e-9]], [0.5, -7.0]),
    "trees": lambda b: b.add(trees(choosing=False, target=False)),
    "trees to targets": lambda b: b.add(trees(choosing=False, target=True)),
    "choosing trees": lambda b: b.add(trees(choosing=True, target=False)),
    "choosing trees to targets": lambda b: b.add(trees(choosing=True, target=True)),
    "softmax": lambda b: b.add(Softmax(sources=(0,))),
    "normalise": lambda b: b.add(Normalise(sources=(0,))),
    "choose": lambda b: b.add(Choose(sources=(0,))),
    "distances": lambda b: b.add(Distances(sources=(0,), rows=np.arange(6.0).reshape(2, WIDTH) / 3)),
    "nearest": lambda b: _nearest(b, -1.0),
    "nearest tied": lambda b: _nearest(b, 1e-9),
    "interpolate": lambda b: b.add(
        Interpolate(sources=(0,), xs=np.array([-1.0, 0.1, 2.0]), ys=np.array([0.0, 3.0, 0.2]))
    ),
    "interpolate one point": lambda b: b.add(
        Interpolate(sources=(0,), xs=np.array([0.5]), ys=np.array([3.0]))
    ),
    "weighted median": lambda b: b.add(WeightedMedian(sources=(0,), weights=np.array([0.2, 0.5, 0.3]))),
}


NEVER_MISSING = ("interpolate one point", "weighted median")  # what they give for NaN is NumPy's accident


def together() -> Form:
    """All of them in one form, those that never see NaN behind an imputer."""

    def build_all(builder: Builder) -> int:
        values = [build(builder) for name, build in FORMS.items() if name not in NEVER_MISSING]
        whole = builder.add(Impute(sources=(0,), fill=np.array([1.0, 2.0, 3.0])))
        for name in NEVER_MISSING:
            values.append(FORMS[name](builder))
            builder.layers[-1] = replace(builder.layers[-1], sources=(whole,))
        return builder.join(values)

    return form_of(build_all)
