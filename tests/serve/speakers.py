"""Every protocol as a caller: the same rows written in its way, and the answer's figures read from it."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kervan.core.schema import Column, Signature, Type

JSON = "application/json"
Rows = Sequence[Mapping[str, Any]]
_DATATYPES = {Type.INTEGER: "INT64", Type.NUMBER: "FP64", Type.BOOLEAN: "BOOL"}


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """How to ask the model {model} at a path, and where the values of a regression are in the answer.

    `has_types` says that a value comes with its type, `has_tokens` that NaN and Infinity can be written.
    """

    path: str
    write: Callable[[Rows, Signature], bytes]
    read: Callable[[bytes], list[float]]
    kind: str = JSON
    accept: str = "*/*"
    has_types: bool = True
    has_tokens: bool = True
    header: Callable[[bytes], int] | None = None

    def headers(self, body: bytes) -> dict[str, str]:
        extra = {"inference-header-content-length": str(self.header(body))} if self.header else {}
        return {"content-type": self.kind, "accept": self.accept, **extra}


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _lists(rows: Rows, signature: Signature) -> list[list[Any]]:
    return [[row.get(name) for name in signature.inputs.names] for row in rows]


def _columns(rows: Rows, signature: Signature) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in signature.inputs.names}


def _split(rows: Rows, signature: Signature) -> bytes:
    columns = list(reversed(signature.inputs.names))
    data = [[row.get(name) for name in columns] for row in rows]
    index = list(range(len(rows)))
    return _json({"dataframe_split": {"columns": columns, "index": index, "data": data}, "params": {}})


def _csv(rows: Rows, signature: Signature, *, header: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(signature.inputs.names)
    writer.writerows(_lists(rows, signature))
    return text.getvalue().encode()


def _json_lines(rows: Rows, signature: Signature) -> bytes:
    return b"".join(_json(row) + b"\n" for row in rows)


def _tensors(rows: Rows, signature: Signature) -> bytes:
    tensors = [
        {
            "name": column.name,
            "shape": [len(rows), 1],
            "datatype": _DATATYPES.get(column.type, "BYTES"),
            "data": [row.get(column.name) for row in rows],
        }
        for column in signature.inputs
    ]
    return _json({"inputs": tensors})


def _bytes_of(column: Column, values: list[Any]) -> tuple[str, bytes]:
    """Return datatype and bytes; a missing number is NaN in FP64, a missing text is empty."""
    if column.type in {Type.INTEGER, Type.NUMBER} and not all(type(value) is int for value in values):
        numbers = [float("nan") if value is None else value for value in values]
        return "FP64", np.array(numbers, dtype="<f8").tobytes()
    if column.type is Type.INTEGER:
        return "INT64", np.array(values, dtype="<i8").tobytes()
    if column.type is Type.BOOLEAN:
        return "BOOL", bytes(values)
    texts = [(value or "").encode() for value in values]
    return "BYTES", b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _binary(rows: Rows, signature: Signature) -> bytes:
    tensors, contents = [], []
    for column in signature.inputs:
        datatype, content = _bytes_of(column, [row.get(column.name) for row in rows])
        parameters = {"binary_data_size": len(content)}
        tensor = {"name": column.name, "shape": [len(rows)], "datatype": datatype, "parameters": parameters}
        tensors.append(tensor)
        contents.append(content)
    return _json({"inputs": tensors, "parameters": {"binary_data_output": True}}) + b"".join(contents)


def head_length(body: bytes) -> int:
    """Return how long the JSON in front of some bytes is."""
    text = body.decode("latin-1")
    return json.JSONDecoder().raw_decode(text)[1]


def _read_binary(body: bytes) -> list[float]:
    end = head_length(body)
    (output,) = json.loads(body[:end])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(body) - end
    return np.frombuffer(body[end:], dtype="<f8").tolist()


def _predictions(body: bytes) -> list[float]:
    return list(json.loads(body)["predictions"])


def _own(body: bytes) -> list[float]:
    return [each["value"] for each in _predictions(body)]  # type: ignore[index]


def _seldon(rows: Rows, signature: Signature, form: str) -> bytes:
    lists = _lists(rows, signature)
    if form == "ndarray":
        return _json({"data": {"names": signature.inputs.names, "ndarray": lists}})
    shape = [len(lists), len(signature.inputs)]
    return _json({"data": {"tensor": {"shape": shape, "values": [value for row in lists for value in row]}}})


SPEAKERS = {
    "predict-objects": Speaker(
        path="/predict",
        write=lambda rows, _: _json({"features": list(rows)}),
        read=_own,
        has_tokens=False,
    ),
    "predict-lists": Speaker(
        path="/models/{model}/predict",
        write=lambda rows, signature: _json(_lists(rows, signature)),
        read=_own,
        has_tokens=False,
    ),
    "v2-json": Speaker(
        path="/v2/models/{model}/infer",
        write=_tensors,
        read=lambda body: list(json.loads(body)["outputs"][0]["data"]),
    ),
    "v2-binary": Speaker(
        path="/v2/models/{model}/versions/1/infer",
        write=_binary,
        read=_read_binary,
        kind="application/octet-stream",
        has_types=False,
        header=head_length,
    ),
    "tensorflow-rows": Speaker(
        path="/v1/models/{model}:predict",
        write=lambda rows, _: _json({"instances": list(rows)}),
        read=_predictions,
    ),
    "tensorflow-columns": Speaker(
        path="/v1/models/{model}/labels/production:predict",
        write=lambda rows, signature: _json(
            {"signature_name": "serving_default", "inputs": _columns(rows, signature)}
        ),
        read=lambda body: list(json.loads(body)["outputs"]),
    ),
    "tensorflow-regress": Speaker(
        path="/v1/models/{model}/versions/1:regress",
        write=lambda rows, _: _json({"examples": list(rows)}),
        read=lambda body: list(json.loads(body)["results"]),
    ),
    "mlflow-split": Speaker(path="/invocations", write=_split, read=_predictions),
    "mlflow-records": Speaker(
        path="/invocations",
        write=lambda rows, _: _json({"dataframe_records": list(rows)}),
        read=_predictions,
    ),
    "mlflow-instances": Speaker(
        path="/invocations",
        write=lambda rows, signature: _json({"instances": _lists(rows, signature)}),
        read=_predictions,
    ),
    "mlflow-inputs": Speaker(
        path="/invocations",
        write=lambda rows, signature: _json({"inputs": _columns(rows, signature)}),
        read=_predictions,
    ),
    "mlflow-csv": Speaker(
        path="/invocations",
        write=lambda rows, signature: _csv(rows, signature, header=True),
        read=_predictions,
        kind="text/csv",
        has_types=False,
    ),
    "sagemaker-json": Speaker(
        path="/models/{model}/invoke",
        write=lambda rows, signature: _json(
            {"instances": [{"features": row} for row in _lists(rows, signature)]}
        ),
        read=_predictions,
    ),
    "sagemaker-lines": Speaker(
        path="/invocations",
        write=_json_lines,
        read=lambda body: [json.loads(line) for line in body.splitlines()],
        kind="application/jsonlines",
        accept="application/jsonlines",
    ),
    "sagemaker-csv": Speaker(
        path="/invocations",
        write=lambda rows, signature: _csv(rows, signature, header=False),
        read=lambda body: [float(line) for line in body.decode().splitlines()],
        kind="text/csv; charset=utf-8",
        accept="text/csv;q=0.9, image/png",
        has_types=False,
    ),
    "seldon-ndarray": Speaker(
        path="/api/v1.0/predictions",
        write=lambda rows, signature: _seldon(rows, signature, "ndarray"),
        read=lambda body: [value for (value,) in json.loads(body)["data"]["ndarray"]],
    ),
    "seldon-tensor": Speaker(
        path="/api/v0.1/predictions",
        write=lambda rows, signature: _seldon(rows, signature, "tensor"),
        read=lambda body: list(json.loads(body)["data"]["tensor"]["values"]),
    ),
}
