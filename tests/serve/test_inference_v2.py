from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.plugins import plugin
from kervan.core.ports import Answer, Call, Request, Wire
from kervan.testing.wire import choosing
from serve.real_packages import CLASSIFICATION, NUMERIC, REGRESSION, ROW

WIRE = plugin("protocol", "inference-v2")


def tensor(name: str, datatype: str, *data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": list(data)}


def columns() -> list[dict[str, Any]]:
    return [
        tensor("yaş", "INT64", 39, 40),
        tensor("0", "FP32", 1.5, None, shape=[2, 1]),
        tensor("şehir adı", "BYTES", "İstanbul", "İzmir"),
        tensor("tür", "BYTES", ["a"], ["b"], shape=[2, 1]),
        tensor("evli", "BOOL", True, False),
    ]


def read(body: bytes, signature: Any = CLASSIFICATION) -> Request:
    call = Call(route=WIRE.routes[0], body=body, parameters={"name": "gelir"})
    return WIRE.decode(call, choosing(signature))


def written(values: Any, signature: Any, **others: Any) -> Any:
    request = Request(rows=[{}] * len(values), **others)
    answer = Answer(id="01", request=request, model="gelir", version="1.0.0", values=np.array(values))
    return json.loads(WIRE.encode(answer, signature, Call(route=WIRE.routes[0])).body)


def decode(inputs: Any, signature: Any = CLASSIFICATION, **others: Any) -> Request:
    return read(json.dumps({"inputs": inputs, **others}).encode(), signature)


def test_is_a_wire() -> None:
    assert isinstance(WIRE, Wire)


def test_one_tensor_a_column() -> None:
    request = decode(columns(), id="42")
    second = {"yaş": 40, "0": None, "şehir adı": "İzmir", "tür": "b", "evli": False}
    assert list(request.rows) == [ROW, second]
    assert request.id == "42"


@pytest.mark.parametrize("data", [[1.5, 2, 1, -1, None, 0], [[1.5, 2, 1], [-1, None, 0]]])
def test_one_matrix_over_numeric_columns(data: list[Any]) -> None:
    matrix = {"name": "input-0", "shape": [2, 3], "datatype": "FP32", "data": data}
    expected = [{"x": 1.5, "n": 2, "ok": True}, {"x": -1, "n": None, "ok": False}]
    assert list(decode([matrix], NUMERIC).rows) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tensor("yaş", "INT64", 39), "different numbers of rows"),
        (tensor("yaş", "INT64", 39, 40, shape=[3]), "holds 2 values"),
        (tensor("yaş", "INT64", 39, 40, shape=[1, 2]), "has shape"),
        (tensor("yaş", "INT64", 39, 40, shape=[2, 1, 1]), "has shape"),
        (tensor("yaş", "INT64", 39, 40, shape=[-2]), "has shape"),
        (tensor("yaş", "INT64", [39], [], shape=[2, 1]), "ragged"),
        (tensor("yaş", "INT63", 39, 40), "unknown datatype"),
        (tensor("0", "FP32", 1, 2), "appears twice"),
    ],
)
def test_tensors_must_agree(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        decode([change, *columns()[1:]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tensor("yaş", "BYTES", "39", "40"), "is BYTES, 'yaş' is of type integer"),
        (tensor("yaş", "INT32", 39, 40.5), "row 1, 'yaş': 40.5"),
        (tensor("yaş", "INT32", *range(100_001)), "100,001 rows"),
    ],
)
def test_refused_values_name_the_field(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedRow, match=words):
        decode([change])


def test_a_matrix_needs_numeric_columns_and_the_right_width() -> None:
    with pytest.raises(InvalidInput, match="'şehir adı' does not fit"):
        decode([tensor("x", "FP32", *range(5), shape=[1, 5])])
    with pytest.raises(InvalidInput, match="has 2 columns, the model takes 3"):
        decode([tensor("input", "FP32", 1, 2, shape=[1, 2])], NUMERIC)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"inputs": 3}',
        b'{"inputs": [{"name": "x"}]}',
        b'{"inputs": [], "id": 7}',
        b"",
        b"nonsense",
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(body)


def test_answers_as_tensors() -> None:
    assert written([[0.25, 0.75], [0.6, 0.4]], CLASSIFICATION, id="42") == {
        "model_name": "gelir",
        "model_version": "1.0.0",
        "id": "42",
        "parameters": {"prediction": "01"},
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2, 1], "data": [">50K", "<=50K"]},
            {"name": "probabilities", "datatype": "FP64", "shape": [2, 2], "data": [0.25, 0.75, 0.6, 0.4]},
        ],
    }
    content = written([[2.5]], REGRESSION)
    assert content["id"] == "01"
    assert content["outputs"] == [{"name": "value", "datatype": "FP64", "shape": [1, 1], "data": [2.5]}]


def test_answers_only_the_outputs_that_were_asked_for() -> None:
    request = decode(columns(), outputs=[{"name": "label", "parameters": {"binary_data": False}}])
    outputs = written([[1.0, 0.0]], CLASSIFICATION, outputs=request.outputs)["outputs"]
    assert [output["name"] for output in outputs] == ["label"]
    with pytest.raises(InvalidInput, match="no output 'lable'") as caught:
        decode(columns(), outputs=[{"name": "lable"}])
    assert caught.value.hint == 'did you mean "label"?'
