"""From layers to formulas, level by level: a level may only use names of the levels before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import singledispatch
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Refused
from kervan.core.schema import Type
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
    Normalise,
    Operation,
    Power,
    Replace,
    Softmax,
    Take,
    Trees,
    Unary,
)
from kervan.package.writing.scalar.expressions import (
    Among,
    Call,
    Compare,
    Either,
    Expression,
    If,
    Input,
    Missing,
    Name,
    Number,
    call,
    fold_pairs,
    total,
)
from kervan.package.writing.scalar.questions import tree_formula

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.schema import Signature
    from kervan.package.writing.scalar.expressions import Test

_ZERO, _ONE, _NOTHING = Number(0.0), Number(1.0), Number(nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Trees that were left as they are: the names of their outputs, and what their nodes ask about."""

    names: tuple[str, ...]
    layer: Trees
    source: tuple[Expression, ...]

    @property
    def asked(self) -> list[Expression]:
        """The elements of the source that some node asks about."""
        return [self.source[place] for place in np.unique(self.layer.place) if place >= 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulas:
    """`levels` of named formulas, and the answer's elements over all their names and those of `ensembles`."""

    signature: Signature
    levels: tuple[tuple[tuple[str, Expression], ...], ...]
    answers: tuple[Expression, ...]
    ensembles: tuple[Ensemble, ...] = ()


class Lowering:
    """The levels so far. `keeps_trees` leaves trees to a language that has its own way of saying them."""

    def __init__(self, signature: Signature, *, keeps_trees: bool = False) -> None:
        self.signature = signature
        self.keeps_trees = keeps_trees
        self.levels: list[list[tuple[str, Expression]]] = []
        self.ensembles: list[Ensemble] = []

    def name(self, formulas: Sequence[Expression]) -> list[Expression]:
        """Give names to formulas, as one level, where a name is shorter than the formula itself."""
        level: list[tuple[str, Expression]] = []
        names: list[Expression] = []
        for place, formula in enumerate(formulas):
            if isinstance(formula, Number | Name | Input):
                names.append(formula)
                continue
            name = f"v{len(self.levels) + 1}_{place}"
            level.append((name, formula))
            names.append(Name(name))
        if level:
            self.levels.append(level)
        return names

    def is_category(self, place: int) -> bool:
        """Whether an input is a category."""
        return self.signature.inputs.columns[place].type is Type.CATEGORY


def lower(form: Form, *, keeps_trees: bool = False) -> Formulas:
    """Write a form as formulas. Raises `Refused` for one that needs sorting or searching."""
    lowering = Lowering(form.signature, keeps_trees=keeps_trees)
    values: list[list[Expression]] = [[Input(place) for place in range(form.widths[0])]]
    for layer in form.layers:
        formulas = give(layer, lowering, *(values[source] for source in layer.sources))
        values.append(lowering.name(formulas))
    return _needed(lowering, values[-1])


@singledispatch
def give(layer: Layer, lowering: Lowering, *sources: list[Expression]) -> list[Expression]:
    """Return a formula for every element that a layer gives."""
    raise Refused(
        f"formulas cannot say {type(layer).__name__}",
        hint="choose a format with loops, such as `c` or `python`, or another family",
    )


@give.register(Take)
def _(layer: Take, _: Lowering, *sources: list[Expression]) -> list[Expression]:
    elements = [element for source in sources for element in source]
    return [elements[place] for place in layer.places]


@give.register(Arithmetic)
def _(layer: Arithmetic, _: Lowering, source: list[Expression]) -> list[Expression]:
    return [
        _combined(layer.operation, element, Number(float(constant)))
        for element, constant in zip(source, layer.constant, strict=True)
    ]


@give.register(Combine)
def _(layer: Combine, _: Lowering, left: list[Expression], right: list[Expression]) -> list[Expression]:
    wide = right * len(left) if len(right) == 1 else right
    return [_combined(layer.operation, one, other) for one, other in zip(left, wide, strict=True)]


def _combined(operation: Operation, left: Expression, right: Expression) -> Expression:
    """Combine two short formulas. The larger of a missing and another number is missing: many forget that."""
    formula = call(operation, left, right)
    if operation in {Operation.MINIMUM, Operation.MAXIMUM}:
        for each in (left, right):
            formula = formula if isinstance(each, Number) else If(Missing(each), each, formula)
    return formula


@give.register(Power)
def _(layer: Power, _: Lowering, source: list[Expression]) -> list[Expression]:
    return [call("power", element, Number(layer.exponent)) for element in source]


@give.register(Map)
def _(layer: Map, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    if layer.function is Unary.POSITIVE:
        return [If(Compare(">", element, _ZERO), _ONE, _ZERO) for element in source]
    if layer.function is Unary.MISSING:
        return [If(Missing(element), _ONE, _ZERO) for element in source]
    if layer.function is Unary.ERF:
        raise Refused("formulas cannot say erf", hint="choose a format with loops, such as `c` or `python`")
    if layer.function is Unary.ROUND32:
        return [
            element if _is_whole(element, lowering) else call(layer.function, element) for element in source
        ]
    return [call(layer.function, element) for element in source]


@give.register(Impute)
def _(layer: Impute, _: Lowering, source: list[Expression]) -> list[Expression]:
    return [
        If(Missing(element), Number(float(fill)), element)
        for element, fill in zip(source, layer.fill, strict=True)
    ]


@give.register(Replace)
def _(
    _: Replace, __: Lowering, test: list[Expression], source: list[Expression], *instead: list[Expression]
) -> list[Expression]:
    others = instead[0] if instead else [_NOTHING] * len(source)
    rows = zip(test, source, others, strict=True)
    return [If(Compare("<", each, _ONE), element, other) for each, element, other in rows]


@give.register(Equal)
def _(layer: Equal, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    formulas: list[Expression] = []
    for place, value in zip(layer.places, layer.values, strict=True):
        element = source[place]
        test: Test = Compare("=", element, Number(float(value)))
        if isinstance(element, Input) and lowering.is_category(element.place) and value >= 0:
            test = Among(element.place, (int(value),))
        formulas.append(If(test, _ONE, _ZERO))
    return formulas


@give.register(AtLeast)
def _(layer: AtLeast, _: Lowering, source: list[Expression]) -> list[Expression]:
    pairs = zip(layer.places, layer.values, strict=True)
    return [If(Compare(">=", source[place], Number(float(value))), _ONE, _ZERO) for place, value in pairs]


@give.register(Linear)
def _(layer: Linear, _: Lowering, source: list[Expression]) -> list[Expression]:
    formulas = []
    for weights, bias in zip(layer.weights, layer.bias, strict=True):
        terms = [
            call("multiply", Number(float(weight)), element)
            for weight, element in zip(weights, source, strict=True)
            if weight
        ]
        formulas.append(total([*terms, Number(float(bias))] if bias or not terms else terms))
    return formulas


@give.register(Trees)
def _(layer: Trees, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    if lowering.keeps_trees:
        names = tuple(f"trees{len(lowering.ensembles) + 1}_{place}" for place in range(len(layer.base)))
        lowering.ensembles.append(Ensemble(names=names, layer=layer, source=tuple(source)))
        return [Name(name) for name in names]
    terms: list[list[Expression]] = [[Number(float(base))] if base else [] for base in layer.base]
    for tree, root in enumerate(layer.roots):
        outputs = range(len(layer.base)) if layer.target is None else [int(layer.target[tree])]
        for column, output in enumerate(outputs):
            terms[output].append(tree_formula(layer, int(root), column, source, lowering.signature))
    return [total(each) for each in terms]


@give.register(Softmax)
def _(_: Softmax, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    largest = lowering.name([fold_pairs("maximum", source)])[0]
    grown = lowering.name([call("exp", call("subtract", element, largest)) for element in source])
    return _shares(lowering, grown)


@give.register(Normalise)
def _(_: Normalise, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    given = lowering.name([total(source)])[0]
    even = Number(1 / len(source))
    return [If(Compare("=", given, _ZERO), even, call("divide", element, given)) for element in source]


@give.register(Choose)
def _(_: Choose, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    largest = lowering.name([fold_pairs("maximum", source)])[0]
    formulas: list[Expression] = []
    for place, element in enumerate(source):
        chosen: Expression = If(Compare("=", element, largest), _ONE, _ZERO)
        earlier = [Compare("=", before, largest) for before in source[:place]]
        for test in earlier:
            chosen = If(test, _ZERO, chosen)
        formulas.append(chosen)
    return formulas


@give.register(Distances)
def _(layer: Distances, lowering: Lowering, source: list[Expression]) -> list[Expression]:
    formulas = []
    for row in layer.rows:
        away = [call("subtract", element, Number(float(at))) for element, at in zip(source, row, strict=True)]
        formulas.append(total([call("multiply", each, each) for each in away]))
    return formulas


@give.register(Interpolate)
def _(layer: Interpolate, _: Lowering, source: list[Expression]) -> list[Expression]:
    return [_between(layer, element) for element in source]


def _between(layer: Interpolate, element: Expression) -> Expression:
    """Search the segment by halves."""
    slopes = np.diff(layer.ys) / np.diff(layer.xs)

    def search(low: int, high: int) -> Expression:
        if high - low == 1:
            away = call("subtract", element, Number(float(layer.xs[low])))
            climb = call("multiply", Number(float(slopes[low])), away)
            return call("add", climb, Number(float(layer.ys[low])))
        middle = (low + high) // 2
        test = Compare("<", element, Number(float(layer.xs[middle])))
        return If(test, search(low, middle), search(middle, high))

    last = len(layer.xs) - 1
    upper = If(
        Compare(">=", element, Number(float(layer.xs[last]))), Number(float(layer.ys[last])), search(0, last)
    )
    return If(Compare("<=", element, Number(float(layer.xs[0]))), Number(float(layer.ys[0])), upper)


def _shares(lowering: Lowering, elements: list[Expression]) -> list[Expression]:
    given = lowering.name([total(elements)])[0]
    return [call("divide", element, given) for element in elements]


def _is_whole(element: Expression, lowering: Lowering) -> bool:
    """Whether rounding to float32 changes nothing: codes and booleans are small whole numbers."""
    if not isinstance(element, Input):
        return False
    return lowering.signature.inputs.columns[element.place].type in {Type.CATEGORY, Type.BOOLEAN}


def _needed(lowering: Lowering, answers: list[Expression]) -> Formulas:
    """Leave out the names that no answer needs."""
    needed = names_in(*answers)
    for ensemble in lowering.ensembles:
        needed |= names_in(*ensemble.asked)
    levels = []
    for level in reversed(lowering.levels):
        kept = tuple((name, formula) for name, formula in level if name in needed)
        needed |= names_in(*(formula for _, formula in kept))
        if kept:
            levels.append(kept)
    return Formulas(
        signature=lowering.signature,
        levels=tuple(reversed(levels)),
        answers=tuple(answers),
        ensembles=tuple(lowering.ensembles),
    )


def names_in(*formulas: Expression) -> set[str]:
    """Return the names that formulas use."""
    return set(uses_in(*formulas))


def uses_in(*formulas: Expression) -> Counter[str]:
    """Return the names that formulas use, and how often."""
    names: Counter[str] = Counter()
    for formula in formulas:
        _collect(formula, names)
    return names


def _collect(formula: Expression | Test, names: Counter[str]) -> None:
    if isinstance(formula, Name):
        names[formula.name] += 1
    elif isinstance(formula, Call):
        for argument in formula.arguments:
            _collect(argument, names)
    elif isinstance(formula, If):
        for part in (formula.test, formula.then, formula.other):
            _collect(part, names)
    elif isinstance(formula, Compare | Either):
        _collect(formula.left, names)
        _collect(formula.right, names)
    elif isinstance(formula, Missing):
        _collect(formula.value, names)
