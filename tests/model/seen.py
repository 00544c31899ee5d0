"""Real tables answered by a model that learned from other rows of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from kervan.model.errors.held_out import HeldOut, answer
from kervan.model.train import fit
from kervan.package.writing.fitted import Fitted

from .tables import real


def table_of(name: str) -> pl.DataFrame:
    """The whole table of `real`, with its target as the signature has it."""
    signature, matrix, truth = real(name)
    columns = {column.name: matrix[:, place] for place, column in enumerate(signature.inputs)}
    labels = signature.output.allowed
    target = [labels[code] for code in truth] if labels else truth.astype(np.float64)
    return pl.DataFrame({**columns, signature.output.name: target})


def answered(name: str, family: str = "tree") -> tuple[Fitted, HeldOut]:
    """A model of every second row, and its answers for the others."""
    signature, matrix, truth = real(name)
    model = Fitted(fit(family, matrix[::2], truth[::2], signature, seed=0), signature)
    return model, answer(model, table_of(name).gather_every(2, offset=1), signature)
