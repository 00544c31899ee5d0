"""Models that another process loads and scores: their libraries can run code, or die of a broken file.

`python -m kervan.package.foreign.elsewhere LIBRARY FILE` answers matrices as `kervan.package.writing.child`
tells.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.package.foreign.originals import LOADERS
from kervan.package.writing.child import Child, limit_memory, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Elsewhere:
    """A model in another process, which starts with the first question and ends with this object."""

    def __init__(self, library: str, path: Path) -> None:
        self._library = library
        self._path = path
        self._child = Child(__name__, library, str(path.resolve()))

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score a matrix.

        Raises `ValueError` with what the library says of the rows, `Corrupted` if it did not survive them.
        """
        try:
            return self._child(rows)
        except ChildProcessError as error:
            raise Corrupted(
                f"{self._path} is no model of {self._library}, which does not survive it: {error}",
                hint="fetch or save it again",
            ) from error


def _load() -> Callable[[NDArray[np.float64]], Any]:
    answer = LOADERS[sys.argv[1]](Path(sys.argv[2]))
    return lambda rows: answer(rows.astype(np.float32))


if __name__ == "__main__":
    limit_memory()
    serve(_load)
