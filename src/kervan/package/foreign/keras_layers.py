"""The layers of Keras that the neutral form can express, each with what it does to a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.readers.activations import (
    elu,
    gelu,
    hard_swish,
    leaky,
    mish,
    positive_part,
    ramp,
    selu,
    softplus,
    softsign,
    swish,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.package.foreign.keras_files import Arrays
    from kervan.package.writing.neutral.build import Builder

_MERGES = {
    "Add": Operation.ADD,
    "Subtract": Operation.SUBTRACT,
    "Multiply": Operation.MULTIPLY,
    "Average": Operation.ADD,
    "Maximum": Operation.MAXIMUM,
    "Minimum": Operation.MINIMUM,
}
_IDLE = {"Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity"}
_MAPS = {"sigmoid": Unary.LOGISTIC, "tanh": Unary.TANH, "exponential": Unary.EXP}
_PLAIN: dict[str, Callable[[Builder, int], int]] = {
    "relu": positive_part,
    "elu": elu,
    "selu": selu,
    "softplus": softplus,
    "softsign": softsign,
    "silu": swish,
    "swish": swish,
    "mish": mish,
    "gelu": partial(gelu, is_tanh=False),
    "leaky_relu": partial(leaky, slope=0.2),
    "hard_silu": hard_swish,
    "hard_swish": hard_swish,
}
KERAS_3 = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer as its file tells it: its class, settings, and the release of Keras."""

    kind: str
    config: dict[str, Any]
    release: int

    @property
    def name(self) -> str:
        """The layer's own name."""
        return str(self.config.get("name", ""))

    def refused(self, why: str) -> Refused:
        """Return the error that names the layer."""
        return Refused(
            f"the layer {self.name!r} ({self.kind}) cannot be read: {why}",
            hint="export the model to ONNX where it was trained, and import that",
        )

    def weight_names(self) -> tuple[str, ...]:
        """Return what its weights are called, in the order of the file."""
        config = self.config
        if self.kind == "Dense":
            return ("kernel", "bias") if config.get("use_bias", True) else ("kernel",)
        if self.kind == "Normalization":
            is_told = config.get("mean") is not None
            return () if is_told else ("mean", "variance", "count")
        if self.kind in {"BatchNormalization", "LayerNormalization"}:
            own: tuple[str, ...] = ("gamma",) if config.get("scale", True) else ()
            own += ("beta",) if config.get("center", True) else ()
            moving = ("moving_mean", "moving_variance") if self.kind == "BatchNormalization" else ()
            return own + moving
        return ("alpha",) if self.kind == "PReLU" else ()

    def over(self, builder: Builder, values: Sequence[int], weights: Arrays) -> int:
        """Add the layer over what it reads. Raises `Refused` for one that is not known."""
        if self.kind in _MERGES:
            return self._merged(builder, values)
        if self.kind == "Concatenate":
            self.check_axis(self.config.get("axis", -1))
            return builder.join(values)
        if len(values) != 1:
            raise self.refused(f"it reads {len(values)} tensors")
        read = _READERS.get(self.kind)
        if self.kind in _IDLE or read is None:
            if read is None and self.kind not in _IDLE:
                raise self.refused("it is not known here")
            return values[0]
        return read(self, builder, values[0], weights)

    def activated(self, builder: Builder, value: int, name: Any) -> int:
        """Add an activation by its name."""
        if isinstance(name, dict):
            name = name.get("config")
        if name in {None, "linear"}:
            return value
        if name in _MAPS:
            return builder.map(value, _MAPS[name])
        if name in {"softmax", "log_softmax"}:
            found = builder.softmax(value)
            return builder.map(found, Unary.LOG) if name == "log_softmax" else found
        if name == "relu6":
            return builder.arithmetic(positive_part(builder, value), Operation.MINIMUM, 6.0)
        if name == "hard_sigmoid":
            return ramp(builder, value) if self.release >= KERAS_3 else ramp(builder, value, 0.2, 0.5)
        if name not in _PLAIN:
            raise self.refused(f"its activation {name!r} is not known here")
        return _PLAIN[name](builder, value)

    def _merged(self, builder: Builder, values: Sequence[int]) -> int:
        widths = {builder.widths[value] for value in values}
        if len(widths) != 1:
            raise self.refused("it joins tensors of several widths")
        total = values[0]
        for value in values[1:]:
            total = builder.combine(total, _MERGES[self.kind], value)
        if self.kind == "Average":
            return builder.arithmetic(total, Operation.DIVIDE, float(len(values)))
        return total

    def check_axis(self, told: Any) -> None:
        """Refuse a layer that does not work along the columns."""
        axes = told if isinstance(told, list) else [told]
        if axes not in ([-1], [1]):
            raise self.refused(f"it works along the axis {told}")

    def fitted(self, builder: Builder, value: int, array: Any) -> Any:
        """Return an array that has one number for each element, or one for all."""
        found = np.ravel(np.asarray(array, dtype=np.float64))
        if len(found) not in {1, builder.widths[value]}:
            raise self.refused(f"it has {len(found)} weights for {builder.widths[value]} numbers")
        return found


