"""A fitted model with what it takes and gives: what formats write, and what each of them is compared with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused, RefusedRow
from kervan.core.ports import Precision
from kervan.package.encoding import encoded, held, nothing
from kervan.package.writing.neutral.fold import chains_of
from kervan.package.writing.neutral.form import AtLeast, Equal, Trees
from kervan.package.writing.neutral.read import read_form
from kervan.package.writing.neutral.readers.registry import answers_probabilities
from kervan.package.writing.neutral.rounding import single_spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.form import Form, Layer


class Fitted:
    """A fitted estimator over the encoded matrix, that answers like a `Predictor`.

    `signature` is over the columns of that matrix: dates are numbers there (see `encoding.encoded`).

    A model of rows that were rounded to float32, as packages once held them, has the precision SINGLE:
    it rounds what it is asked. A classifier that knows no probabilities, or decides by a threshold of its
    own, answers 1 for the class that it predicts.
    """

    def __init__(self, model: Any, signature: Signature, precision: Precision = Precision.DOUBLE) -> None:
        self.model = model
        self.precision = precision
        self.signature = encoded(signature)

    @cached_property
    def form(self) -> Form:
        """The model in the neutral form. Raises `Refused` for one that the form cannot express."""
        return read_form(self.model, self.signature, self.precision)

    @property
    def slack(self) -> float:
        """How far the model's own arithmetic may be from float64's, as far as that is known."""
        try:
            return self.form.slack
        except Refused:
            return 0.0

    def single_spread(self, matrix: Matrix) -> NDArray[np.float64] | None:
        """Return how far the roundings of its own arithmetic move its answers (see `single_spread`).

        None for a model that computes in float64, or that asks questions of trees: these are as exact as what
        they are asked of.
        """
        try:
            form = self.form
        except Refused:
            return None
        if not form.is_single or any(isinstance(layer, Trees) for layer in form.layers):
            return None
        return single_spread(form, matrix)

    @cached_property
    def takes_missing(self) -> bool:
        """Whether it answers for a row whose numbers are all missing."""
        try:
            self.predict(nothing(self.signature)[np.newaxis])
        except (ValueError, RefusedRow):
            return False
        return True

    def splits(self) -> dict[int, NDArray[np.float64]]:
        """Return for inputs by their places the values that they are compared with, as the form tells.

        These are where trees split, and what discretisers and encoders look for.
        """
        try:
            form = self.form
        except Refused:
            return {}
        chains = chains_of(form)
        found: dict[int, list[NDArray[np.float64]]] = {}
        for layer in form.layers:
            for element, values in _compared(layer):
                chain = chains[layer.sources[0]][element]
                if chain is not None and not chain.steps:
                    found.setdefault(chain.place, []).append(values)
        return {place: np.unique(np.concatenate(parts)) for place, parts in found.items()}

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix: (rows, classes) probabilities or (rows, 1) values."""
        exact = held(matrix, self.precision)
        if not self.signature.is_classification:
            return np.asarray(self.model.predict(exact), dtype=np.float64).reshape(len(matrix), -1)
        if answers_probabilities(self.model):
            return np.asarray(self.model.predict_proba(exact), dtype=np.float64)
        classes = np.arange(len(self.signature.output.allowed))
        is_chosen = np.reshape(self.model.predict(exact), (-1, 1)) == classes
        return np.asarray(is_chosen, dtype=np.float64)


def _compared(layer: Layer) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield elements of a layer's source with the values that it compares each with."""
    match layer:
        case Trees():
            for element in np.unique(layer.place[(layer.place >= 0) & (layer.members < 0)]).tolist():
                yield element, layer.threshold[(layer.place == element) & (layer.members < 0)]
        case Equal() | AtLeast():
            for element in np.unique(layer.places).tolist():
                yield element, layer.values[layer.places == element]
        case _:
            return
