"""Whether a description can be walked in reasonable time: no model in itself, no models that multiply."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.native.graph import AnyNode, DictNode, MadeNode, ObjectNode, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_VISITS = 2_000_000


def check_nesting(nodes: Sequence[AnyNode]) -> None:
    """Raise `Corrupted` if an object holds itself, or so many share parts that a walk would not end.

    Lists and linked nodes without a name of a model in them may form circles, as clusterings do.
    """
    named = [_named(node, len(nodes)) for node in nodes]
    groups = _groups(named)
    holds = [isinstance(node, ObjectNode) and not _is_link(node.type) for node in nodes]
    sizes = np.bincount(groups)
    for place, inside in enumerate(named):
        if holds[place] and (sizes[groups[place]] > 1 or place in inside):
            raise Corrupted("a model holds itself", hint="fetch the package again")
    below: dict[int, list[int]] = {int(group): [] for group in set(groups.tolist())}
    for place, inside in enumerate(named):
        below[int(groups[place])] += [
            int(groups[other]) for other in inside if groups[other] != groups[place]
        ]
    visits: dict[int, int] = {}
    try:
        for group in TopologicalSorter(below).static_order():
            visits[group] = int(sizes[group]) + sum(visits[other] for other in below[group])
            if visits[group] > MOST_VISITS + 10 * len(nodes):
                raise Corrupted("the parts of the model multiply", hint="fetch the package again")
    except CycleError as error:
        raise Corrupted("a model holds itself", hint="fetch the package again") from error


def _is_link(name: str) -> bool:
    return name in {"sklearn.cluster._birch._CFNode", "sklearn.cluster._birch._CFSubcluster"}


def _named(node: AnyNode, count: int) -> list[int]:
    """Return the places of the nodes that a node names."""
    values: list[Value] = []
    if isinstance(node, DictNode):
        values = [*node.keys, *node.values]
    elif isinstance(node, ObjectNode):
        values = node.values
    elif isinstance(node, MadeNode):
        values = node.arguments
    else:
        values = getattr(node, "items", [])
    return [value[0] for value in values if isinstance(value, tuple) and 0 <= value[0] < count]


def _groups(named: list[list[int]]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return for each node the group of those that can reach each other."""
    with extras_named():
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

    count = len(named)
    from_ = np.repeat(np.arange(count), [len(inside) for inside in named])
    to = np.array([other for inside in named for other in inside], dtype=np.int64)
    edges = coo_array((np.ones(len(to), dtype=np.int8), (from_, to)), shape=(count, count)).tocsr()
    found: np.ndarray[tuple[int], np.dtype[np.int32]] = connected_components(edges, connection="strong")[1]
    return found
