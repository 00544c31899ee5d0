"""`/invocations`, `/ping` and `/models`: what SageMaker and others ask a container."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.written import Written
from kervan.serve.decode import RowDecoder
from kervan.serve.protocols.lines import read_csv
from kervan.serve.record import find
from serve.bodies import VALUES, split
from serve.live import JSON, Live
from serve.real_packages import ROW

CSV = {"content-type": "text/csv"}
LINES = {"content-type": "application/jsonlines"}


def test_a_numeral_that_people_would_read_otherwise_is_refused_in_csv() -> None:
    price = Column(name="fiyat", type=Type.NUMBER)
    reading = Reading.of_table([], {"fiyat": Written(decimal=",", units={"TL": 1.0, "": 1.0})})
    signature = Signature(inputs=Schema((price,)), output=Column(name="y", type=Type.NUMBER), reading=reading)
    rows = read_csv(b'fiyat\n12\n"1.234,5"\n3 TL\n', signature)
    assert RowDecoder(signature).decode(rows)[:, 0].tolist() == [12, 1234.5, 3]
    for text in ("1.234", "1.5", "1e3"):
        with pytest.raises(RefusedRow, match=r"row 1, 'fiyat'.*is one number to programs"):
            read_csv(f"fiyat\n12\n{text}\n".encode(), signature)


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
    several: Live, content: Any, status: int, row: int | None, field: str | None, words: str
) -> None:
    for path in ("/invocations", "/models/gelir/invoke"):
        reply = several.ask("POST", path, content)
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
    several: Live, body: bytes, headers: dict[str, str], row: int | None, field: str | None, words: str
) -> None:
    reply = several.ask("POST", "/invocations", body, headers)
    assert reply.status == (400 if row is None else 422), reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == (row, field)
    assert words in reply.json["message"]


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
def test_accept_chooses_the_form_of_an_invocation(several: Live, accept: str, kind: str, body: bytes) -> None:
    reply = several.ask("POST", "/invocations", [ROW, ROW], {**JSON, "accept": accept})
    assert (reply.headers["content-type"], reply.body) == (kind, body)


def test_what_is_not_acceptable_is_refused_before_anything_is_predicted(several: Live) -> None:
    for accept in ("image/png", "application/json;q=0", "text/csv;q=x"):
        reply = several.ask("POST", "/invocations", [ROW], {**JSON, "accept": accept})
        assert reply.status == 406
        assert "x-kervan-prediction" not in reply.headers


def test_arrays_have_numbers_for_booleans(several: Live) -> None:
    expected = several.ask("POST", "/models/numeric/predict", [[1.5, 2, True]]).json["predictions"][0]
    array = [[1.5, 2.0, 1.0]]
    assert several.ask("POST", "/models/numeric/invoke", {"inputs": array}).json == {
        "predictions": [expected["label"]]
    }
    for content in ({"instances": array}, {"instances": [{"x": 1.5, "n": 2, "ok": 1}]}):
        found = several.ask("POST", "/v1/models/numeric:predict", content).json["predictions"][0]
        assert found["probabilities"] == [*expected["probabilities"].values()]
    refused = several.ask("POST", "/v1/models/numeric:predict", {"instances": [[1.5, 2, 3]]})
    assert (refused.status, refused.json["field"]) == (422, "ok")


def test_sagemaker_gets_its_attributes_back(several: Live) -> None:
    name = "X-Amzn-SageMaker-Custom-Attributes"
    reply = several.ask("POST", "/invocations", [ROW], {**JSON, name: "trace=1; a"})
    assert reply.headers[name.lower()] == "trace=1; a"
    assert several.ask("POST", "/invocations", [ROW], {**JSON, name: "x" * 1025}).status == 400


@pytest.mark.parametrize("kind", ["text/csv", "text/csv; header={}", 'text/csv;charset=utf-8;Header="{}"'])
def test_csv_may_say_whether_its_first_line_has_names(several: Live, kind: str) -> None:
    line = b"39,1.5,a,a,true\n"
    for text, header in ((line, "absent"), ("yaş,0,şehir adı,tür,evli\n".encode() + line, "present")):
        reply = several.ask("POST", "/invocations", text, {"content-type": kind.format(header)})
        assert len(reply.json["predictions"]) == 1
    if "{}" in kind:
        reply = several.ask("POST", "/invocations", line * 2, {"content-type": kind.format("present")})
        assert reply.status == 400
        assert "'a' appears twice" in reply.json["message"]


NUMERALS = Signature(
    inputs=Schema(tuple(Column(name=name, type=Type.NUMBER, nullable=True) for name in ("0", "1"))),
    output=Column(name="y", type=Type.NUMBER),
)


def test_a_first_line_that_may_be_names_or_a_row_has_to_be_declared() -> None:
    body = b"1,0\n2.5,\n"
    with pytest.raises(InvalidInput, match="may be the names of the columns or a row"):
        read_csv(body, NUMERALS)
    assert read_csv(body, NUMERALS, "present") == [{"1": 2.5, "0": None}]
    assert read_csv(body, NUMERALS, "absent") == [{"0": 1, "1": 0}, {"0": 2.5, "1": None}]
    assert read_csv(b"3,4\r\n\r\n5,nan", NUMERALS) == [{"0": 3, "1": 4}, {"0": 5, "1": None}]
    assert read_csv(b"1\n", NUMERALS, "present") == []


def test_names_are_known_however_their_letters_are_composed() -> None:
    column = Column(name="İl", type=Type.CATEGORY, nullable=True, allowed=("İzmir",))
    signature = Signature(inputs=Schema((column,)), output=Column(name="y", type=Type.NUMBER))
    body = "\ufeffI\u0307l,other\nİzmir,3\n,4\n".encode()
    assert read_csv(body, signature) == [{"İl": "İzmir"}, {"İl": None}]


def test_health_is_told_as_containers_are_asked_for_it(several: Live) -> None:
    for path in ("/ping", "/health"):
        assert (several.ask("GET", path).status, several.ask("GET", path).body) == (200, b"\n")
    assert several.ask("GET", "/version").body


def test_sagemaker_loads_lists_invokes_and_unloads_models(several: Live) -> None:
    row = [[1.5, 2, True]]
    assert several.ask("DELETE", "/models/numeric").json == {"modelName": "numeric"}
    assert several.ask("DELETE", "/models/numeric").status == 404
    assert several.ask("POST", "/models/numeric/invoke", row).status == 404
    assert several.ask("POST", "/models", {"model_name": "numeric", "url": "/opt/ml/models/x"}).status == 200
    assert several.ask("POST", "/models", {"model_name": "numeric"}).status == 409
    told = several.ask("GET", "/models").json["models"]
    assert {each["modelName"] for each in told} == {"gelir", "kira", "numeric"}
    one = several.ask("GET", "/models/numeric").json
    assert (one["modelName"], one["modelUrl"]) == ("numeric", "numeric@1.0.0")
    assert several.ask("POST", "/models/numeric/invoke", row).json["predictions"]
    assert several.ask("DELETE", "/models/gelir").status == 409
    for body in ({}, [], {"model_name": 3}, {"model_name": ""}):
        assert several.ask("POST", "/models", body).status == 400
    assert several.ask("POST", "/models", {"model_name": "../store"}).status == 404


def test_sagemaker_names_the_models_of_an_endpoint_itself(several: Live, packages: dict[str, Path]) -> None:
    place = Path(several.serving.folder) / "6a1b2c3" / "model"
    shutil.copytree(packages["regression"], place)
    for name in ("6a1b2c3/model", "..", "../store", ".", "kira@1.0.0/../.."):
        assert several.ask("POST", "/models", {"model_name": name}).status == 404
    body = {"model_name": "6a1b2c3", "url": str(place)}
    assert several.ask("POST", "/models", body).status == 200
    assert several.ask("POST", "/models", body).status == 409
    assert several.ask("GET", "/models/6a1b2c3").json["modelName"] == "6a1b2c3"
    reply = several.ask("POST", "/models/6a1b2c3/invoke", [ROW])
    expected = several.ask("POST", "/models/kira/predict", [ROW]).json["predictions"][0]["value"]
    assert reply.json == {"predictions": [expected]}
    folder, ident = Path(several.serving.records), reply.headers["x-kervan-prediction"]
    several.until(lambda: find(folder, ident) is not None)
    assert find(folder, ident).model == "kira@1.0.0"  # type: ignore[union-attr]
    assert several.ask("DELETE", "/models/6a1b2c3").status == 200
    assert several.ask("POST", "/models/6a1b2c3/invoke", [ROW]).status == 404
    assert several.ask("POST", "/models/kira/predict", [ROW]).status == 200