def _dense(layer: Layer, builder: Builder, value: int, weights: Arrays) -> int:
    kernel = weights["kernel"]
    if kernel.ndim != 2 or kernel.shape[0] != builder.widths[value]:
        raise layer.refused(f"its weights {kernel.shape} do not fit {builder.widths[value]} numbers")
    bias = weights.get("bias", np.zeros(kernel.shape[1]))
    if bias.shape != kernel.shape[1:] or layer.config.get("quantization_config"):
        raise layer.refused("its weights do not fit together, or are quantized")
    return layer.activated(builder, builder.linear(value, kernel.T, bias), layer.config.get("activation"))


def _normalization(layer: Layer, builder: Builder, value: int, weights: Arrays) -> int:
    """(x - mean) / max(sqrt(variance), 1e-7), as Keras guards the division."""
    layer.check_axis(layer.config.get("axis", -1))
    mean = layer.fitted(builder, value, weights.get("mean", layer.config.get("mean")))
    variance = layer.fitted(builder, value, weights.get("variance", layer.config.get("variance")))
    spread = np.maximum(np.sqrt(variance), 1e-7)
    if layer.config.get("invert"):
        scaled = builder.arithmetic(value, Operation.MULTIPLY, spread)
        return builder.arithmetic(scaled, Operation.ADD, mean)
    return builder.scale(value, offset=mean, divisor=spread)


def _batch_normalization(layer: Layer, builder: Builder, value: int, weights: Arrays) -> int:
    layer.check_axis(layer.config.get("axis", -1))
    mean = layer.fitted(builder, value, weights["moving_mean"])
    variance = layer.fitted(builder, value, weights["moving_variance"])
    slope = layer.fitted(builder, value, weights.get("gamma", 1.0)) / np.sqrt(
        variance + float(layer.config.get("epsilon", 1e-3))
    )
    value = builder.arithmetic(value, Operation.SUBTRACT, mean)
    value = builder.arithmetic(value, Operation.MULTIPLY, slope)
    return builder.arithmetic(value, Operation.ADD, layer.fitted(builder, value, weights.get("beta", 0.0)))


def _layer_normalization(layer: Layer, builder: Builder, value: int, weights: Arrays) -> int:
    layer.check_axis(layer.config.get("axis", -1))
    shares = np.full((1, builder.widths[value]), 1 / builder.widths[value])
    apart = builder.combine(value, Operation.SUBTRACT, builder.linear(value, shares, 0.0))
    squares = builder.combine(apart, Operation.MULTIPLY, apart)
    variance = builder.linear(squares, shares, float(layer.config.get("epsilon", 1e-3)))
    found = builder.combine(apart, Operation.DIVIDE, builder.map(variance, Unary.SQRT))
    gamma = layer.fitted(builder, value, weights.get("gamma", 1.0))
    found = builder.arithmetic(found, Operation.MULTIPLY, gamma)
    return builder.arithmetic(found, Operation.ADD, layer.fitted(builder, value, weights.get("beta", 0.0)))


def _rescaling(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    scale = layer.fitted(builder, value, layer.config.get("scale", 1.0))
    scaled = builder.arithmetic(value, Operation.MULTIPLY, scale)
    offset = layer.fitted(builder, value, layer.config.get("offset", 0.0))
    return builder.arithmetic(scaled, Operation.ADD, offset)


def _activation(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    return layer.activated(builder, value, layer.config.get("activation"))


def _relu(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    if layer.config.get("threshold"):
        raise layer.refused("it has a threshold")
    slope, most = layer.config.get("negative_slope") or 0.0, layer.config.get("max_value")
    found = leaky(builder, value, slope) if slope else positive_part(builder, value)
    return found if most is None else builder.arithmetic(found, Operation.MINIMUM, float(most))


def _leaky(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    return leaky(builder, value, layer.config.get("negative_slope", layer.config.get("alpha", 0.3)))


def _parametric(layer: Layer, builder: Builder, value: int, weights: Arrays) -> int:
    return leaky(builder, value, layer.fitted(builder, value, weights["alpha"]))


def _elu(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    return elu(builder, value, float(layer.config.get("alpha", 1.0)))


def _softmax(layer: Layer, builder: Builder, value: int, _: Arrays) -> int:
    layer.check_axis(layer.config.get("axis", -1))
    return builder.softmax(value)


def _flatten(_: Layer, __: Builder, value: int, ___: Arrays) -> int:
    return value


_READERS: dict[str, Callable[[Layer, Builder, int, Arrays], int]] = {
    "Dense": _dense,
    "Normalization": _normalization,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Rescaling": _rescaling,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    "PReLU": _parametric,
    "ELU": _elu,
    "Softmax": _softmax,
    "Flatten": _flatten,
}
