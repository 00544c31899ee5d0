"""TensorFlow: a form as a graph in float64, from columns by their names or from the encoded matrix."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.plugins import extras_named
from kervan.core.schema import Type
from kervan.package.encoding import UNKNOWN
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.tensor.layers import give
from kervan.package.writing.tensor.subnormal import away_from_zero

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.form import Floats, Form

BY_NAME = "serving_default"
BY_MATRIX = "matrix"
_METHOD = "tensorflow/serving/predict"
KERAS_HOME = "KERAS_HOME"
_SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}  # read at the first import


def imported() -> Any:
    """Import TensorFlow, or raise `MissingExtra`."""
    with extras_named(), first_import():
        import tensorflow as tf
    return tf


@contextmanager
def first_import() -> Iterator[None]:
    """Have TensorFlow imported such that it does not describe the machine on stderr.

    Nor does it add in an order that hangs on the machine, nor leave a file in the user's home. What the
    user has chosen is left as it is.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    with settings(_SETTINGS), no_trace_at_home():
        yield


@contextmanager
def no_trace_at_home() -> Iterator[None]:
    """Let what is imported find the user's `keras.json`, but not write one."""
    folder = Path(os.environ.get(KERAS_HOME, Path.home() / ".keras"))
    if (folder / "keras.json").exists():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch, settings({KERAS_HOME: scratch}):
        yield


