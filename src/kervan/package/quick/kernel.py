"""The compiled sum of trees, as far as this installation has it: wheels for a platform do, others do not."""

from __future__ import annotations

import ctypes
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

LIBRARY = "_trees.so"
_FORM = 1
NODE = np.dtype(
    [
        ("threshold", np.float64),
        ("yes", np.int32),
        ("feature", np.uint16),
        ("missing_yes", np.uint8),
        ("is_equal", np.uint8),
    ]
)
LEAF = np.dtype([("first", np.int32), ("count", np.int32)])
MOST_COLUMNS = 1 << 16


@cache
def library() -> Any:
    """Return the compiled functions, or None where they are not there or are those of another version."""
    path = Path(__file__).with_name(LIBRARY)
    try:
        found = ctypes.CDLL(str(path))
        if found.kervan_trees_form() != _FORM:
            return None
    except (OSError, AttributeError):
        return None
    found.kervan_sum_trees.restype = None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    found.kervan_sum_trees.argtypes = [
        *[pointer] * 4,
        number,
        *[pointer] * 3,
        *[number] * 3,
        pointer,
    ]
    return found


class Ensemble:
    """Trees for the kernel, which is handed only what `_check` has found to stay within its arrays.

    `nodes` and `leaves`, of the types `NODE` and `LEAF`, are as long as each other: at place i is a node, and
    what it adds if it is a leaf. `roots` is where each tree begins. What goes on at i goes to `yes[i]` or the
    place behind it, both behind i; a leaf leads to itself.
    """

    def __init__(
        self,
        *,
        nodes: NDArray[Any],
        leaves: NDArray[Any],
        roots: NDArray[np.int32],
        targets: NDArray[np.int32],
        weights: NDArray[np.float64],
        base: NDArray[np.float64],
    ) -> None:
        self._base = base
        self._least = int(nodes["feature"].max(initial=0)) + 1
        self._kept = tuple(map(np.ascontiguousarray, (nodes, leaves, roots, targets, weights)))
        _check(*self._kept, outputs=len(base))
        nodes, leaves, roots, targets, weights = self._kept
        depths = _depths(nodes, roots)
        self._kept += (depths,)
        places = [array.ctypes.data for array in (nodes, leaves, roots, depths)]
        self._sum = partial(
            library().kervan_sum_trees,
            *places,
            len(roots),
            targets.ctypes.data,
            weights.ctypes.data,
        )

    def sums(self, matrix: Matrix) -> NDArray[np.float64]:
        """Return the sums of the trees on top of the base, shape (rows, outputs).

        Raises `ValueError` for a matrix without columns that the trees ask for.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        (count, width), outputs = rows.shape, len(self._base)
        if width < self._least:
            raise ValueError(f"the trees ask for {self._least} columns, there are {width}")
        found = np.empty((count, outputs))
        found[:] = self._base
        self._sum(_place(rows), count, width, outputs, _place(found))
        return found


def _place(array: NDArray[np.float64]) -> int:
    """Return where an array lies: NumPy's `ctypes` takes a microsecond for that."""
    place: int = array.__array_interface__["data"][0]
    return place


def _check(
    nodes: NDArray[Any],
    leaves: NDArray[Any],
    roots: NDArray[np.int32],
    targets: NDArray[np.int32],
    weights: NDArray[np.float64],
    *,
    outputs: int,
) -> None:
    """Raise `ValueError` for trees in which the kernel would leave its arrays or never come to an end."""
    places = np.arange(len(nodes))
    inner = nodes["yes"] != places
    if not np.all((nodes["yes"][inner] > places[inner]) & (nodes["yes"][inner] + 1 < len(nodes))):
        raise ValueError("a child does not come after its parent")
    if not np.all((nodes["threshold"][~inner] == np.inf) & (nodes["missing_yes"][~inner] == 1)):
        raise ValueError("a leaf leads on")
    if not np.all((leaves["first"] >= 0) & (leaves["count"] >= 0)):
        raise ValueError("a leaf begins nowhere")
    if not np.all(leaves["first"].astype(np.int64) + leaves["count"] <= min(len(weights), len(targets))):
        raise ValueError("a leaf goes beyond the weights")
    if not np.all((roots >= 0) & (roots < len(nodes))):
        raise ValueError("a tree begins nowhere")
    if not np.all((targets >= 0) & (targets < outputs)):
        raise ValueError("a weight goes to no output")


def _depths(nodes: NDArray[Any], roots: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the most steps from the root of each tree to a leaf."""
    yes = nodes["yes"].tolist()
    height = [0] * len(yes)
    for place in range(len(yes) - 1, -1, -1):
        if yes[place] != place:
            height[place] = 1 + max(height[yes[place]], height[yes[place] + 1])
    return np.array([height[root] for root in roots.tolist()], dtype=np.int32)
