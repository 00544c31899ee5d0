"""Whether formats can hold a model's features: tried with small models before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidData, Refused
from kervan.core.plugins import plugin
from kervan.flow.values import scratch
from kervan.model.train import fit
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from kervan.core.schema import Signature

_FAMILIES = ("linear", "tree")  # what every format that holds any features at all holds one of
_FIRST, _OF_EACH = 200, 20  # rows to learn from


def check_carried(formats: Iterable[str], train: pl.DataFrame, signature: Signature, seed: int) -> None:
    """Raise `Refused` that names the first format which can hold no model with these features."""
    models = _models(train, signature, seed)
    for name in formats:
        reasons = [_reason(name, model) for model in models]
        if reasons and all(reasons):
            raise Refused(
                f"the format {name!r} can hold no model with features: {reasons[0]}",
                hint="leave the format out of `[package] formats`, or the features out of [[model.features]]",
            )


def _models(train: pl.DataFrame, signature: Signature, seed: int) -> Sequence[Fitted]:
    """Return small models of some rows; none where these are too few to learn from."""
    name = signature.output.name
    few = train.head(_FIRST)
    if signature.is_classification:
        few = few.vstack(train.group_by(name, maintain_order=True).head(_OF_EACH).select(train.columns))
    few = few.drop_nulls(name)
    matrix, truth = encode_table(few, signature), encode_truth(few[name], signature.output)
    try:
        with np.errstate(all="ignore"):
            return [
                Fitted(fit(family, matrix, truth, signature, seed=seed), signature) for family in _FAMILIES
            ]
    except InvalidData:  # a feature is missing in all of them, say; training tells more of it
        return []


def _reason(name: str, model: Fitted) -> str:
    """Return why a format cannot hold a model, "" if it can."""
    try:
        plugin("format", name).save(model, scratch())
    except Refused as error:
        return str(error)
    return ""
