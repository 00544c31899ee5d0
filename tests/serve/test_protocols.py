"""What each protocol makes of requests that are wrong, and what it tells about the models."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kervan.core.errors import InvalidInput
from kervan.core.plugins import plugin, plugins
from kervan.core.ports import Answer, Call
from kervan.core.serving import Serving
from kervan.serve.decode import RowDecoder
from kervan.serve.routing import Router
from kervan.testing.wire import choosing, with_odd_values
from serve.bodies import AGES, VALUES, packed, split, tensor, tensors
from serve.keyring import issue, publish
from serve.live import JSON, Live
from serve.real_packages import CLASSIFICATION, ROW

INFER, PREDICT, SELDON = "/v2/models/gelir/infer", "/v1/models/gelir:predict", "/api/v1.0/predictions"


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
    several: Live, path: str, content: Any, status: int, where: tuple[Any, Any], words: str
) -> None:
    reply = several.ask("POST", path, content)
    assert reply.status == status, reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == where
    assert words in reply.json["error"]


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
    several: Live, data: Any, status: int, row: int | None, field: str | None, words: str
) -> None:
    reply = several.ask("POST", SELDON, {"data": data})
    assert reply.status == status, reply.body
    assert (reply.json.get("row"), reply.json.get("field")) == (row, field)
    assert words in reply.json["detail"]


def test_a_classification_answers_in_the_words_of_each_protocol(several: Live) -> None:
    (own,) = several.predict(ROW).json["predictions"]
    label, probabilities = own["label"], own["probabilities"]
    listed = [*probabilities.values()]

    def ask(path: str, content: Any) -> Any:
        return several.ask("POST", path, content).json

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


def test_tf_serving_shares_a_context_and_reads_base_64(several: Live) -> None:
    rest = {name: value for name, value in ROW.items() if name != "evli"}
    coded = {**rest, "tür": {"b64": "YQ=="}}
    shared = {"examples": [coded, rest], "context": {"evli": [True]}}
    expected = several.ask("POST", "/v1/models/gelir:classify", {"examples": [ROW, ROW]}).json
    assert several.ask("POST", "/v1/models/gelir:classify", shared).json == expected


def test_tf_serving_tells_versions_and_signatures(several: Live) -> None:
    def versions(path: str) -> list[str]:
        told = several.ask("GET", f"/v1/models/gelir{path}").json
        assert (told["name"], told["ready"]) == ("gelir", True)
        told = told["model_version_status"]
        assert all(each["state"] == "AVAILABLE" for each in told)
        assert all(each["status"] == {"error_code": "OK", "error_message": ""} for each in told)
        return [each["version"] for each in told]

    assert versions("") == ["2.0.0", "1.0.0"]
    assert versions("/versions/1") == versions("/labels/production") == ["1.0.0"]
    assert several.ask("GET", "/v1/models/gelir/versions/7").json["error"] == "there is no model gelir@7 here"
    metadata = several.ask("GET", "/v1/models/gelir/versions/2/metadata").json
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


def test_a_body_without_a_type_is_json_where_clients_send_none(several: Live) -> None:
    for path, content in (
        (INFER, tensors()),
        (PREDICT, {"instances": [ROW]}),
        (SELDON, {"data": {"ndarray": [VALUES]}}),
        ("/invocations", {"instances": [ROW]}),
    ):
        assert several.ask("POST", path, content, headers={"accept": "*/*"}).status == 200


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


WHOLE: list[tuple[str, Any]] = [
    ("/predict", {"features": [ROW, VALUES], "id": "x", "model_version": "1.0.0"}),
    (
        INFER,
        {
            **tensors(),
            "id": "x",
            "parameters": {"binary_data_output": False},
            "outputs": [{"name": "label", "parameters": {"binary_data": True, "classification": 0}}],
        },
    ),
    (
        INFER,
        {"inputs": [{**tensor("yaş", "INT64", None, [2, 1], binary_data_size=16), "more": 1}]},
    ),
    (PREDICT, {"signature_name": "serving_default", "instances": [ROW, VALUES]}),
    (PREDICT, {"inputs": {name: [[value]] for name, value in ROW.items()}}),
    (
        "/v1/models/gelir:classify",
        {
            "signature_name": None,
            "context": {"evli": [True]},
            "examples": [{"yaş": 39, "tür": {"b64": "YQ=="}}],
        },
    ),
    ("/invocations", {**split(VALUES, index=[0]), "params": {"a": 1}}),
    ("/invocations", {"inputs": {name: [value] for name, value in ROW.items()}}),
    ("/invocations", {"instances": [{"features": VALUES}, ROW, VALUES]}),
    (
        SELDON,
        {"data": {"names": [*ROW], "ndarray": [VALUES]}, "meta": {"puid": "x", "tags": {"a": 1}}},
    ),
    (SELDON, {"data": {"tensor": {"shape": [1, 5], "values": VALUES}}}),
]


@pytest.mark.parametrize(("path", "content"), WHOLE)
def test_whatever_stands_in_a_request_it_is_answered_or_refused(path: str, content: Any) -> None:
    mounted, parameters = Router({name: plugin("protocol", name) for name in plugins("protocol")}).find(
        "POST", path
    )
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
