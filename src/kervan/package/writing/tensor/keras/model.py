"""A form as a functional model of Keras, in float64 as far as its backend goes along.

Keras makes float32 of float64 in many operations of every backend but TensorFlow's: of PyTorch's, those that
multiply matrices; of NumPy's and JAX's, nearly all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import AtLeast, Map, Operation, Trees, Unary
from kervan.package.writing.neutral.narrow import rounded_down
from kervan.package.writing.tensor.layers import give
from kervan.package.writing.tensor.subnormal import away_from_zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats, Form, Layer

INPUT = "matrix"
_MOST = float(np.finfo(np.float32).max)  # as JSON has no infinity
_FEW = 64  # as many constants go into the configuration, more of them become weights


def model_of(form: Form, keras: Any) -> Any:
    """Return a model from `matrix`, float32 of shape (rows, inputs), to the answers in float64.

    It is made of Keras's own layers and operations, so that Keras reads it in safe mode. The numbers
    of a form's layer are weights of layers that are called after it, such as `layer3_weights`: of `Dense`
    for what is multiplied, of `Embedding` for what is looked up.
    """
    narrow = _with_narrow_thresholds(form)
    matrix = keras.Input((form.widths[0],), dtype="float32", name=INPUT)
    ops = KerasOps(keras, matrix)
    answer = give(narrow, ops, keras.ops.cast(matrix, "float64"))
    name = "probabilities" if form.signature.is_classification else "value"
    named = keras.layers.Identity(dtype="float64", name=name)(answer)
    model = keras.Model(matrix, named, name="kervan")
    for layer, weights in ops.weights:
        layer.set_weights(weights)
    return model


def _with_narrow_thresholds(form: Form) -> Form:
    """Return a form in which float32 holds what float32 numbers are compared with: every branch stays."""
    return replace(form, layers=tuple(_narrow(layer, form) for layer in form.layers))


def _narrow(layer: Layer, form: Form) -> Layer:
    source = layer.sources[0]
    above = form.layers[source - 1] if source else None
    if above is not None and not (isinstance(above, Map) and above.function is Unary.ROUND32):
        return layer
    if isinstance(layer, Trees):
        return replace(layer, threshold=away_from_zero(rounded_down(layer.threshold), np.float32))
    if isinstance(layer, AtLeast):
        return replace(layer, values=away_from_zero(-rounded_down(-layer.values), np.float32))
    return layer


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers or places that are not in the model yet; how they get there depends on what they are for."""

    name: str
    values: NDArray[Any]
    kind: str


