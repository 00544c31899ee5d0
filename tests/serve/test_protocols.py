"""What each protocol makes of requests that are wrong, and what it tells about the models."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import InvalidInput
from kervan.core.nouns import Serving
from kervan.core.plugins import plugin
from kervan.core.ports import Answer, Call
from kervan.serve.decode import RowDecoder
from kervan.serve.record import find
from kervan.serve.routing import Router
from kervan.testing.wire import choosing, with_odd_values
from serve.keyring import issue, publish
from serve.live import JSON, Live
from serve.real_packages import CLASSIFICATION, ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = list(ROW.values())
CSV = {"content-type": "text/csv"}
LINES = {"content-type": "application/jsonlines"}
INFER, PREDICT, SELDON = "/v2/models/gelir/infer", "/v1/models/gelir:predict", "/api/v1.0/predictions"


@pytest.fixture(scope="module")
def server(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Two versions of one model and a regression, and a folder in which there is one more."""
    folder = tmp_path_factory.mktemp("protocols")
    shutil.copytree(packages["numeric"], folder / "store" / "numeric")
    serving = Serving(
        environment="production",
        deployment="D1",
        package=str(packages["1.0.0"]),
        others=(str(packages["2.0.0"]), str(packages["regression"])),
        records=str(folder / "records"),
        port=0,
        folder=str(folder / "store"),
    )
    live = Live(folder, serving)
    live.start()
    live.until(lambda: live.ask("GET", "/v2/models/numeric/ready").status == 200)
    yield live
    live.kill()


def tensor(name: str, datatype: str, data: Any, shape: Any, **parameters: Any) -> dict[str, Any]:
    content = {"name": name, "datatype": datatype, "shape": shape}
    return {**content, **({"parameters": parameters} if parameters else {"data": data})}


def tensors(**changes: Any) -> dict[str, Any]:
    kinds = {"yaş": "INT64", "0": "FP64", "şehir adı": "BYTES", "tür": "BYTES", "evli": "BOOL"}
    made = {name: tensor(name, kind, [ROW[name]] * 2, [2]) for name, kind in kinds.items()}
    return {"inputs": list((made | changes).values())}


def packed(content: Any, binary: bytes, length: Any = None) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(content).encode()
    said = str(len(head)) if length is None else length
    return head + binary, {"inference-header-content-length": said}


AGES = struct.pack("<qq", 39, 40)


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
    server: Live, content: Any, status: int, field: str | None, row: int | None, words: str
) -> None:
    reply = server.ask("POST", INFER, content)
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
    server: Live, change: Any, binary: bytes, length: Any, words: str
) -> None:
    body, headers = packed(tensors(**{change["name"]: change}), binary, length)
    reply = server.ask("POST", INFER, body, headers)
    assert reply.status in {400, 422}, reply.body
    assert words in reply.json["error"]
    assert reply.status == 400 or reply.json["field"] == change["name"]


def test_v2_reads_every_datatype_from_bytes(server: Live) -> None:
    expected = server.ask("POST", "/models/numeric/predict", [[2, 3, True]]).json["predictions"]
    for code, datatype in zip(
        "bhiqBHIQefd",
        ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64"),
        strict=True,
    ):
        content = struct.pack(f"<3{code}", 2, 3, 1)
        matrix = tensor("matrix", datatype, None, [1, 3], binary_data_size=len(content))
        body, headers = packed({"inputs": [matrix]}, content)
        reply = server.ask("POST", "/v2/models/numeric/infer", body, headers)
        assert reply.json["outputs"][1]["data"] == [*expected[0]["probabilities"].values()], reply.body


