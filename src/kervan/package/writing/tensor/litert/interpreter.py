"""LiteRT's interpreter in a process of its own: what it prints stays there, and what it dies of too.

`python -m kervan.package.writing.tensor.litert.interpreter FILE KERNELS` answers matrices as
`kervan.package.writing.child` tells.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.child import Child, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

XNNPACK = "AUTO"  # what applications get who ask for nothing
REFERENCE = "BUILTIN_REF"  # what microcontrollers run


class Interpreter:
    """An interpreter over a file, which starts with the first rows and ends with this object."""

    def __init__(self, path: Path, kernels: str) -> None:
        with extras_named():
            import ai_edge_litert  # noqa: F401 - the other process needs it

        self._path = path
        self._child = Child(__name__, str(path.resolve()), kernels)

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the answers for rows, shape (rows, inputs), or raise `Corrupted` if there are none."""
        try:
            return self._child(rows)
        except (ChildProcessError, ValueError) as error:
            raise Corrupted(
                f"{self._path} is no usable LiteRT model: {error}", hint="fetch the package again"
            ) from error


def _load() -> Callable[[NDArray[np.float64]], Any]:
    from ai_edge_litert import interpreter as litert

    interpreter = litert.Interpreter(
        model_content=Path(sys.argv[1]).read_bytes(),
        experimental_op_resolver_type=litert.OpResolverType[sys.argv[2]],
        num_threads=1,
    )
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()

    def answer(rows: NDArray[np.float64]) -> Any:
        interpreter.resize_tensor_input(taken["index"], rows.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], rows.astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])

    return answer


if __name__ == "__main__":
    serve(_load)
