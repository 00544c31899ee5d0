"""A form for every kind of layer, with rows that have missing numbers: what a framework has to compute."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.proving.parity import compare
from kervan.package.writing.fitted import Fitted
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
    Operation,
    Power,
    Softmax,
    Take,
    Trees,
    Unary,
    WeightedMedian,
)
from kervan.package.writing.neutral.score import FormPredictor

if TYPE_CHECKING:
    from kervan.core.ports import Predictor
    from kervan.package.contents.manifest import Parity

WIDTH = 4
_random = np.random.default_rng(0)
ROWS = np.round(_random.normal(size=(300, WIDTH)) * 2, 1).astype(np.float32).astype(np.float64)
ROWS[_random.random(ROWS.shape) < 0.05] = np.nan
ROWS[:, 3] = _random.integers(-2, 6, 300)
WHOLE = np.nan_to_num(ROWS)


def _floats(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


def _places(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def grown(*, outputs: int, depth: int, target: bool = False, choices: bool = False) -> Trees:
    """Return three random trees."""
    random = np.random.default_rng(depth)
    nodes: list[list[Any]] = []
    leaves: list[list[float]] = []
    sets = (np.array([True, False, True]), np.array([False, True]), np.zeros(0, dtype=bool))

    def grow(left_over: int) -> int:
        here = len(nodes)
        nodes.append([-1, 0.0, len(leaves), 0, False, -1])
        if not left_over or (left_over < depth and random.random() < 0.2):
            leaves.append(random.normal(size=1 if target else outputs).tolist())
            return here
        is_choice = choices and random.random() < 0.5
        place = 3 if is_choice else int(random.integers(WIDTH))
        threshold = float(random.choice(WHOLE[:, place])) + 0.05 * float(random.integers(2))
        left, right = grow(left_over - 1), grow(left_over - 1)
        member = int(random.integers(len(sets))) if is_choice else -1
        nodes[here] = [place, threshold, left, right, bool(random.integers(2)), member]
        return here

    roots = [grow(depth) for _ in range(3)]
    place, threshold, left, right, missing_left, members = map(np.array, zip(*nodes, strict=True))
    return Trees(
        sources=(0,),
        roots=np.array(roots),
        place=place,
        threshold=threshold,
        left=left,
        right=right,
        missing_left=missing_left,
        members=members,
        sets=sets if choices else (),
        leaves=np.array(leaves),
        base=np.arange(float(outputs)),
        target=np.arange(3) % outputs if target else None,
    )


def endless() -> Trees:
    """Return trees whose questions part from every number, or no number, those that are missing."""
    found = grown(outputs=2, depth=3)
    threshold = found.threshold.copy()
    asking = np.flatnonzero(found.place >= 0)
    threshold[asking[::3]] = np.inf
    threshold[asking[1::3]] = -np.inf
    return replace(found, threshold=threshold)


_distances = Distances(sources=(0,), rows=WHOLE[:20].astype(np.float64))
_apart = Distances(sources=(0,), rows=_random.normal(size=(20, WIDTH)) * 3)
_nearest = partial(Nearest, sources=(1,), count=3)
_one = Take(sources=(0,), places=_places(1))
_positive = Map(sources=(0,), function=Unary.ABS)

# By name: the layers; the last one answers.
LAYERS: dict[str, tuple[Layer, ...]] = {
    "take": (Map(sources=(0,), function=Unary.ABS), Take(sources=(1, 0), places=_places(7, 0, 3, 3, 4))),
    "impute": (Impute(sources=(0,), fill=_floats(1, 2, 3, 4)),),
    "equal": (Equal(sources=(0,), places=_places(3, 3, 0), values=_floats(0, 1, 0.5)),),
    "at least": (AtLeast(sources=(0,), places=_places(1, 0, 1), values=_floats(0.5, -1, 0)),),
    "linear": (Linear(sources=(0,), weights=_random.normal(size=(3, 4)), bias=_floats(1, 2, 3)),),
    "power": (Power(sources=(0,), exponent=3.0),),
    "root": (_positive, Power(sources=(1,), exponent=0.5)),
    "tree": (grown(outputs=3, depth=5),),
    "stumps": (grown(outputs=2, depth=1),),
    "endless thresholds": (endless(),),
    "leaves alone": (grown(outputs=2, depth=0),),
    "trees with targets": (grown(outputs=2, depth=4, target=True),),
    "trees with choices": (grown(outputs=2, depth=4, choices=True),),
    "softmax": (Softmax(sources=(0,)),),
    "normalise": (_positive, Normalise(sources=(1,))),
    "choose": (Choose(sources=(0,)),),
    "distances": (_distances,),
    "nearest": (_distances, _nearest(answers=_random.normal(size=(20, 2)))),
    "nearest that are apart": (_apart, _nearest(answers=_random.normal(size=(20, 2)))),
    "one answer of the nearest": (_distances, _nearest(answers=_random.normal(size=(20, 1)))),
    "nearest with ties": (
        _distances,
        _one,
        Arithmetic(sources=(2,), operation=Operation.MULTIPLY, constant=_floats(0.0)),
        Nearest(sources=(1, 3), count=3, ties=0.1, answers=_random.normal(size=(20, 2))),
    ),
    "interpolate": (_one, Interpolate(sources=(1,), xs=_floats(-1, 0, 2), ys=_floats(0, 3, 1))),
    "weighted median": (WeightedMedian(sources=(0,), weights=_floats(1, 2, 0.5, 1.5)),),
}
LAYERS |= {
    f"{operation} a constant": (
        Arithmetic(sources=(0,), operation=operation, constant=_floats(1, -2, 0.5, 3)),
    )
    for operation in Operation
}
for operation in Operation:
    LAYERS[f"{operation} two"] = (_positive, Combine(sources=(0, 1), operation=operation))
    LAYERS[f"{operation} one"] = (_one, Combine(sources=(0, 1), operation=operation))
LAYERS |= {f"{function}": (Map(sources=(0,), function=function),) for function in Unary}

# Float32 knows other rows to be as far as each other.
IN_FLOAT32 = [name for name in LAYERS if name not in {"nearest", "one answer of the nearest"}]


def fitted(name: str) -> Fitted:
    """Return the form as a fitted model that has no estimator behind it."""
    return as_fitted(LAYERS[name])


def all_fitted() -> Fitted:
    """Return one form that holds all of them and gives all their answers."""
    layers: list[Layer] = []
    ends = []
    for part in LAYERS.values():
        before = len(layers)
        for layer in part:
            sources = tuple(source and source + before for source in layer.sources)
            layers.append(replace(layer, sources=sources))
        ends.append(len(layers))
    widths = as_fitted(tuple(layers)).form.widths
    together = Take(sources=tuple(ends), places=np.arange(sum(widths[end] for end in ends)))
    return as_fitted((*layers, together))


def as_fitted(layers: tuple[Layer, ...]) -> Fitted:
    """Return layers as a fitted model that has no estimator behind it."""
    inputs = Schema(tuple(Column(name=f"x{place}", type=Type.NUMBER) for place in range(WIDTH)))
    number = Column(name="y", type=Type.NUMBER)
    draft = Form(signature=Signature(inputs=inputs, output=number), layers=layers)
    classes = tuple(f"c{place}" for place in range(draft.widths[-1]))
    output = Column(name="y", type=Type.CATEGORY, allowed=classes)
    form = Form(signature=Signature(inputs=inputs, output=output), layers=layers)
    found = Fitted(None, form.signature)
    found.__dict__["form"] = form  # where the cached property looks first
    return found


def compared(model: Fitted, predictor: Predictor, tolerance: float) -> Parity:
    """Compare a predictor with the form, over the rows."""
    return compare(FormPredictor(model.form).predict, predictor, ROWS, tolerance, name="", scorer="").parity
