"""A form as a program: constant arrays, and calls of kernels on places in one array of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.code.calls import Operand, write_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Form, Layer


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """An array that a kernel reads: float32 where that holds every number exactly, else float64; whole
    numbers in the smallest of uint8, uint16, int32."""

    name: str
    values: NDArray[Any]


Argument = int | float | str | Constant


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a kernel. An argument is a number, a constant, or the name of another kernel."""

    kernel: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a writer prints. The inputs are at the beginning of the work, the answer at `answer`."""

    signature: Signature
    constants: tuple[Constant, ...]
    calls: tuple[Call, ...]
    work: int
    answer: int
    outputs: int

    @property
    def constant_bytes(self) -> int:
        """How large all constants are."""
        return sum(constant.values.nbytes for constant in self.constants)


def write_program(form: Form) -> Program:
    """Turn a form into calls."""
    layers = dict(enumerate(form.layers, start=1))
    answer = len(layers)
    places = _places(layers, form.widths, answer)
    constants: dict[tuple[str, bytes], Constant] = {}
    calls: list[Call] = []
    for value, layer in layers.items():
        operands = [Operand(places[source], form.widths[source]) for source in layer.sources]
        for kernel, arguments in write_calls(layer, operands, places[value], form.widths[value]):
            calls.append(Call(kernel, tuple(_kept(each, constants) for each in arguments)))
    return Program(
        signature=form.signature,
        constants=(*constants.values(), *_costs(form.signature)),
        calls=tuple(calls),
        work=max(places[value] + form.widths[value] for value in places),
        answer=places[answer],
        outputs=form.widths[-1],
    )


def _costs(signature: Signature) -> tuple[Constant, ...]:
    """Return what labels are chosen by: for each class that may be named, the cost for each true one."""
    if not signature.costs:
        return ()
    return (Constant("costs", np.array(signature.costs, dtype=np.float64).T.ravel()),)


def _places(layers: dict[int, Layer], widths: Sequence[int], answer: int) -> dict[int, int]:
    """Give every value a place in the work, where no value lies that is still needed."""
    last = {source: value for value, layer in layers.items() for source in layer.sources}
    last[answer] = len(widths)
    places = {0: 0}
    for value in layers:
        live = sorted((places[other], widths[other]) for other in places if last.get(other, 0) >= value)
        place = 0
        for start, width in live:
            if start - place >= widths[value]:
                break
            place = max(place, start + width)
        places[value] = place
    return places


def _kept(argument: Any, constants: dict[tuple[str, bytes], Constant]) -> Argument:
    """Keep an array once, in the smallest type that holds it."""
    if not isinstance(argument, np.ndarray):
        return argument  # type: ignore[no-any-return]  # numbers and names are as they are
    values = _smallest(argument.ravel())
    key = (values.dtype.name, values.tobytes())
    if key not in constants:
        constants[key] = Constant(f"k{len(constants)}", values)
    return constants[key]


def _smallest(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float32)
        return narrow if np.array_equal(narrow.astype(np.float64), values, equal_nan=True) else values
    largest = int(values.max(initial=0))
    kind = next(kind for kind in (np.uint8, np.uint16, np.int32) if largest <= np.iinfo(kind).max)
    return values.astype(kind)