@contextmanager
def settings(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment that nobody has set."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back TensorFlow's advice to write graphs in another way: the servers of graphs want this one."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def meta_graph(form: Form, tf: Any) -> tuple[Any, dict[str, Any], Any]:
    """Return a graph, its signatures by their names, and what has to be run once before it answers.

    `serving_default` takes every column by its name, each of shape (rows,): float64 for numbers and
    booleans (NaN where missing), texts for categories ("" where missing). `matrix` takes the encoded
    matrix. Both give `probabilities` or `value`, shape (rows, outputs), in float64; a classification gives
    the label too, called like the predicted column.
    """
    signature = form.signature
    graph = tf.Graph()
    with graph.as_default():
        coding = _Coding(tf)
        taken = {column.name: coding.placeholder(column) for column in signature.inputs}
        codes = [coding.code(column, taken[column.name]) for column in signature.inputs]
        matrix = tf.identity(tf.stack(codes, axis=1), name=BY_MATRIX)
        answer = give(form, TensorflowOps(tf), matrix)
        given = _given(signature, answer, tf)
        ready = tf.group(*coding.fillings, name="ready")
    signatures = {
        BY_NAME: _signature_def(taken, given, tf),
        BY_MATRIX: _signature_def({BY_MATRIX: matrix}, given, tf),
    }
    return graph, signatures, ready


class _Coding:
    """How columns enter the graph; `fillings` fill the tables of categories."""

    def __init__(self, tf: Any) -> None:
        self._tf = tf
        self.fillings: list[Any] = []

    def placeholder(self, column: Column) -> Any:
        kind = self._tf.string if column.type is Type.CATEGORY else self._tf.float64
        return self._tf.compat.v1.placeholder(kind, [None])

    def code(self, column: Column, values: Any) -> Any:
        """Return a column's numbers, or the places of its categories."""
        tf = self._tf
        if column.type is not Type.CATEGORY:
            return values
        # Tables of the same name are one in a process, whatever graph they are in.
        content = hashlib.sha256(json.dumps(column.allowed).encode()).hexdigest()
        table = tf.raw_ops.HashTableV2(
            key_dtype=tf.string, value_dtype=tf.float64, shared_name=f"categories_{content}"
        )
        texts = tf.constant([text.encode() for text in column.allowed], dtype=tf.string)
        places = tf.range(len(column.allowed), dtype=tf.float64)
        self.fillings.append(tf.raw_ops.InitializeTableV2(table_handle=table, keys=texts, values=places))
        return tf.raw_ops.LookupTableFindV2(
            table_handle=table, keys=values, default_value=tf.constant(UNKNOWN, tf.float64)
        )


def _given(signature: Signature, answer: Any, tf: Any) -> dict[str, Any]:
    if not signature.is_classification:
        return {"value": answer}
    labels = tf.constant([label.encode() for label in signature.output.allowed])
    label = signature.output.name
    probabilities = "probabilities" if label != "probabilities" else "_probabilities"
    return {probabilities: answer, label: tf.gather(labels, _choice(signature, answer, tf))}


def _choice(signature: Signature, answer: Any, tf: Any) -> Any:
    """Return the place of the class that each row names."""
    if signature.costs:
        costs = tf.constant(signature.costs, tf.float64)
        return tf.argmin(tf.linalg.matmul(tf.cast(answer, tf.float64), costs), axis=1)
    if signature.threshold is None:
        return tf.argmax(answer, axis=1)
    least = tf.constant(signature.threshold, tf.float64)
    return tf.cast(tf.cast(answer[:, 1], tf.float64) >= least, tf.int64)


def _signature_def(taken: Mapping[str, Any], given: Mapping[str, Any], tf: Any) -> Any:
    inputs, outputs = (
        {
            name: tf.compat.v1.TensorInfo(
                name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto()
            )
            for name, tensor in tensors.items()
        }
        for tensors in (taken, given)
    )
    return tf.compat.v1.saved_model.build_signature_def(inputs, outputs, _METHOD)


class TensorflowOps:
    """TensorFlow's operations, in float64."""

    exact = True

    def __init__(self, tf: Any) -> None:
        self._tf = tf
        self._functions = {
            Unary.EXP: tf.exp,
            Unary.LOG: tf.math.log,
            Unary.LOG1P: tf.math.log1p,
            Unary.EXPM1: tf.math.expm1,
            Unary.SQRT: tf.sqrt,
            Unary.ABS: tf.abs,
            Unary.TANH: tf.tanh,
            Unary.LOGISTIC: tf.sigmoid,
            Unary.ERF: tf.math.erf,
            Unary.FLOOR: tf.floor,
        }
        self._operations = {
            Operation.ADD: tf.add,
            Operation.SUBTRACT: tf.subtract,
            Operation.MULTIPLY: tf.multiply,
            Operation.DIVIDE: tf.divide,
            Operation.MINIMUM: tf.minimum,
            Operation.MAXIMUM: tf.maximum,
        }

    def layer(self, place: int) -> None:
        """Forget it: constants need no names."""

    def numbers(self, name: str, values: Floats) -> Any:
        return self._tf.constant(away_from_zero(values, np.float64), dtype=self._tf.float64)

    def places(self, name: str, values: NDArray[Any]) -> Any:
        return self._tf.constant(values, dtype=self._tf.int64)

    def number(self, truths: Any) -> Any:
        return self._tf.cast(truths, self._tf.float64)

    def place(self, numbers: Any) -> Any:
        return self._tf.cast(numbers, self._tf.int64)

    def further(self, places: Any, by: Any) -> Any:
        return places + by

    def arithmetic(self, operation: Operation, left: Any, right: Any) -> Any:
        return self._operations[operation](left, right)

    def unary(self, function: Unary, values: Any) -> Any:
        if function is Unary.ROUND32:
            return self._tf.cast(self._tf.cast(values, self._tf.float32), self._tf.float64)
        return self._functions[function](values)

    def power(self, values: Any, exponent: float) -> Any:
        return self._tf.pow(values, self._tf.constant(exponent, self._tf.float64))

    def equal(self, left: Any, right: Any) -> Any:
        return self._tf.equal(left, right)

    def at_most(self, left: Any, right: Any) -> Any:
        return self._tf.less_equal(left, right)

    def below(self, left: Any, right: Any) -> Any:
        return self._tf.less(left, right)

    def both(self, left: Any, right: Any) -> Any:
        return self._tf.logical_and(left, right)

    def missing(self, values: Any) -> Any:
        return self._tf.math.is_nan(values)

    def where(self, truths: Any, yes: Any, no: Any) -> Any:
        return self._tf.where(truths, yes, no)

    def affine(self, name: str, values: Any, weights: Floats, bias: Floats | None = None) -> Any:
        product = self._tf.matmul(values, self.numbers(name, weights.T))
        return product if bias is None else product + self.numbers(name, bias)

    def joined(self, parts: Sequence[Any]) -> Any:
        return self._tf.concat(list(parts), axis=1)

    def columns(self, values: Any, places: NDArray[Any]) -> Any:
        return self._tf.gather(values, places, axis=1)

    def looked_up(self, table: Any, places: Any) -> Any:
        return self._tf.gather(table, places)

    def picked(self, values: Any, places: Any) -> Any:
        return self._tf.gather(values, places, batch_dims=1)

    def total(self, values: Any) -> Any:
        return self._tf.reduce_sum(values, axis=1, keepdims=True)

    def largest(self, values: Any) -> Any:
        return self._tf.reduce_max(values, axis=1, keepdims=True)

    def best(self, values: Any) -> Any:
        return self._tf.argmax(self._missing_as_most(values), axis=1)[:, None]

    def smallest(self, values: Any, count: int) -> tuple[Any, Any]:
        rising = -self._missing_as_most(values)
        places = self._tf.math.top_k(rising, k=count, index_type=self._tf.int64).indices
        return self.picked(values, places), places

    def summed_up(self, values: Any) -> Any:
        return self._tf.cumsum(values, axis=1)

    def _missing_as_most(self, values: Any) -> Any:
        return self._tf.where(self.missing(values), self._tf.constant(np.inf, self._tf.float64), values)

    def width(self, values: Any) -> int:
        return int(values.shape[1])