class KerasOps:
    """Keras's operations, in float64; `weights` are to be set when the model is made."""

    exact = True

    def __init__(self, keras: Any, matrix: Any) -> None:
        self._keras = keras
        self._ops = ops = keras.ops
        self._matrix = matrix
        self._layer = 0
        self._constants: dict[str, Constant] = {}
        self._tables: dict[str, Any] = {}
        self._rows: dict[str, Any] = {}
        self.weights: list[tuple[Any, list[NDArray[Any]]]] = []
        self._functions = {
            Unary.EXP: ops.exp,
            Unary.LOG: ops.log,
            Unary.LOG1P: ops.log1p,
            Unary.EXPM1: ops.expm1,
            Unary.SQRT: ops.sqrt,
            Unary.ABS: ops.abs,
            Unary.TANH: ops.tanh,
            Unary.LOGISTIC: ops.sigmoid,
            Unary.ERF: ops.erf,
            Unary.FLOOR: ops.floor,
        }
        self._operations = {
            Operation.ADD: ops.add,
            Operation.SUBTRACT: ops.subtract,
            Operation.MULTIPLY: ops.multiply,
            Operation.DIVIDE: ops.divide,
            Operation.MINIMUM: ops.minimum,
            Operation.MAXIMUM: ops.maximum,
        }

    def layer(self, place: int) -> None:
        self._layer = place

    def numbers(self, name: str, values: Floats) -> Constant:
        return self._constant(name, values, "float64")

    def places(self, name: str, values: NDArray[Any]) -> Constant:
        return self._constant(name, values.astype(np.int32), "int32")

    def _constant(self, name: str, values: NDArray[Any], kind: str) -> Constant:
        called = f"layer{self._layer}_{name}"
        return self._constants.setdefault(called, Constant(called, values, kind))

    def _operand(self, value: Any) -> Any:
        """Return a value for an operation that takes it as it is."""
        if not isinstance(value, Constant):
            return value
        if value.values.size <= _FEW:
            return value.values
        if value.name not in self._rows:
            nothing = self._ops.cast(self._ops.zeros_like(self._ops.take(self._matrix, [0], axis=1)), "int32")
            row = self._table(value.name, value.values[None, :])(nothing)
            self._rows[value.name] = self._ops.cast(self._ops.squeeze(row, axis=1), value.kind)
        return self._rows[value.name]

    def _table(self, name: str, values: NDArray[Any]) -> Any:
        """Return a layer that looks rows up; every row of a batch gets its own."""
        if name not in self._tables:
            table = self._keras.layers.Embedding(*values.shape, dtype="float64", name=name)
            self._tables[name] = table
            self.weights.append((table, [values.astype(np.float64)]))
        return self._tables[name]

    def number(self, truths: Any) -> Any:
        return self._ops.cast(truths, "float64")

    def place(self, numbers: Any) -> Any:
        return self._ops.cast(numbers, "int32")

    def further(self, places: Any, by: Any) -> Any:
        return self._ops.add(self._operand(places), self._operand(by))

    def arithmetic(self, operation: Operation, left: Any, right: Any) -> Any:
        return self._operations[operation](self._operand(left), self._operand(right))

    def unary(self, function: Unary, values: Any) -> Any:
        if function is Unary.ROUND32:
            return self._ops.cast(self._ops.cast(values, "float32"), "float64")
        return self._functions[function](values)

    def power(self, values: Any, exponent: float) -> Any:
        return self._ops.power(values, exponent)

    def equal(self, left: Any, right: Any) -> Any:
        return self._ops.equal(self._operand(left), self._operand(right))

    def at_most(self, left: Any, right: Any) -> Any:
        return self._ops.less_equal(self._operand(left), self._operand(right))

    def below(self, left: Any, right: Any) -> Any:
        return self._ops.less(self._operand(left), self._operand(right))

    def both(self, left: Any, right: Any) -> Any:
        return self._ops.logical_and(left, right)

    def missing(self, values: Any) -> Any:
        return self._ops.isnan(values)

    def where(self, truths: Any, yes: Any, no: Any) -> Any:
        return self._ops.where(truths, self._operand(yes), self._operand(no))

    def affine(self, name: str, values: Any, weights: Floats, bias: Floats | None = None) -> Any:
        dense = self._keras.layers.Dense(
            len(weights), use_bias=bias is not None, dtype="float64", name=f"layer{self._layer}_{name}"
        )
        self.weights.append((dense, [weights.T] if bias is None else [weights.T, bias]))
        return dense(values)

    def joined(self, parts: Sequence[Any]) -> Any:
        return self._ops.concatenate(list(parts), axis=1)

    def columns(self, values: Any, places: NDArray[Any]) -> Any:
        return self._ops.take(values, places.astype(np.int32), axis=1)

    def looked_up(self, table: Constant, places: Any) -> Any:
        found = self._table(table.name, table.values[:, None])(places)
        return self._ops.cast(self._ops.squeeze(found, axis=-1), table.kind)

    def picked(self, values: Any, places: Any) -> Any:
        return self._ops.take_along_axis(values, places, axis=1)

    def total(self, values: Any) -> Any:
        return self._ops.sum(values, axis=1, keepdims=True)

    def largest(self, values: Any) -> Any:
        return self._ops.max(values, axis=1, keepdims=True)

    def best(self, values: Any) -> Any:
        return self._ops.cast(self._ops.argmax(self._missing_as_most(values), axis=1, keepdims=True), "int32")

    def smallest(self, values: Any, count: int) -> tuple[Any, Any]:
        order = self._ops.argsort(self._missing_as_most(values), axis=1)
        places = self.columns(order, np.arange(count))
        return self.picked(values, places), places

    def summed_up(self, values: Any) -> Any:
        return self._ops.cumsum(values, axis=1)

    def width(self, values: Any) -> int:
        return int(values.shape[1])

    def _missing_as_most(self, values: Any) -> Any:
        return self._ops.where(self._ops.isnan(values), _MOST, values)
