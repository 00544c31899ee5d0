"""A form as a `torch.nn.Module`, whose constants are buffers called after the layers that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.tensor.layers import give

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Form


def module_of(form: Form, ops: type[TorchOps] | None = None) -> torch.nn.Module:
    """Return a module from rows of numbers, shape (rows, inputs), to answers, shape (rows, outputs).

    It computes in float64, whatever the rows are in. A buffer is called after its layer, such as
    `layer3_weights`. `ops` are other ways to say the operations than `TorchOps`.
    """
    with extras_named():
        import torch

    class FormModule(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ops = (ops or TorchOps)(self)
            with torch.no_grad():
                self(torch.zeros((1, form.widths[0])))  # makes the buffers

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return give(form, self.ops, rows.to(torch.float64))

    return FormModule().eval()


def exported(
    module: torch.nn.Module, inputs: int, most: int | None = None, *, single: bool = False
) -> torch.export.ExportedProgram:
    """Return a module as a graph for any number of rows of some inputs, or for `most` at once.

    The rows are float64, or float32 if it is to be a `single` one.
    """
    import torch

    kind = torch.float32 if single else torch.float64

    rows = torch.zeros((2, inputs), dtype=kind)  # a single row would be taken for a number that is always 1
    count = torch.export.Dim("count", min=1, max=most)
    return torch.export.export(module, (rows,), dynamic_shapes=({0: count},))


def scored_by(
    program: Callable[[torch.Tensor], torch.Tensor], where: str
) -> Callable[[NDArray[Any]], NDArray[np.floating]]:
    """Return what scores rows by a program of PyTorch, or raises `Corrupted` that names the file `where`."""
    import torch

    def score(rows: NDArray[Any]) -> NDArray[np.floating]:
        try:
            with torch.inference_mode():
                return program(torch.from_numpy(rows)).numpy()
        except RuntimeError as error:
            raise Corrupted(f"{where} cannot be run: {error}", hint="fetch the package again") from error

    return score


class TorchOps:
    """PyTorch's operations, run at once; their constants are buffers of the owner."""

    exact = True

    def __init__(self, owner: torch.nn.Module) -> None:
        import torch

        self._torch = torch
        self._owner = owner
        self._layer = 0
        self._picks = 0
        self._widths: dict[int, int] = {}
        self._functions: dict[Unary, Callable[[torch.Tensor], torch.Tensor]] = {
            Unary.EXP: torch.exp,
            Unary.LOG: torch.log,
            Unary.LOG1P: torch.log1p,
            Unary.EXPM1: torch.expm1,
            Unary.SQRT: torch.sqrt,
            Unary.ABS: torch.abs,
            Unary.TANH: torch.tanh,
            Unary.LOGISTIC: torch.sigmoid,
            Unary.ERF: torch.erf,
            Unary.FLOOR: torch.floor,
            Unary.ROUND32: lambda values: values.to(torch.float32).to(torch.float64),
        }
        self._operations: dict[Operation, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
            Operation.ADD: torch.add,
            Operation.SUBTRACT: torch.sub,
            Operation.MULTIPLY: torch.mul,
            Operation.DIVIDE: torch.div,
            Operation.MINIMUM: torch.minimum,
            Operation.MAXIMUM: torch.maximum,
        }

    def layer(self, place: int) -> None:
        self._layer = place
        self._picks = 0

    def _constant(self, name: str, values: NDArray[Any], kind: torch.dtype) -> torch.Tensor:
        called = f"layer{self._layer}_{name}"
        if not hasattr(self._owner, called):
            self._owner.register_buffer(called, self._torch.tensor(np.array(values, order="C"), dtype=kind))
        return self._owner.get_buffer(called)

    def numbers(self, name: str, values: Floats) -> torch.Tensor:
        return self._constant(name, values, self._torch.float64)

    def places(self, name: str, values: NDArray[Any]) -> torch.Tensor:
        return self._constant(name, values, self._torch.int64)

    def number(self, truths: torch.Tensor) -> torch.Tensor:
        return truths.to(self._torch.float64)

    def place(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers.to(self._torch.int64)

    def further(self, places: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return places + by

    def arithmetic(self, operation: Operation, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self._operations[operation](left, right)

    def unary(self, function: Unary, values: torch.Tensor) -> torch.Tensor:
        return self._functions[function](values)

    def power(self, values: torch.Tensor, exponent: float) -> torch.Tensor:
        return self._torch.pow(values, exponent)

    def equal(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left == right

    def at_most(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left <= right

    def below(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left < right

    def both(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left & right

    def missing(self, values: torch.Tensor) -> torch.Tensor:
        return self._torch.isnan(values)

    def where(self, truths: torch.Tensor, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
        return self._torch.where(truths, yes, no)

    def affine(
        self, name: str, values: torch.Tensor, weights: Floats, bias: Floats | None = None
    ) -> torch.Tensor:
        added = None if bias is None else self.numbers("bias", bias)
        return self._torch.nn.functional.linear(values, self.numbers(name, weights), added)

    def joined(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        return self._torch.cat(list(parts), dim=1)

    def columns(self, values: torch.Tensor, places: NDArray[Any]) -> torch.Tensor:
        self._picks += 1
        return self._torch.index_select(values, 1, self.places(f"columns{self._picks}", places))

    def looked_up(self, table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return table[places]

    def picked(self, values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return self._torch.gather(values, 1, places)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        return values.sum(dim=1, keepdim=True)

    def largest(self, values: torch.Tensor) -> torch.Tensor:
        return values.amax(dim=1, keepdim=True)

    def best(self, values: torch.Tensor) -> torch.Tensor:
        return values.argmax(dim=1, keepdim=True)

    def smallest(self, values: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        found = self._torch.topk(values, count, dim=1, largest=False, sorted=True)
        return found.values, found.indices

    def summed_up(self, values: torch.Tensor) -> torch.Tensor:
        return self._torch.cumsum(values, dim=1)

    def width(self, values: torch.Tensor) -> int:
        if self._layer not in self._widths:  # while a program is traced, a width is no number
            self._widths[self._layer] = int(values.shape[1])
        return self._widths[self._layer]
