"""Which columns lose digits: scikit-learn's trees and some formats hold numbers as float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.nouns import Finding, Verdict
from kervan.core.plugins import plugin
from kervan.core.ports import Precision
from kervan.core.schema import Schema, Signature, Type
from kervan.model.families.registry import FAMILIES
from kervan.model.features.signature import readers_of
from kervan.package.encoding import encode_table, held

if TYPE_CHECKING:
    import polars as pl


def rounded(
    train: pl.DataFrame, signature: Signature, families: Sequence[str], formats: Sequence[str]
) -> list[Finding]:
    """Say which columns are rounded, by which families and formats, and which features see them whole."""
    rounding = [name for name in families if name in FAMILIES and FAMILIES[name].rounds]
    single = [name for name in formats if plugin("format", name).about.precision is Precision.SINGLE]
    readers = readers_of(signature)
    if not rounding and not (single and readers):
        return [*_target(train, signature)]
    found = [*_target(train, signature)]
    for name, values, left in _merged(train, signature):
        many = f"column {name!r} has {values:,} different values"
        features = " and ".join(readers.get(name, ()))
        if rounding:
            found.append(_by_trees(name, f"{many}, which {' and '.join(rounding)} see as {left:,}", features))
        if features and single:
            found.append(_by_formats(name, many, f"{' and '.join(single)}", features))
    return found


def _target(train: pl.DataFrame, signature: Signature) -> Iterator[Finding]:
    """Yield what is lost of a target of whole numbers that no float64 tells apart."""
    column = train[signature.output.name]
    if signature.is_classification or not column.dtype.is_integer():
        return
    values, left = column.n_unique(), len(np.unique(column.drop_nulls().to_numpy().astype(np.float64)))
    if left < values:
        yield Finding(
            rule="rounded",
            subject=column.name,
            verdict=Verdict.WARNED,
            message=f"the target {column.name!r} has {values:,} different values, which models see as "
            f"{left:,}: whole numbers beyond 2^53 are rounded",
            hint="predict how far it is from a number near it: `[[data.steps]] derive`",
        )


def _by_trees(name: str, many: str, features: str) -> Finding:
    told = f"{many}: scikit-learn's trees round to float32"
    if features:
        message = f"{told}; of {features} they see what every digit makes"
        return Finding(rule="rounded", subject=name, verdict=Verdict.PASSED, message=message)
    return Finding(
        rule="rounded",
        subject=name,
        verdict=Verdict.WARNED,
        message=told,
        hint="leave it out if it is an identifier, or let a feature say what matters of it, such as how far "
        "it is from another column: it is computed before anything is rounded",
    )


def _by_formats(name: str, many: str, formats: str, features: str) -> Finding:
    return Finding(
        rule="rounded",
        subject=name,
        verdict=Verdict.WARNED,
        message=f"{many}, and {formats} takes rows in float32: there {features} is computed from less",
        hint="choose a format that takes float64, such as onnx",
    )


def _merged(train: pl.DataFrame, signature: Signature) -> Iterator[tuple[str, int, int]]:
    """Yield the columns of numbers of which float32 tells fewer apart, with the values there and left."""
    for column in signature.inputs:
        if column.type not in {Type.INTEGER, Type.NUMBER}:
            continue
        values = np.unique(encode_table(train, Signature(inputs=Schema((column,)), output=signature.output)))
        left = len(np.unique(held(values, Precision.SINGLE)))
        if left < len(values):
            yield column.name, len(values), left
