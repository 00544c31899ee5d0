"""Trees as the arrays that the kernels `trees` and `choosing_trees` walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Ints, Trees


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The arrays, as `kervan.package.writing.code.kernels` describes them."""

    roots: Ints
    target: Ints
    ask: Ints
    threshold: Floats
    step: Ints
    leaves: Floats
    starts: Ints
    members: Ints
    is_choosing: bool


def pack_trees(layer: Trees) -> Packed:
    """Lay every tree out so that a node's left child follows it, and keep equal leaves and sets once."""
    order, roots = _depth_first(layer)
    leaves, leaf_of = np.unique(layer.leaves, axis=0, return_inverse=True)
    place, is_choice = layer.place[order], layer.members[order] >= 0
    is_leaf = place < 0
    is_choice &= ~is_leaf
    starts, members, set_of = _sets(layer)
    threshold = np.where(is_leaf, 0.0, layer.threshold[order])
    threshold[is_choice] = set_of[layer.members[order][is_choice]]
    position = np.empty(len(layer.place), dtype=np.int64)
    position[order] = np.arange(len(order))
    step = position[layer.right[order]] - np.arange(len(order))
    step[is_leaf] = leaf_of.ravel()[layer.left[order][is_leaf]]
    missing_left, is_choosing = layer.missing_left[order].astype(np.int64), bool(is_choice.any())
    ask = (place + 1) * 4 + 2 * missing_left + is_choice if is_choosing else (place + 1) * 2 + missing_left
    return Packed(
        roots=roots,
        target=np.zeros(len(roots), np.int64) if layer.target is None else layer.target,
        ask=np.where(is_leaf, 0, ask),
        threshold=threshold,
        step=step,
        leaves=leaves,
        starts=starts,
        members=members,
        is_choosing=is_choosing,
    )


def _depth_first(layer: Trees) -> tuple[Ints, Ints]:
    """Return the nodes in the order in which left children follow their parents, and each tree's start."""
    left, right, place = layer.left.tolist(), layer.right.tolist(), layer.place.tolist()
    order: list[int] = []
    roots: list[int] = []
    for root in layer.roots.tolist():
        roots.append(len(order))
        waiting = [root]
        while waiting:
            node = waiting.pop()
            order.append(node)
            if place[node] >= 0:
                waiting += [right[node], left[node]]
    return np.array(order, dtype=np.int64), np.array(roots, dtype=np.int64)


def _sets(layer: Trees) -> tuple[Ints, Ints, NDArray[Any]]:
    """Return where each distinct set starts (and the last ends), all members, and which set is which."""
    known: dict[bytes, int] = {}
    kept: list[NDArray[np.bool_]] = []
    set_of = []
    for each in layer.sets:
        key = each.tobytes()
        if key not in known:
            known[key] = len(kept)
            kept.append(each)
        set_of.append(known[key])
    starts = np.cumsum([0, *(len(each) for each in kept)])
    members = np.concatenate([*kept, np.zeros(0, np.bool_)]).astype(np.int64)
    return starts, members, np.array(set_of, dtype=np.int64)