@pytest.mark.parametrize(
    ("path", "content", "status", "where", "words"),
    [
        (PREDICT, {"instances": [ROW, VALUES[:4]]}, 422, (1, "evli"), "row 1 has 4 values, 5 are needed"),
        (PREDICT, {"instances": [ROW, [*VALUES, 1]]}, 422, (1, ""), "row 1 has 6 values"),
        (PREDICT, {"instances": [ROW, 7]}, 422, (1, ""), "row 1 is a number"),
        (
            PREDICT,
            {"instances": [ROW, {**ROW, "yaş": [1, 2]}]},
            422,
            (1, "yaş"),
            "is a list, not a whole number",
        ),
        (PREDICT, {"instances": [ROW, {**ROW, "tür": {"b64": "?"}}]}, 422, (1, "tür"), "is an object"),
        (PREDICT, {"instances": []}, 422, (0, ""), "there are no rows"),
        (PREDICT, {"instances": ROW}, 400, (None, None), "an object, not a list"),
        (PREDICT, {"instances": [ROW], "inputs": [ROW]}, 400, (None, None), "either 'instances' or 'inputs'"),
        (PREDICT, {"signature_name": "other", "instances": [ROW]}, 400, (None, None), "no signature 'other'"),
        (PREDICT, {"signature_name": {}, "instances": [ROW]}, 400, (None, None), "no signature"),
        (PREDICT, {"signature_name": ["x"], "instances": [ROW]}, 400, (None, None), "no signature"),
        (PREDICT, {"inputs": {"yaş": [39, 40], "0": [1.5]}}, 422, (1, "0"), "different numbers of rows"),
        (PREDICT, {"inputs": {"yaş": {"a": 1}}}, 422, (0, "yaş"), "is an object"),
        (PREDICT, [ROW], 400, (None, None), "the body is no object"),
        ("/v1/models/gelir:classify", {"examples": [ROW, {**ROW, "yaş": -1}]}, 422, (1, "yaş"), "below 0"),
        (
            "/v1/models/gelir:classify",
            {"examples": [ROW], "context": {"yaş": 1}},
            400,
            (None, None),
            "in 'context'",
        ),
        ("/v1/models/gelir:classify", {"examples": [ROW], "context": 3}, 400, (None, None), "is no object"),
        ("/v1/models/gelir:classify", {"instances": [ROW]}, 400, (None, None), "not a list"),
        ("/v1/models/gelir:regress", {"examples": [ROW]}, 400, (None, None), "does not regress"),
        ("/v1/models/kira:classify", {"examples": [ROW]}, 400, (None, None), "does not classify"),
        ("/v1/models/gider:predict", {"instances": [ROW]}, 404, (None, None), "there is no model gider"),
        ("/v1/models/gelir/versions/7:predict", {"instances": [ROW]}, 404, (None, None), "gelir@7"),
        ("/v1/models/gelir/labels/staging:predict", {"instances": [ROW]}, 404, (None, None), "gelir@staging"),
    ],
)
def test_tf_serving_says_what_is_wrong(
    server: Live, path: str, content: Any, status: int, where: tuple[Any, Any], words: str
) -> None:
    reply = server.ask("POST", path, content)
    assert reply.status == status, reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == where
    assert words in reply.json["error"]


def split(*rows: Any, **others: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [*ROW], "data": list(rows), **others}}


@pytest.mark.parametrize(
    ("content", "status", "row", "field", "words"),
    [
        (split(VALUES, VALUES[:4]), 422, 1, "evli", "row 1 has 4 values"),
        (split(VALUES, {}), 422, 1, "", "row 1 is an object"),
        (split(VALUES, columns=["yaş", "yaş", "tür", "evli", "0"]), 400, None, None, "'yaş' appears twice"),
        (split(VALUES, columns=["yaş", None, "tür", "evli", "0"]), 400, None, None, "a column's name is"),
        (split(VALUES, columns="yaş"), 400, None, None, "'columns' is no list"),
        (split(VALUES, data=None), 400, None, None, "not a list"),
        (split(), 422, 0, "", "there are no rows"),
        ({"dataframe_split": [VALUES]}, 400, None, None, "is no object"),
        ({"dataframe_records": [ROW, {**ROW, "evli": None}]}, 422, 1, "evli", "is missing"),
        ({"dataframe_records": {"yaş": {"0": 39}}}, 400, None, None, "not a list"),
        ({"instances": [VALUES], "inputs": [VALUES]}, 400, None, None, "instances and inputs"),
        ({"inputs": {"yaş": [39], "0": [1.5, 2]}}, 422, 1, "yaş", "different numbers of rows"),
        ({"inputs": {"yaş": [39], "0": 1.5}}, 422, 0, "0", "is a number, not a list"),
        ({"instances": [VALUES], "params": 3}, 400, None, None, "'params' is no object"),
        ({"instances": [{"features": VALUES[:3]}]}, 422, 0, "tür", "row 0 has 3 values"),
        ({"dataframe_splt": {"data": []}}, 422, 0, "yaş", "is missing"),
        ([VALUES, ROW, 3], 422, 2, "", "row 2 is a number"),
        (7, 400, None, None, "neither an object nor a list"),
    ],
)
def test_invocations_say_what_is_wrong(
    server: Live, content: Any, status: int, row: int | None, field: str | None, words: str
) -> None:
    for path in ("/invocations", "/models/gelir/invoke"):
        reply = server.ask("POST", path, content)
        assert reply.status == status, reply.body
        assert (reply.json.get("row"), reply.json.get("field")) == (row, field)
        assert words in reply.json["message"]


