"""A form as named arrays, and a description in JSON of the layers that they belong to."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.schema import Signature
from kervan.package.writing.neutral.form import Operation, Trees, Unary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Form, Layer

VERSION = 1


class Kind(StrEnum):
    """The kinds of layers, by the names of their classes."""

    ARITHMETIC = "Arithmetic"
    AT_LEAST = "AtLeast"
    CHOOSE = "Choose"
    COMBINE = "Combine"
    DISTANCES = "Distances"
    EQUAL = "Equal"
    IMPUTE = "Impute"
    INTERPOLATE = "Interpolate"
    LINEAR = "Linear"
    MAP = "Map"
    NEAREST = "Nearest"
    NORMALISE = "Normalise"
    POWER = "Power"
    REPLACE = "Replace"
    SOFTMAX = "Softmax"
    TAKE = "Take"
    TREES = "Trees"
    WEIGHTED_MEDIAN = "WeightedMedian"


class Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A layer without its arrays: those of these fields that its kind has."""

    kind: Kind
    sources: tuple[int, ...]
    operation: Operation | None = None
    function: Unary | None = None
    exponent: float | None = None
    count: int | None = None
    ties: float | None = None


class Structure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form without its arrays."""

    version: int
    signature: Signature
    layers: tuple[Described, ...]
    slack: float


def take_apart(form: Form) -> tuple[Structure, dict[str, NDArray[Any]]]:
    """Return the structure and the arrays, of float64, int64 or bool, called such as `layer3_weights`.

    The `sets` of trees are laid one after another, with their sizes in `set_sizes`.
    """
    layers: list[Described] = []
    arrays: dict[str, NDArray[Any]] = {}
    for place, layer in enumerate(form.layers):
        held = _arrays(layer)
        arrays |= {f"layer{place}_{name}": array for name, array in held.items()}
        rest = {
            field.name: getattr(layer, field.name)
            for field in fields(layer)
            if field.name in Described.__struct_fields__
        }
        layers.append(Described(kind=Kind(type(layer).__name__), **rest))
    structure = Structure(version=VERSION, signature=form.signature, layers=tuple(layers), slack=form.slack)
    return structure, arrays


def _arrays(layer: Layer) -> dict[str, NDArray[Any]]:
    given = {field.name: getattr(layer, field.name) for field in fields(layer)}
    if isinstance(layer, Trees):
        given["set_sizes"] = np.array([len(chosen) for chosen in layer.sets], dtype=np.int64)
        given["sets"] = np.concatenate([np.zeros(0, dtype=bool), *layer.sets])
    return {name: _canonical(array) for name, array in given.items() if isinstance(array, np.ndarray)}


def _canonical(array: NDArray[Any]) -> NDArray[Any]:
    kind = np.int64 if np.issubdtype(array.dtype, np.integer) else array.dtype
    return np.ascontiguousarray(array, dtype=np.float64 if np.issubdtype(kind, np.floating) else kind)
