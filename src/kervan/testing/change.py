"""Mistakes in writing a model: what a proof has to notice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Schema, Signature, Type
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.form import Form, Linear, Trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.package.writing.neutral.form import Layer


def _change_threshold(fitted: Fitted) -> Fitted:
    """Let every number pass the first question of a tree."""
    for place, layer in enumerate(fitted.form.layers):
        if isinstance(layer, Trees):
            threshold = layer.threshold.copy()
            threshold[np.flatnonzero((layer.place >= 0) & (layer.members < 0))[0]] = np.finfo(np.float32).max
            return _with(fitted, _exchange(fitted.form, place, replace(layer, threshold=threshold)))
    raise AssertionError("there is no tree to change")


def _change_weight(fitted: Fitted) -> Fitted:
    """Let one weight be a thousandth larger."""
    for place, layer in enumerate(fitted.form.layers):
        if isinstance(layer, Linear):
            weights = layer.weights.copy()
            weights[np.unravel_index(np.abs(weights).argmax(), weights.shape)] *= 1.001
            return _with(fitted, _exchange(fitted.form, place, replace(layer, weights=weights)))
    raise AssertionError("there are no weights to change")


def _change_categories(fitted: Fitted) -> Fitted:
    """Name the categories in the opposite order."""
    inputs = Schema(
        tuple(
            replace(column, allowed=column.allowed[::-1]) if column.type is Type.CATEGORY else column
            for column in fitted.signature.inputs
        )
    )
    signature = Signature(inputs=inputs, output=fitted.signature.output)
    return _with(fitted, replace(fitted.form, signature=signature))


CHANGES: dict[str, tuple[str, Callable[[Fitted], Fitted]]] = {
    "threshold": ("tree", _change_threshold),
    "weight": ("linear", _change_weight),
    "categories": ("linear", _change_categories),
}


def _exchange(form: Form, place: int, layer: Layer) -> Form:
    return replace(form, layers=(*form.layers[:place], layer, *form.layers[place + 1 :]))


def _with(fitted: Fitted, form: Form) -> Fitted:
    changed = Fitted(fitted.model, form.signature)
    changed.__dict__["form"] = form  # where the cached property looks first
    return changed