@pytest.mark.parametrize(
    ("body", "headers", "row", "field", "words"),
    [
        (b"39,1.5,a,a,true\n40,1.5,a,a\n", CSV, 1, "evli", "row 1 has 4 values"),
        ("yaş,0,şehir adı,tür,evli\n39,1.5,a,a,true\n40\n".encode(), CSV, 1, "0", "row 1 has 1 values"),
        (b"39,x,a,a,true", CSV, 0, "0", "is a text, not a number"),
        (b"39,1_0,a,a,true", CSV, 0, "0", "is a text, not a number"),
        (b"39,-inf,a,a,true", CSV, 0, "0", "is infinite"),
        (b"39,1" + b"0" * 5000 + b",a,a,true", CSV, 0, "0", "is infinite"),
        (b"39,,a,a,yes", CSV, 0, "evli", "not true or false"),
        (b'39,"1', CSV, 0, "", "row 0 is no CSV"),
        (b"\xff", CSV, None, None, "not in UTF-8"),
        (b"", CSV, None, None, "the body is empty"),
        (b"1\n" * 100_002, CSV, 100_000, "", "too many for one request"),
        (b"39,1,a,a,1", {"content-type": "text/csv; header=maybe"}, None, None, "'header' is 'maybe'"),
        (b"[1]\n[1,\n", LINES, 1, "", "row 1: "),
        (b'{"a": 1, "a": 2}\n', LINES, 0, "", "'a' appears twice"),
        (b"\n \n", LINES, None, None, "the body is empty"),
    ],
)
def test_lines_that_are_wrong_are_named(
    server: Live, body: bytes, headers: dict[str, str], row: int | None, field: str | None, words: str
) -> None:
    reply = server.ask("POST", "/invocations", body, headers)
    assert reply.status == (400 if row is None else 422), reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == (row, field)
    assert words in reply.json["message"]


@pytest.mark.parametrize(
    ("data", "status", "row", "field", "words"),
    [
        ({"ndarray": [VALUES, VALUES[:4]]}, 422, 1, "evli", "row 1 has 4 values"),
        ({"ndarray": [VALUES, 3]}, 422, 1, "", "row 1 is a number"),
        ({"ndarray": {}}, 400, None, None, "not a list"),
        ({"ndarray": [VALUES], "names": ["a"]}, 422, 0, "", "row 0 has 5 values, 1 are needed"),
        ({"ndarray": [VALUES], "names": 3}, 400, None, None, "'data.names' is no list"),
        ({"names": ["tür", "yaş"], "ndarray": [["a", "39"]]}, 422, 0, "yaş", "is a text, not a whole number"),
        ({"tensor": {"shape": [2, 5], "values": VALUES}}, 422, 1, "", "holds 5 values, its shape is [2, 5]"),
        ({"tensor": {"shape": [-1, 5], "values": VALUES}}, 400, None, None, "shape' is [-1, 5]"),
        ({"tensor": {"shape": [5], "values": VALUES}}, 400, None, None, "shape' is [5]"),
        ({"tensor": {"shape": [10**9, 0], "values": []}}, 422, 100_000, "", "too many"),
        ({"tensor": {"shape": "5", "values": VALUES}}, 400, None, None, "Expected `array`"),
        ({"tensor": {"shape": [1, 5], "values": VALUES}, "ndarray": []}, 400, None, None, "either"),
        ({}, 400, None, None, "either 'ndarray' or 'tensor'"),
        ([], 400, None, None, "no 'data'"),
    ],
)
def test_seldon_says_what_is_wrong(
    server: Live, data: Any, status: int, row: int | None, field: str | None, words: str
) -> None:
    reply = server.ask("POST", SELDON, {"data": data})
    assert reply.status == status, reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == (row, field)
    assert words in reply.json["detail"]


