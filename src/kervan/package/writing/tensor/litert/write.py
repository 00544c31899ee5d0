"""A form as a LiteRT model in float32, of operators that every LiteRT runtime has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.tensor.coding import signature_text
from kervan.package.writing.tensor.layers import give
from kervan.package.writing.tensor.litert.graph import Graph, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Form

INPUT = "matrix"
METADATA = "kervan.signature"

_OPERATIONS = {
    Operation.ADD: "ADD",
    Operation.SUBTRACT: "SUB",
    Operation.MULTIPLY: "MUL",
    Operation.DIVIDE: "DIV",
    Operation.MINIMUM: "MINIMUM",
    Operation.MAXIMUM: "MAXIMUM",
}
_FUNCTIONS = {
    Unary.EXP: "EXP",
    Unary.LOG: "LOG",
    Unary.SQRT: "SQRT",
    Unary.ABS: "ABS",
    Unary.TANH: "TANH",
    Unary.LOGISTIC: "LOGISTIC",
    Unary.FLOOR: "FLOOR",
}


def model_bytes(form: Form) -> bytes:
    """Write a form as a model from `matrix` [rows, inputs] to `probabilities` or `value` [rows, outputs].

    Raises `Refused` for a form that LiteRT's own operators cannot express.
    """
    graph = Graph()
    matrix = graph.variable("FLOAT32", form.widths[0])
    answer = give(form, LitertOps(graph), matrix)
    name = "probabilities" if form.signature.is_classification else "value"
    return graph.packed({INPUT: matrix}, {name: answer}, {METADATA: signature_text(form.signature)})


class LitertOps:
    """LiteRT's operators, on float32 and int32."""

    exact = False

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def layer(self, place: int) -> None:
        """Forget it: constants need no names."""

    def _node(self, name: str, *inputs: Tensor, kind: str = "", width: int = 0, **options: Any) -> Tensor:
        """Add an operator, by default of the inputs' kind and as wide as the widest of them."""
        widest = width or max(tensor.width for tensor in inputs)
        output = self._graph.variable(kind or inputs[-1].kind, widest)
        self._graph.operator(name, inputs, [output], **options)
        return output

    def numbers(self, name: str, values: Floats) -> Tensor:
        with np.errstate(over="ignore"):  # what float32 does not hold is infinite
            return self._graph.constant("FLOAT32", values.astype(np.float32))

    def places(self, name: str, values: NDArray[Any]) -> Tensor:
        return self._graph.constant("INT32", values)

    def number(self, truths: Tensor) -> Tensor:
        return self._node("CAST", truths, kind="FLOAT32")

    def place(self, numbers: Tensor) -> Tensor:
        return self._node("CAST", numbers, kind="INT32")

    def further(self, places: Tensor, by: Tensor) -> Tensor:
        return self._node("ADD", places, by)

    def arithmetic(self, operation: Operation, left: Tensor, right: Tensor) -> Tensor:
        found = self._node(_OPERATIONS[operation], left, right)
        if operation not in {Operation.MINIMUM, Operation.MAXIMUM}:
            return found
        for operand in (left, right):  # LiteRT's may forget what is missing
            if not operand.is_constant:
                found = self.where(self.missing(operand), operand, found)
        return found

    def unary(self, function: Unary, values: Tensor) -> Tensor:
        if function in {Unary.EXP, Unary.LOG}:  # of what is missing, XNNPACK's make numbers on some machines
            return self.where(self.missing(values), values, self._node(_FUNCTIONS[function], values))
        if function in _FUNCTIONS:
            return self._node(_FUNCTIONS[function], values)
        one = self.numbers("one", np.ones(1))
        if function is Unary.ROUND32:
            return values
        if function is Unary.LOG1P:
            return self.unary(Unary.LOG, self.arithmetic(Operation.ADD, values, one))
        if function is Unary.EXPM1:
            return self.arithmetic(Operation.SUBTRACT, self.unary(Unary.EXP, values), one)
        raise Refused(f"LiteRT has no {function}", hint="choose another family, or the format `onnx`")

    def power(self, values: Tensor, exponent: float) -> Tensor:
        return self._node("POW", values, self.numbers("exponent", np.array([exponent])))

    def equal(self, left: Tensor, right: Tensor) -> Tensor:
        return self._node("EQUAL", left, right, kind="BOOL")

    def at_most(self, left: Tensor, right: Tensor) -> Tensor:
        return self._node("LESS_EQUAL", left, right, kind="BOOL")

    def below(self, left: Tensor, right: Tensor) -> Tensor:
        return self._node("LESS", left, right, kind="BOOL")

    def both(self, left: Tensor, right: Tensor) -> Tensor:
        return self._node("LOGICAL_AND", left, right)

    def missing(self, values: Tensor) -> Tensor:
        return self._node("NOT_EQUAL", values, values, kind="BOOL")

    def where(self, truths: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        return self._node("SELECT_V2", truths, yes, no)

    def affine(self, name: str, values: Tensor, weights: Floats, bias: Floats | None = None) -> Tensor:
        inputs = [values, self.numbers(name, weights)]
        if bias is not None:
            inputs.append(self.numbers(name, bias))
        return self._node("FULLY_CONNECTED", *inputs, width=len(weights))

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        return self._node("CONCATENATION", *parts, width=sum(part.width for part in parts), axis=1)

    def columns(self, values: Tensor, places: NDArray[Any]) -> Tensor:
        picked = self.places("columns", places)
        return self._node("GATHER", values, picked, kind=values.kind, width=len(places), axis=1)

    def looked_up(self, table: Tensor, places: Tensor) -> Tensor:
        return self._node("GATHER", table, places, kind=table.kind, width=places.width, axis=0)

    def picked(self, values: Tensor, places: Tensor) -> Tensor:
        return self._node("GATHER", values, places, kind=values.kind, width=places.width, axis=1, batchDims=1)

    def total(self, values: Tensor) -> Tensor:
        return self._across("SUM", values, width=1, keepDims=True)

    def largest(self, values: Tensor) -> Tensor:
        return self._across("REDUCE_MAX", values, width=1, keepDims=True)

    def best(self, values: Tensor) -> Tensor:
        flat = self._across(
            "ARG_MAX",
            self._missing_as_most(values),
            kind="INT32",
            width=1,
            outputType=self._graph.integer,
        )
        return self._node("RESHAPE", flat, self.places("shape", np.array([-1, 1])), width=1)

    def smallest(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        falling = self._node("NEG", self._missing_as_most(values))
        found, places = self._graph.variable("FLOAT32", count), self._graph.variable("INT32", count)
        self._graph.operator("TOPK_V2", [falling, self.places("count", np.array(count))], [found, places])
        return self.picked(values, places), places

    def summed_up(self, values: Tensor) -> Tensor:
        return self._across("CUMSUM", values, width=values.width)

    def width(self, values: Tensor) -> int:
        return values.width

    def _across(self, name: str, values: Tensor, *, width: int, kind: str = "", **options: Any) -> Tensor:
        """Add an operator over the columns."""
        axis = self.places("axis", np.array(1))
        return self._node(name, values, axis, kind=kind or values.kind, width=width, **options)

    def _missing_as_most(self, values: Tensor) -> Tensor:
        return self.where(self.missing(values), self.numbers("most", np.array([np.inf])), values)
