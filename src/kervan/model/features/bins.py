"""Parting numbers into bins: by edges that are written out, or by quantiles of the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from kervan.core.expressions import Call, ExpressionError, Items
from kervan.model.features.parts import constant_of
from kervan.model.features.values import Kind, Value

if TYPE_CHECKING:
    from kervan.model.features.parts import Parts
    from kervan.package.writing.neutral.form import Floats

_MOST = 1_000


def binned(parts: Parts, node: Call) -> Value:
    """The number of edges that a number reaches: 0 below the first."""
    value = parts.part(parts.number(node.arguments[0]))
    edges = _edges(parts, node, value)
    found = parts.circuit.known(parts.circuit.reached(value, edges), value)
    return Value(kind=Kind.NUMBER, parts=(found,))


def _edges(parts: Parts, node: Call, value: int) -> Floats | Sequence[float]:
    quantiles = dict(node.named).get("quantiles")
    if (quantiles is None) == (len(node.arguments) < 2):
        raise ExpressionError(
            "say between which edges, or how many quantiles",
            at=node.at,
            hint="bin(age, [18, 30, 65]), or bin(age, quantiles = 4)",
        )
    if quantiles is not None:
        bins = constant_of(quantiles)
        if bins != int(bins) or not 2 <= bins <= _MOST:
            raise ExpressionError(f"the quantiles are a whole number from 2 to {_MOST}", at=quantiles.at)
        return parts.edges(value, int(bins))
    listed = node.arguments[1]
    if not isinstance(listed, Items) or not 1 <= len(listed.items) <= _MOST:
        raise ExpressionError("the edges are a list, such as [18, 30, 65]", at=listed.at)
    edges = [constant_of(each) for each in listed.items]
    if any(low >= high for low, high in pairwise(edges)):
        raise ExpressionError("the edges do not rise", at=listed.at)
    return edges