def test_a_classification_answers_in_the_words_of_each_protocol(server: Live) -> None:
    (own,) = server.predict(ROW).json["predictions"]
    label, probabilities = own["label"], own["probabilities"]
    listed = [*probabilities.values()]

    def ask(path: str, content: Any) -> Any:
        return server.ask("POST", path, content).json

    row = {"label": label, "probabilities": listed}
    assert ask(PREDICT, {"instances": [ROW]}) == {"predictions": [row]}
    columns = {name: [[value]] for name, value in ROW.items()}
    assert ask(PREDICT, {"inputs": columns}) == {"outputs": {"label": [label], "probabilities": [listed]}}
    assert ask("/v1/models/gelir:classify", {"examples": [ROW]}) == {
        "results": [[list(pair) for pair in probabilities.items()]]
    }
    assert ask("/invocations", {"instances": [ROW]}) == {"predictions": [label]}
    answered = ask(SELDON, {"data": {"ndarray": [VALUES]}, "meta": {"puid": "mine"}})
    assert answered["data"] == {"names": [*probabilities], "ndarray": [listed]}
    assert answered["meta"]["puid"] == "mine"
    assert answered["meta"]["requestPath"] == {"gelir": "gelir@1.0.0"}


def test_tf_serving_shares_a_context_and_reads_base_64(server: Live) -> None:
    rest = {name: value for name, value in ROW.items() if name != "evli"}
    coded = {**rest, "tür": {"b64": "YQ=="}}
    shared = {"examples": [coded, rest], "context": {"evli": [True]}}
    expected = server.ask("POST", "/v1/models/gelir:classify", {"examples": [ROW, ROW]}).json
    assert server.ask("POST", "/v1/models/gelir:classify", shared).json == expected


def test_tf_serving_tells_versions_and_signatures(server: Live) -> None:
    def versions(path: str) -> list[str]:
        told = server.ask("GET", f"/v1/models/gelir{path}").json
        assert (told["name"], told["ready"]) == ("gelir", True)
        told = told["model_version_status"]
        assert all(each["state"] == "AVAILABLE" for each in told)
        assert all(each["status"] == {"error_code": "OK", "error_message": ""} for each in told)
        return [each["version"] for each in told]

    assert versions("") == ["2.0.0", "1.0.0"]
    assert versions("/versions/1") == versions("/labels/production") == ["1.0.0"]
    assert server.ask("GET", "/v1/models/gelir/versions/7").json["error"] == "there is no model gelir@7 here"
    metadata = server.ask("GET", "/v1/models/gelir/versions/2/metadata").json
    assert metadata["model_spec"] == {"name": "gelir", "signature_name": "", "version": "2.0.0"}
    described = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert {name: each["dtype"] for name, each in described["inputs"].items()} == {
        "yaş": "DT_INT64",
        "0": "DT_DOUBLE",
        "şehir adı": "DT_STRING",
        "tür": "DT_STRING",
        "evli": "DT_BOOL",
    }
    assert [size["size"] for size in described["outputs"]["probabilities"]["tensor_shape"]["dim"]] == [
        "-1",
        "2",
    ]


def test_a_body_without_a_type_is_json_where_clients_send_none(server: Live) -> None:
    for path, content in (
        (INFER, tensors()),
        (PREDICT, {"instances": [ROW]}),
        (SELDON, {"data": {"ndarray": [VALUES]}}),
        ("/invocations", {"instances": [ROW]}),
    ):
        assert server.ask("POST", path, content, headers={"accept": "*/*"}).status == 200


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        ("", "application/json", b'{"predictions":["<=50K","<=50K"]}'),
        ("text/csv", "text/csv; charset=utf-8", b"<=50K\n<=50K\n"),
        ("application/jsonlines", "application/jsonlines", b'"<=50K"\n"<=50K"\n'),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json", b'{"predictions":["<=50K","<=50K"]}'),
        ("image/png, */*;q=0.1", "application/json", b'{"predictions":["<=50K","<=50K"]}'),
    ],
)
def test_accept_chooses_the_form_of_an_invocation(server: Live, accept: str, kind: str, body: bytes) -> None:
    reply = server.ask("POST", "/invocations", [ROW, ROW], {**JSON, "accept": accept})
    assert (reply.headers["content-type"], reply.body) == (kind, body)


def test_what_is_not_acceptable_is_refused_before_anything_is_predicted(server: Live) -> None:
    for accept in ("image/png", "application/json;q=0", "text/csv;q=x"):
        reply = server.ask("POST", "/invocations", [ROW], {**JSON, "accept": accept})
        assert reply.status == 406
        assert "x-kervan-prediction" not in reply.headers


