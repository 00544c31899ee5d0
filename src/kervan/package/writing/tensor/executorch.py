"""A form as a program of ExecuTorch's portable kernels, in float64."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.plugins import extras_named
from kervan.package.writing.tensor.coding import signature_text
from kervan.package.writing.tensor.torch import TorchOps, exported, module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from kervan.package.writing.neutral.form import Form

AT_ONCE = 64  # rows: a program plans its memory for as many
SIGNATURE = "signature"  # the method that returns it


def program_of(form: Form) -> bytes:
    """Return the program: `forward` for float32 rows, shape (rows, inputs), and `signature`."""
    graph = exported(module_of(form, EdgeOps), form.widths[0], AT_ONCE, single=True)
    with quiet(), extras_named():
        from executorch.exir import to_edge

        edge = to_edge(graph, constant_methods={SIGNATURE: signature_text(form.signature)})
        return bytes(edge.to_executorch().buffer)


class EdgeOps(TorchOps):
    """PyTorch's operations, those that portable kernels do in float64."""

    def total(self, values: torch.Tensor) -> torch.Tensor:
        return self.summed_up(values)[:, -1:]  # their kernel for sums adds in float32


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what ExecuTorch says of its own code: it is new, lacks parts, and calls deprecated ones."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for kind in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", kind)
            warnings.filterwarnings("ignore", "This API is experimental and subject to change")
            yield
    finally:
        logging.disable(before)
