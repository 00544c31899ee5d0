"""A row means the same in a CSV file, in a Parquet file and in a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import polars as pl
import pytest

from kervan.core.errors import RefusedRow
from kervan.core.ports import Call, ReadOptions
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.data.sources.find import find_source
from kervan.package.encoding import encode_table
from kervan.serve.decode import RowDecoder
from kervan.serve.protocols.inference_v2 import InferenceV2Protocol
from kervan.testing.wire import choosing

WIRE = InferenceV2Protocol()

MISSING = ("-999", "NA", "1900-01-01")
COLUMNS = (
    Column(name="şehir", type=Type.CATEGORY, allowed=("New York", "İzmir", "a\nb", "a\r\nb"), nullable=True),
    Column(name="floor", type=Type.INTEGER, nullable=True),
    Column(name="area", type=Type.NUMBER, nullable=True),
    Column(name="since", type=Type.DATE, nullable=True),
)
SIGNATURE = Signature(
    inputs=Schema(COLUMNS),
    output=Column(name="y", type=Type.NUMBER),
    reading=Reading.of_table(MISSING),
)
ROWS: list[tuple[Any, ...]] = [
    (" New York", 2, 50.5, "2024-01-02"),
    ("New York\u00a0", -999, -999.0, "1900-01-01"),
    (normalize("NFD", "İzmir"), 3, 1.0, "2024-01-02"),
    ("", 3, 1.0, "2024-01-02"),
    ("NA", 3, 1.0, "2024-01-02"),
    ("a\nb", 3, 1.0, "2024-01-02"),
    ("a\r\nb", 3, 1.0, "2024-01-02"),
    ("Paris", 3, 1.0, "2024-01-02"),
]


def read(path: Path) -> np.ndarray[Any, Any]:
    options = ReadOptions(missing=MISSING, texts=("şehir",))
    return encode_table(find_source(path.name).read(path, options), SIGNATURE)


def test_a_row_means_the_same_in_every_way_in(tmp_path: Path) -> None:
    names = [column.name for column in COLUMNS]
    table = pl.DataFrame(ROWS, schema=names, orient="row")
    table.write_csv(tmp_path / "rows.csv", quote_style="always")
    table.with_columns(table["since"].str.to_date()).write_parquet(tmp_path / "rows.parquet")
    decoder = RowDecoder(SIGNATURE)
    rows = [dict(zip(names, row, strict=True)) for row in ROWS]
    expected = read(tmp_path / "rows.csv")
    assert expected[:, 0].tolist() == [0, 0, 1, -1, -1, 2, 3, -1]
    one_by_one = np.concatenate([decoder.decode([row]) for row in rows])
    many = decoder.decode(rows * 3)[: len(rows)]
    for found in (one_by_one, many):
        assert np.array_equal(found, expected, equal_nan=True)
    numbers = [0, 1, 2]  # a date that means missing is only known where it is written as a text
    assert np.array_equal(read(tmp_path / "rows.parquet")[:, numbers], expected[:, numbers], equal_nan=True)


def test_names_are_one_however_their_letters_are_composed() -> None:
    row = {normalize("NFD", "şehir"): "İzmir", "floor": 1, "area": 2.0, "since": None}
    assert RowDecoder(SIGNATURE).decode([row])[0, 0] == 1
    tensors = [
        {"name": normalize("NFD", "şehir"), "shape": [1], "datatype": "BYTES", "data": [" İzmir"]},
        {"name": "floor", "shape": [1], "datatype": "INT64", "data": [-999]},
    ]
    request = WIRE.decode(
        Call(
            route=WIRE.routes[0],
            body=json.dumps({"inputs": tensors}).encode(),
            parameters={"name": "m"},
        ),
        choosing(SIGNATURE),
    )
    decoded = RowDecoder(SIGNATURE).decode(request.rows)
    assert decoded[0, 0] == 1
    assert np.isnan(decoded[0, 1])


@pytest.mark.parametrize("value", ["", " ", "NA", None])
def test_what_means_missing_is_refused_where_nothing_was_missing(value: str | None) -> None:
    city = Column(name="city", type=Type.CATEGORY, allowed=("Van",), unseen=Unseen.AS_MISSING)
    signature = Signature(inputs=Schema((city,)), output=SIGNATURE.output, reading=SIGNATURE.reading)
    with pytest.raises(RefusedRow, match="'city': is missing"):
        RowDecoder(signature).decode([{"city": value}])


def test_a_package_without_rules_takes_values_as_they_are() -> None:
    plain = Signature(inputs=SIGNATURE.inputs, output=SIGNATURE.output)
    row = {"şehir": " New York", "floor": -999, "area": 1.0, "since": None}
    assert RowDecoder(plain).decode([row])[0, :2].tolist() == [-1, -999]
