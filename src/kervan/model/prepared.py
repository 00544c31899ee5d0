"""What a model sees of the encoded matrix: after its steps, with its features behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, RefusedRow
from kervan.core.plugins import extras_named
from kervan.core.schema import Type
from kervan.package.asked import Asked
from kervan.package.encoding import encode_table, text_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from kervan.core.features import Feature
    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature


def prepared_table(signature: Signature, table: pl.DataFrame) -> Matrix:
    """Return what a model sees of a table, as `prepared` does, which raises the same."""
    with _told():
        matrix = encode_table(table, signature)
        for column in signature.inputs:
            if column.type is Type.TEXT:
                for feature in text_calls(signature, column):
                    _check_text_call(feature, table[column.name].to_list())
    return prepared(signature, matrix)


def prepared(signature: Signature, matrix: Matrix) -> Matrix:
    """Return a matrix after the steps and with the features of a signature, learned from these rows.

    Raises `InvalidConfig` for a function that fails on one of them, or looks at others than each row's own.
    """
    with extras_named():
        from kervan.model.features.columns import feature_columns
        from kervan.model.prepare import row_steps
    found = row_steps(signature).fit(matrix).transform(matrix) if signature.steps else matrix
    for columns in feature_columns(signature):
        with _told():
            found = columns.fit(found).transform(found)
    return found


def _check_text_call(feature: Feature, texts: list[str | None]) -> None:
    """Raise `InvalidConfig` for a function that gives a text another answer when others stand beside it."""
    import numpy as np

    from kervan.model.features.calls import check_alone, looked_at

    asked = Asked(feature.name, feature.call, feature.code)
    some = np.empty(len(texts), dtype=object)
    some[:] = texts
    some = some[looked_at(len(texts))]
    some.flags.writeable = False
    check_alone(lambda rows: asked.answers([some[rows]]), len(some), asked.place)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RefusedRow as error:
        told = f"{error} (row {error.row} of those to learn from, counted from 0)"
        raise InvalidConfig(told, hint=error.hint) from error
