"""What the nodes of trees ask, as tests over formulas, and a tree as choices within each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.scalar.expressions import Among, Compare, Either, If, Input, Missing, Number

if TYPE_CHECKING:
    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.form import Trees
    from kervan.package.writing.scalar.expressions import Expression, Test

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class Question:
    """What a node asks, and whether a row goes left where it holds; without a test every row goes there."""

    test: Test | None
    goes_left: bool


def tree_formula(
    layer: Trees, node: int, output: int, source: list[Expression], signature: Signature
) -> Expression:
    """Write the tree below a node as nested choices; a branch whose leaves agree is one number."""
    if layer.place[node] < 0:
        return Number(float(layer.leaves[layer.left[node], output]))
    left = tree_formula(layer, int(layer.left[node]), output, source, signature)
    right = tree_formula(layer, int(layer.right[node]), output, source, signature)
    if left == right and isinstance(left, Number):
        return left
    question = ask(layer, node, source[layer.place[node]], signature)
    if question.test is None:
        return left if question.goes_left else right
    return If(question.test, left, right) if question.goes_left else If(question.test, right, left)


def ask(layer: Trees, node: int, element: Expression, signature: Signature) -> Question:
    """Return the question of a node over the formula of its element."""
    column = signature.inputs.columns[element.place] if isinstance(element, Input) else None
    codes, missing_left = _codes(layer, node, column)
    if codes is None:
        threshold = float(np.clip(layer.threshold[node], -_LARGEST, _LARGEST))  # infinite: all numbers
        test: Test = Compare("<=", element, Number(threshold))
        return Question(Either(Missing(element), test) if layer.missing_left[node] else test, goes_left=True)
    if not codes:
        return Question(None, missing_left)
    if isinstance(element, Input) and column is not None and column.type is Type.CATEGORY:
        return Question(Among(element.place, codes), not missing_left)
    test = Compare("=", element, Number(float(codes[0])))
    for code in codes[1:]:
        test = Either(test, Compare("=", element, Number(float(code))))
    return Question(test, not missing_left)


def _codes(layer: Trees, node: int, column: Column | None) -> tuple[tuple[int, ...] | None, bool]:
    """Return the codes that part from where missing ones go (None for a plain threshold), and whether
    missing ones go left."""
    if layer.members[node] >= 0:
        chosen, missing_left = layer.sets[layer.members[node]], bool(layer.missing_left[node])
        if column is not None and column.type is Type.CATEGORY:
            chosen = chosen[: len(column.allowed)]
    elif column is not None and column.type is Type.CATEGORY:
        chosen = np.arange(len(column.allowed)) <= layer.threshold[node]
        missing_left = bool(layer.threshold[node] >= UNKNOWN)
    else:
        return None, False
    return tuple(int(code) for code in np.flatnonzero(chosen != missing_left)), missing_left