def test_arrays_have_numbers_for_booleans(server: Live) -> None:
    expected = server.ask("POST", "/models/numeric/predict", [[1.5, 2, True]]).json["predictions"][0]
    array = [[1.5, 2.0, 1.0]]
    assert server.ask("POST", "/models/numeric/invoke", {"inputs": array}).json == {
        "predictions": [expected["label"]]
    }
    for content in ({"instances": array}, {"instances": [{"x": 1.5, "n": 2, "ok": 1}]}):
        found = server.ask("POST", "/v1/models/numeric:predict", content).json["predictions"][0]
        assert found["probabilities"] == [*expected["probabilities"].values()]
    refused = server.ask("POST", "/v1/models/numeric:predict", {"instances": [[1.5, 2, 3]]})
    assert (refused.status, refused.json["field"]) == (422, "ok")


def test_sagemaker_gets_its_attributes_back(server: Live) -> None:
    name = "X-Amzn-SageMaker-Custom-Attributes"
    reply = server.ask("POST", "/invocations", [ROW], {**JSON, name: "trace=1; a"})
    assert reply.headers[name.lower()] == "trace=1; a"
    assert server.ask("POST", "/invocations", [ROW], {**JSON, name: "x" * 1025}).status == 400


def test_csv_with_numerals_as_names_has_to_say_what_its_first_line_is(server: Live, tmp_path: Path) -> None:
    line = b"39,1.5,a,a,true\n"
    for text, header in ((line, "absent"), ("yaş,0,şehir adı,tür,evli\n".encode() + line, "present")):
        for kind in ("text/csv", f"text/csv; header={header}", f'text/csv;charset=utf-8;Header="{header}"'):
            assert (
                len(server.ask("POST", "/invocations", text, {"content-type": kind}).json["predictions"]) == 1
            )
    wrong = server.ask("POST", "/invocations", line, {"content-type": "text/csv; header=present"})
    assert wrong.status in {400, 422}


def test_health_is_told_as_containers_are_asked_for_it(server: Live) -> None:
    for path in ("/ping", "/health"):
        assert (server.ask("GET", path).status, server.ask("GET", path).body) == (200, b"\n")
    assert server.ask("GET", "/version").body


def test_sagemaker_loads_lists_invokes_and_unloads_models(server: Live) -> None:
    row = [[1.5, 2, True]]
    assert server.ask("DELETE", "/models/numeric").json == {"modelName": "numeric"}
    assert server.ask("DELETE", "/models/numeric").status == 404
    assert server.ask("POST", "/models/numeric/invoke", row).status == 404
    assert server.ask("POST", "/models", {"model_name": "numeric", "url": "/opt/ml/models/x"}).status == 200
    assert server.ask("POST", "/models", {"model_name": "numeric"}).status == 409
    told = server.ask("GET", "/models").json["models"]
    assert {each["modelName"] for each in told} == {"gelir", "kira", "numeric"}
    one = server.ask("GET", "/models/numeric").json
    assert (one["modelName"], one["modelUrl"]) == ("numeric", "numeric@1.0.0")
    assert server.ask("POST", "/models/numeric/invoke", row).json["predictions"]
    assert server.ask("DELETE", "/models/gelir").status == 409
    for body in ({}, [], {"model_name": 3}, {"model_name": ""}):
        assert server.ask("POST", "/models", body).status == 400
    assert server.ask("POST", "/models", {"model_name": "../store"}).status == 404


def test_sagemaker_names_the_models_of_an_endpoint_itself(server: Live, packages: dict[str, Path]) -> None:
    place = Path(server.serving.folder) / "6a1b2c3" / "model"
    shutil.copytree(packages["regression"], place)
    for name in ("6a1b2c3/model", "..", "../store", ".", "kira@1.0.0/../.."):
        assert server.ask("POST", "/models", {"model_name": name}).status == 404
    body = {"model_name": "6a1b2c3", "url": str(place)}
    assert server.ask("POST", "/models", body).status == 200
    assert server.ask("POST", "/models", body).status == 409
    assert server.ask("GET", "/models/6a1b2c3").json["modelName"] == "6a1b2c3"
    reply = server.ask("POST", "/models/6a1b2c3/invoke", [ROW])
    expected = server.ask("POST", "/models/kira/predict", [ROW]).json["predictions"][0]["value"]
    assert reply.json == {"predictions": [expected]}
    folder, ident = Path(server.serving.records), reply.headers["x-kervan-prediction"]
    server.until(lambda: find(folder, ident) is not None)
    assert find(folder, ident).model == "kira@1.0.0"  # type: ignore[union-attr]
    assert server.ask("DELETE", "/models/6a1b2c3").status == 200
    assert server.ask("POST", "/models/6a1b2c3/invoke", [ROW]).status == 404
    assert server.ask("POST", "/models/kira/predict", [ROW]).status == 200


