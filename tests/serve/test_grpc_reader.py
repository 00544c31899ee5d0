"""What the fast way reads is what the rules read; whatever else comes is left to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput
from kervan.core.plugins import plugin
from kervan.core.ports import Call
from kervan.package.encoding import NUMBER
from kervan.serve.decode import RowDecoder
from kervan.serve.rpc.messages import message
from kervan.testing.wire import choosing
from serve.real_packages import CLASSIFICATION

SERVICE = plugin("service", "inference-v2-grpc")
ROUTE = next(route for route in SERVICE.routes if route.call == "ModelInfer")
READER = SERVICE.reader(CLASSIFICATION)
DECODER = RowDecoder(CLASSIFICATION)
MEMBERS = {
    "yaş": [("INT64", "int64_contents"), ("INT32", "int_contents"), ("FP64", "fp64_contents")],
    "0": [("FP64", "fp64_contents"), ("FP32", "fp32_contents"), ("INT64", "int64_contents")],
    "şehir adı": [("BYTES", "bytes_contents")],
    "tür": [("BYTES", "bytes_contents")],
    "evli": [("BOOL", "bool_contents"), ("INT64", "int64_contents")],
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INT64": st.integers(-2, 130),
    "INT32": st.integers(-2, 130),
    "FP64": st.sampled_from([0.0, -0.0, 1.5, 39.0, 1e300, float("nan"), float("inf")]),
    "FP32": st.sampled_from([0.0, 1.5, float("nan")]),
    "BYTES": st.sampled_from(["Ankara", "İstanbul", "a", "b", "yok", ""]).map(str.encode) | st.just(b"\xff"),
    "BOOL": st.booleans(),
}


USUAL: dict[str, st.SearchStrategy[Any]] = {
    "yaş": st.integers(0, 120),
    "0": st.floats(-1e6, 1e6),
    "şehir adı": st.sampled_from(["Ankara", "İstanbul", "ısparta"]).map(str.encode),
    "tür": st.sampled_from([b"a", b"b"]),
    "evli": st.booleans(),
}


@st.composite
def messages(draw: Any) -> bytes:
    """Messages that are usual but for one thing, or for nothing."""
    odd = draw(st.sampled_from(["", "shape", "type", "value", "byte"]))
    rows = draw(st.integers(1, 3))
    made = message("inference.ModelInferRequest")(id=draw(st.sampled_from(["", "a-1"])))
    for name in draw(st.permutations(list(MEMBERS))):
        datatype, member = draw(st.sampled_from(MEMBERS[name])) if odd == "type" else MEMBERS[name][0]
        shapes = [[rows], [rows, 1], [rows, 2], [rows + 1], []]
        shape = draw(st.sampled_from(shapes if odd == "shape" else shapes[:2]))
        tensor = made.inputs.add(name=name, datatype=datatype, shape=shape)
        values = VALUES[datatype] if odd in {"value", "type"} else USUAL[name]
        getattr(tensor.contents, member).extend(draw(st.lists(values, min_size=rows, max_size=rows)))
    body = bytes(made.SerializeToString())
    if odd != "byte":
        return body
    place = draw(st.integers(0, len(body) - 1))
    return body[:place] + bytes([draw(st.integers(0, 255))]) + body[place + 1 :]


@given(messages())
def test_both_ways_read_the_same(body: bytes) -> None:
    seen = SERVICE.peek(body)
    read = None if seen is None else READER.read(seen[0])
    if read is None:
        return
    matrix = np.array(read[0], dtype=NUMBER)
    usual = READER.usual(matrix)
    try:
        request = SERVICE.decode(Call(route=ROUTE, body=body), choosing(CLASSIFICATION))
        expected = DECODER.decode(request.rows)
    except InvalidInput:
        assert not usual.all()
        return
    assert len(matrix) == len(expected)
    assert (matrix[usual] == expected[usual]).all()
    assert request.id == seen[0].id
