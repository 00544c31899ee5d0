"""Tensors in JSON and in bytes: what is wrong with them is said, and every datatype is read."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from serve.bodies import AGES, packed, tensor, tensors
from serve.live import Live

INFER = "/v2/models/gelir/infer"


@pytest.mark.parametrize(
    ("content", "status", "field", "row", "words"),
    [
        (tensors(yaş=tensor("yaş", "INT64", [39], [1])), 422, "yaş", 1, "different numbers of rows"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [3])), 422, "yaş", 0, "holds 2 values"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [1, 2])), 422, "yaş", 0, "has shape [1, 2]"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [-2])), 422, "yaş", 0, "has shape [-2]"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [2, -1])), 422, "yaş", 0, "has shape"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [])), 422, "yaş", 0, "has shape"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [2, 1, 1])), 422, "yaş", 0, "has shape"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [10**12])), 422, "", 100_000, "too many"),
        (tensors(yaş=tensor("yaş", "INT64", [39, 40], [2.5])), 400, None, None, "Expected `int`"),
        (tensors(yaş=tensor("yaş", "INT64", [[39], [40, 1]], [2, 1])), 422, "yaş", 1, "is ragged in row 1"),
        (tensors(yaş=tensor("yaş", "INT63", [39, 40], [2])), 422, "yaş", 0, "unknown datatype"),
        (tensors(yaş=tensor("yaş", "BYTES", ["39", "40"], [2])), 422, "yaş", 0, "is BYTES"),
        (tensors(yaş=tensor("yaş", "INT64", [39, {}], [2])), 422, "yaş", 1, "is an object"),
        (tensors(yaş=tensor("yas", "INT64", [39, 40], [2])), 422, "yaş", 0, "is missing"),
        (tensors(yaş=tensor("0", "FP64", [39, 40], [2])), 400, None, None, "appears twice"),
        (tensors(yaş={"name": "yaş", "shape": [2], "datatype": "INT64"}), 400, None, None, "has no data"),
        ({"inputs": []}, 422, "", 0, "no rows"),
        ({"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}, 400, None, None, "does not fit"),
        ([], 400, None, None, "Expected `object`"),
    ],
)
def test_v2_says_what_is_wrong_with_tensors(
    several: Live, content: Any, status: int, field: str | None, row: int | None, words: str
) -> None:
    reply = several.ask("POST", INFER, content)
    assert reply.status == status, reply.body
    assert (reply.json.get("field"), reply.json.get("row")) == (field, row)
    assert words in reply.json["error"]


@pytest.mark.parametrize(
    ("change", "binary", "length", "words"),
    [
        (
            tensor("yaş", "INT64", None, [2], binary_data_size=16),
            AGES[:-1],
            None,
            "cannot have 'binary_data_size' 16",
        ),
        (tensor("yaş", "INT64", None, [2], binary_data_size=15), AGES[:-1], None, "has 15 bytes"),
        (tensor("yaş", "INT64", None, [3], binary_data_size=16), AGES, None, "has 16 bytes"),
        (tensor("yaş", "INT64", None, [-2], binary_data_size=16), AGES, None, "has shape [-2]"),
        (
            tensor("yaş", "INT64", None, [2], binary_data_size=16),
            AGES + b"x",
            None,
            "1 bytes behind the JSON",
        ),
        (tensor("yaş", "INT64", None, [2], binary_data_size="16"), AGES, None, "cannot have"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=-1), AGES, None, "cannot have"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=True), AGES, None, "cannot have"),
        (tensor("yaş", "INT63", None, [2], binary_data_size=16), AGES, None, "unknown datatype"),
        (
            tensor("tür", "BYTES", None, [2], binary_data_size=8),
            b"\1\0\0\0a\1\0\0",
            None,
            "ends within element 1",
        ),
        (
            tensor("tür", "BYTES", None, [2], binary_data_size=5),
            b"\xff\xff\xff\xffa",
            None,
            "ends within element 0",
        ),
        (tensor("tür", "BYTES", None, [2], binary_data_size=5), b"\1\0\0\0\xff", None, "not in UTF-8"),
        (tensor("tür", "BYTES", None, [2], binary_data_size=5), b"\1\0\0\0a", None, "holds 1 values"),
        (tensor("evli", "BOOL", None, [2], binary_data_size=2), b"\1\2", None, "has a BOOL of 2"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=16), AGES, "99999", "the body has"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=16), AGES, "-1", "Content-Length is '-1'"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=16), AGES, "0", "the body is empty"),
        (tensor("yaş", "INT64", None, [2], binary_data_size=16), AGES, "7", "truncated"),
    ],
)
def test_v2_says_what_is_wrong_with_bytes(
    several: Live, change: Any, binary: bytes, length: Any, words: str
) -> None:
    body, headers = packed(tensors(**{change["name"]: change}), binary, length)
    reply = several.ask("POST", INFER, body, headers)
    assert reply.status in {400, 422}, reply.body
    assert words in reply.json["error"]
    assert reply.status == 400 or reply.json["field"] == change["name"]


def test_v2_reads_every_datatype_from_bytes(several: Live) -> None:
    expected = several.ask("POST", "/models/numeric/predict", [[2, 3, True]]).json["predictions"]
    for code, datatype in zip(
        "bhiqBHIQefd",
        ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64"),
        strict=True,
    ):
        content = struct.pack(f"<3{code}", 2, 3, 1)
        matrix = tensor("matrix", datatype, None, [1, 3], binary_data_size=len(content))
        body, headers = packed({"inputs": [matrix]}, content)
        reply = several.ask("POST", "/v2/models/numeric/infer", body, headers)
        assert reply.json["outputs"][1]["data"] == [*expected[0]["probabilities"].values()], reply.body
