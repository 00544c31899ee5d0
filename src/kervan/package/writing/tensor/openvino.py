"""A form as a graph of OpenVINO's operations, in float32: what its processors compute in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.plugins import extras_named
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.tensor.layers import give
from kervan.package.writing.tensor.subnormal import away_from_zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from openvino import Model, Node, Output

    from kervan.package.writing.neutral.form import Floats, Form

INPUT, OUTPUT = "rows", "answers"


def imported() -> Any:
    """Return OpenVINO, imported without its telemetry.

    That would write an identifier into the home of whoever imports it and tell Google Analytics. Where it
    is absent OpenVINO has an empty one; whoever imported it before has chosen for themselves.
    """
    modules: dict[str, Any] = sys.modules
    blocked = "openvino" not in modules and "openvino_telemetry" not in modules
    if blocked:
        modules["openvino_telemetry"] = None  # so that its import fails
    try:
        with extras_named():
            import openvino
            import openvino.opset13
    finally:
        if blocked:
            del modules["openvino_telemetry"]
    return openvino


def graph_of(form: Form) -> Model:
    """Return a graph from `rows`, float32 of shape (rows, inputs), to `answers`, shape (rows, outputs)."""
    openvino = imported()
    opset = openvino.opset13
    rows = opset.parameter([-1, form.widths[0]], dtype=np.float32, name=INPUT)
    rows.output(0).set_names({INPUT})
    ops = OpenvinoOps()
    result = opset.result(give(form, ops, _without_subnormals(rows.output(0), ops)), name=OUTPUT)
    result.output(0).set_names({OUTPUT})
    graph: Model = openvino.Model([result], [rows], "kervan")
    for place, node in enumerate(graph.get_ordered_ops()):
        if node.get_type_name() not in {"Parameter", "Result"}:  # others are called after how many there were
            node.set_friendly_name(f"{node.get_type_name()}_{place}")
    return graph


def _without_subnormals(rows: Output, ops: OpenvinoOps) -> Output:
    """Move numbers that are subnormal to the nearest that are not: constants of a graph cannot be."""
    smallest = np.full(1, np.finfo(np.float32).tiny, dtype=np.float64)
    zero = ops.numbers("zero", np.zeros(1))
    found = rows
    for is_beyond, operation, end in (
        (ops.below(zero, rows), Operation.MAXIMUM, smallest),
        (ops.below(rows, zero), Operation.MINIMUM, -smallest),
    ):
        found = ops.where(is_beyond, ops.arithmetic(operation, rows, ops.numbers("end", end)), found)
    return found


class OpenvinoOps:
    """OpenVINO's operations, as nodes of a graph.

    What becomes of NaN among others is said for none of them, so that it is looked for where it matters.
    """

    exact = False

    def __init__(self) -> None:
        self._opset = opset = imported().opset13
        self._functions = {
            Unary.EXP: opset.exp,
            Unary.LOG: opset.log,
            Unary.SQRT: opset.sqrt,
            Unary.ABS: opset.abs,
            Unary.TANH: opset.tanh,
            Unary.LOGISTIC: opset.sigmoid,
            Unary.ERF: opset.erf,
            Unary.FLOOR: opset.floor,
        }
        self._operations = {
            Operation.ADD: opset.add,
            Operation.SUBTRACT: opset.subtract,
            Operation.MULTIPLY: opset.multiply,
            Operation.DIVIDE: opset.divide,
            Operation.MINIMUM: opset.minimum,
            Operation.MAXIMUM: opset.maximum,
        }

    def _axis(self, axis: int) -> Node:
        return self._opset.constant(axis, dtype=np.int64)

    def layer(self, place: int) -> None:
        """Constants have no names here."""

    def numbers(self, name: str, values: Floats) -> Output:
        with np.errstate(over="ignore"):
            narrow = away_from_zero(values, np.float32).astype(np.float32)
        return self._opset.constant(narrow).output(0)

    def places(self, name: str, values: NDArray[Any]) -> Output:
        return self._opset.constant(values.astype(np.int64)).output(0)

    def number(self, truths: Output) -> Output:
        return self._opset.convert(truths, "f32").output(0)

    def place(self, numbers: Output) -> Output:
        return self._opset.convert(numbers, "i64").output(0)

    def further(self, places: Output, by: Output) -> Output:
        return self._opset.add(places, by).output(0)

    def arithmetic(self, operation: Operation, left: Output, right: Output) -> Output:
        found = self._operations[operation](left, right).output(0)
        if operation not in {Operation.MINIMUM, Operation.MAXIMUM}:
            return found
        return self.where(self.missing(left), left, self.where(self.missing(right), right, found))

    def unary(self, function: Unary, values: Output) -> Output:
        one = self._opset.constant(1, dtype=np.float32)
        if function is Unary.ROUND32:
            return values
        if function is Unary.LOG1P:
            return self._opset.log(self._opset.add(values, one)).output(0)
        if function is Unary.EXPM1:
            return self._opset.subtract(self._opset.exp(values), one).output(0)
        return self._functions[function](values).output(0)

    def power(self, values: Output, exponent: float) -> Output:
        return self._opset.power(values, self._opset.constant(exponent, dtype=np.float32)).output(0)

    def equal(self, left: Output, right: Output) -> Output:
        return self._opset.equal(left, right).output(0)

    def at_most(self, left: Output, right: Output) -> Output:
        return self._opset.less_equal(left, right).output(0)

    def below(self, left: Output, right: Output) -> Output:
        return self._opset.less(left, right).output(0)

    def both(self, left: Output, right: Output) -> Output:
        return self._opset.logical_and(left, right).output(0)

    def missing(self, values: Output) -> Output:
        return self._opset.is_nan(values).output(0)

    def where(self, truths: Output, yes: Output, no: Output) -> Output:
        return self._opset.select(truths, yes, no).output(0)

    def affine(self, name: str, values: Output, weights: Floats, bias: Floats | None = None) -> Output:
        product = self._opset.matmul(
            values, self.numbers(name, weights), transpose_a=False, transpose_b=True
        ).output(0)
        return product if bias is None else self._opset.add(product, self.numbers("bias", bias)).output(0)

    def joined(self, parts: Sequence[Output]) -> Output:
        return self._opset.concat(list(parts), axis=1).output(0)

    def columns(self, values: Output, places: NDArray[Any]) -> Output:
        return self._opset.gather(values, self.places("columns", places), self._axis(1)).output(0)

    def looked_up(self, table: Output, places: Output) -> Output:
        return self._opset.gather(table, places, self._axis(0)).output(0)

    def picked(self, values: Output, places: Output) -> Output:
        return self._opset.gather_elements(values, places, 1).output(0)

    def total(self, values: Output) -> Output:
        return self._opset.reduce_sum(values, self._axis(1), keep_dims=True).output(0)

    def largest(self, values: Output) -> Output:
        found = self._opset.reduce_max(values, self._axis(1), keep_dims=True).output(0)
        is_missing = self._opset.reduce_logical_or(self.missing(values), self._axis(1), keep_dims=True)
        return self.where(is_missing.output(0), self.numbers("missing", np.array([np.nan])), found)

    def _sorted(self, values: Output, count: int, mode: str) -> Node:
        """Return the largest or smallest; what is missing is the largest."""
        infinite = self.numbers("infinite", np.array([np.inf]))
        known = self.where(self.missing(values), infinite, values)
        return self._opset.topk(
            known, self._axis(count), 1, mode, "value", index_element_type="i64", stable=True
        )

    def best(self, values: Output) -> Output:
        return self._sorted(values, 1, "max").output(1)

    def smallest(self, values: Output, count: int) -> tuple[Output, Output]:
        found = self._sorted(values, count, "min")
        return found.output(0), found.output(1)

    def summed_up(self, values: Output) -> Output:
        return self._opset.cum_sum(values, self._axis(1)).output(0)

    def width(self, values: Output) -> int:
        return int(values.get_partial_shape()[1].get_length())