def test_a_key_loads_and_lists_only_what_it_is_for(packages: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(packages["numeric"], tmp_path / "store" / "numeric")
    control, control_token = issue("control", "docs")
    asks, asks_token = issue("predict:gelir")
    publish(tmp_path / "access.json", control, asks)
    serving = Serving(
        environment="production",
        deployment="D1",
        package=str(packages["1.0.0"]),
        records=str(tmp_path / "records"),
        port=0,
        folder=str(tmp_path / "store"),
        keys=str(tmp_path / "access.json"),
    )
    live = Live(tmp_path, serving)
    live.start()
    try:
        live.until(lambda: live.ask("GET", "/v2/models/numeric/ready").status == 200)
        body = {"model_name": "numeric"}
        for method, path in (
            ("POST", "/models"),
            ("DELETE", "/models/numeric"),
            ("POST", "/v2/repository/models/numeric/load"),
        ):
            for token, status in (("", 401), (asks_token, 403)):
                headers = {**JSON, **({"x-api-key": token} if token else {})}
                assert live.ask(method, path, body, headers).status == status
        asking = {**JSON, "x-api-key": asks_token}
        assert live.ask("POST", "/invocations", [ROW], asking).status == 200
        assert (
            live.ask("POST", "/v1/models/numeric:predict", {"instances": [[1, 2, 1]]}, asking).status == 403
        )
        controlling = {**JSON, "x-api-key": control_token}
        assert live.ask("DELETE", "/models/numeric", None, controlling).status == 200
        assert live.ask("POST", "/models", body, controlling).status == 200
        index = live.ask("POST", "/v2/repository/index", {}, controlling).json
        assert [(each["name"], each["state"]) for each in index] == [("gelir", "READY"), ("numeric", "READY")]
    finally:
        live.kill()


WHOLE: list[tuple[str, str, Any]] = [
    ("predict", "/predict", {"features": [ROW, VALUES], "id": "x", "model_version": "1.0.0"}),
    (
        "inference-v2",
        INFER,
        {
            **tensors(),
            "id": "x",
            "parameters": {"binary_data_output": False},
            "outputs": [{"name": "label", "parameters": {"binary_data": True, "classification": 0}}],
        },
    ),
    (
        "inference-v2",
        INFER,
        {"inputs": [{**tensor("yaş", "INT64", None, [2, 1], binary_data_size=16), "more": 1}]},
    ),
    ("tensorflow-serving", PREDICT, {"signature_name": "serving_default", "instances": [ROW, VALUES]}),
    ("tensorflow-serving", PREDICT, {"inputs": {name: [[value]] for name, value in ROW.items()}}),
    (
        "tensorflow-serving",
        "/v1/models/gelir:classify",
        {
            "signature_name": None,
            "context": {"evli": [True]},
            "examples": [{"yaş": 39, "tür": {"b64": "YQ=="}}],
        },
    ),
    ("invocations", "/invocations", {**split(VALUES, index=[0]), "params": {"a": 1}}),
    ("invocations", "/invocations", {"inputs": {name: [value] for name, value in ROW.items()}}),
    ("invocations", "/invocations", {"instances": [{"features": VALUES}, ROW, VALUES]}),
    (
        "seldon",
        SELDON,
        {"data": {"names": [*ROW], "ndarray": [VALUES]}, "meta": {"puid": "x", "tags": {"a": 1}}},
    ),
    ("seldon", SELDON, {"data": {"tensor": {"shape": [1, 5], "values": VALUES}}}),
]


@pytest.mark.parametrize(("protocol", "path", "content"), WHOLE)
def test_whatever_stands_in_a_request_it_is_answered_or_refused(
    protocol: str, path: str, content: Any
) -> None:
    mounted, parameters = Router({protocol: plugin("protocol", protocol)}).find("POST", path)
    wire, decoder = mounted.wire, RowDecoder(CLASSIFICATION)
    for changed in with_odd_values(content):
        body, headers = packed(changed, AGES) if "binary_data_size" in str(content) else packed(changed, b"")
        call = Call(route=mounted.route, body=body, parameters=parameters, headers=headers)
        try:
            request = wire.decode(call, choosing(CLASSIFICATION))
            rows = len(decoder.decode(request.rows))
        except InvalidInput as error:
            assert str(error)  # noqa: PT017 - answering is as good as refusing
            continue
        values = np.full((rows, 2), 0.5)
        answer = Answer(id="01", request=request, model="gelir", version="1.0.0", values=values)
        assert wire.encode(answer, CLASSIFICATION, call).body
