"""Small tables with Turkish names, missing and unseen values, and the signatures of models over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.encoding import encode_table, encode_truth

INPUTS = Schema(
    (
        Column(name="yaş", type=Type.INTEGER, nullable=True),
        Column(name="gelir ı", type=Type.NUMBER, nullable=True),
        Column(name="evli", type=Type.BOOLEAN),
        Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İstanbul", "Iğdır", "ızmir")),
        Column(name="value", type=Type.CATEGORY, allowed=("a", "")),
        Column(name="boş", type=Type.CATEGORY),
    )
)
OUTPUTS = {
    "binary": Column(name="sınıf", type=Type.CATEGORY, allowed=("hayır", "evet")),
    "multi": Column(name="sınıf", type=Type.CATEGORY, allowed=("az", "orta", "çok")),
    "regression": Column(name="fiyat", type=Type.NUMBER),
}


def make_table(rows: int, seed: int = 0) -> pl.DataFrame:
    """Rows whose targets hang on every kind of input, with missing and unseen values among them."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 90, rows)
    income = random.normal(5000, 1500, rows).round(2)
    married = random.random(rows) < 0.5
    city = random.integers(0, 4, rows)
    score = (age - 50) / 15 + (income - 5000) / 1500 + married + city / 2 + random.normal(0, 0.5, rows)
    cities = [None if random.random() < 0.05 else INPUTS["şehir"].allowed[place] for place in city]
    return pl.DataFrame(
        {
            "şehir": ["başka", *cities[1:]],
            "yaş": [None if random.random() < 0.05 else int(value) for value in age],
            "gelir ı": [None if random.random() < 0.05 else float(value) for value in income],
            "evli": married,
            "value": [["a", "", None][place] for place in random.integers(0, 3, rows)],
            "boş": pl.Series([None] * rows, dtype=pl.String),
            "binary": np.where(score > 1, "evet", "hayır"),
            "multi": np.select([score < 0, score < 2], ["az", "orta"], "çok"),
            "regression": score * 1e5,
        }
    )


def signature_for(task: str, *names: str) -> Signature:
    """The signature of a task over some of the columns, all of them by default."""
    chosen = Schema(tuple(column for column in INPUTS if not names or column.name in names))
    return Signature(inputs=chosen, output=OUTPUTS[task])


def encoded(task: str, rows: int, *names: str, seed: int = 0) -> tuple[Signature, Any, Any]:
    """A signature, a matrix and its truth."""
    table, signature = make_table(rows, seed), signature_for(task, *names)
    return signature, encode_table(table, signature), encode_truth(table[task], signature.output)
