"""What a form compares its inputs with, for sheets that take numbers for equal which agree in 15 digits.

A cell surely holds 14 digits. Halfway between two numbers of 14 digits there is none that a sheet could take
for one of them: there it is asked which side a number is on.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Context, Decimal
from math import copysign
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.schema import Type
from kervan.package.encoding import DIGITS
from kervan.package.writing.neutral.fold import chains_of
from kervan.package.writing.neutral.form import AtLeast, Trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.fold import Links
    from kervan.package.writing.neutral.form import Floats, Form, Layer

_SMALLEST = 1e-307  # beside 0: what is nearer to it is an error, not a number
_FLOOR = Context(prec=DIGITS, rounding=ROUND_FLOOR, Emin=-307)


def between_digits(form: Form) -> Form:
    """Return a form that answers alike where inputs have so many digits, and asks halfway between these."""
    chains = chains_of(form)
    layers = tuple(_apart(layer, chains[layer.sources[0]], form) for layer in form.layers)
    return replace(form, layers=layers)


def _apart(layer: Layer, links: Links, form: Form) -> Layer:
    if isinstance(layer, Trees):
        is_given = _is_given(links, form)[layer.place] & (layer.place >= 0) & (layer.members < 0)
        return replace(layer, threshold=np.where(is_given, _above(layer.threshold), layer.threshold))
    if isinstance(layer, AtLeast):
        below = _above(np.nextafter(layer.values, -np.inf))  # x >= t is not x <= what comes before t
        return replace(layer, values=np.where(_is_given(links, form)[layer.places], below, layer.values))
    return layer


def _is_given(links: Links, form: Form) -> NDArray[np.bool_]:
    """Say of each element whether it is a number that was put in."""
    inputs = form.signature.inputs.columns
    return np.array(
        [
            chain is not None and not chain.steps and inputs[chain.place].type is not Type.CATEGORY
            for chain in links
        ]
    )


def _above(thresholds: Floats) -> Floats:
    """Return what lies halfway between the largest numbers up to each threshold, and the next ones."""
    return np.array([_halfway(value) if np.isfinite(value) else value for value in thresholds.tolist()])


def _halfway(threshold: float) -> float:
    low = _FLOOR.plus(Decimal(threshold))
    if float(_FLOOR.next_plus(low)) <= threshold:  # its float is the threshold, which decimals put below it
        low = _FLOOR.next_plus(low)
    found = float((low + _FLOOR.next_plus(low)) / 2)
    return found if abs(found) >= _SMALLEST else copysign(_SMALLEST, found)
