"""A function answers an event as a server answers a request, whatever platform sends it."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from kervan.core.errors import KervanError
from kervan.core.serving import Serving
from kervan.serve import function as module
from kervan.serve.desk import Head
from kervan.serve.function import Function, RequestRefused, aws, azure, google
from kervan.serve.record import records
from serve.lambda_events import balancer_event, rest_event, url_event
from serve.live import JSON
from serve.real_packages import ROW
from serve.runtimes import environment, framework, lambda_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serve.live import Live

ONE = json.dumps({"features": ROW}, ensure_ascii=False).encode()
BROKEN = json.dumps({"features": {**ROW, "yaş": "genç"}}, ensure_ascii=False).encode()


@pytest.fixture
def function(packages: dict[str, Path], tmp_path: Path) -> Iterator[Function]:
    made = Function(_serving(packages, tmp_path))
    module._LOADED.append(made)
    yield made
    module._LOADED.clear()
    made.close()


def _serving(packages: dict[str, Path], folder: Path, **told: Any) -> Serving:
    return Serving(
        environment="production",
        deployment="D1",
        package=str(packages["1.0.0"]),
        records=str(folder / "records"),
        platform=True,
        **told,
    )


def probabilities(body: str | bytes) -> Any:
    return json.loads(body)["predictions"]


EVENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "function URL": url_event,
    "HTTP API with a stage": lambda method, path, body=b"": url_event(
        method, f"/prod{path}", body, stage="prod"
    ),
    "REST API": rest_event,
    "load balancer": balancer_event,
}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_answered_like_a_request(kind: str, function: Function, shared: Live) -> None:
    response = aws(EVENTS[kind]("POST", "/predict", ONE))
    assert response["statusCode"] == 200
    assert response["headers"]["x-content-type-options"] == "nosniff"
    asked = shared.ask("POST", "/predict", ONE, JSON)
    assert probabilities(response["body"]) == probabilities(asked.body)


@pytest.mark.parametrize("kind", EVENTS)
def test_what_is_wrong_is_told_like_a_server_tells_it(kind: str, function: Function, shared: Live) -> None:
    response = aws(EVENTS[kind]("POST", "/predict", BROKEN))
    asked = shared.ask("POST", "/predict", BROKEN, JSON)
    assert response["statusCode"] == asked.status == 422
    told, expected = json.loads(response["body"]), asked.json
    assert {**told, "request": ""} == {**expected, "request": ""}
    assert response["headers"]["content-type"] == "application/problem+json"
    assert aws(EVENTS[kind]("GET", "/nowhere"))["statusCode"] == 404
    assert aws(EVENTS[kind]("GET", "/readyz"))["statusCode"] == 200


def test_a_load_balancer_gets_what_it_asks_for(function: Function) -> None:
    single = aws(balancer_event("GET", "/livez"))
    assert single["statusDescription"] == "200 OK"
    many = aws(balancer_event("GET", "/livez", multi_value=True))
    assert many["multiValueHeaders"]["content-type"] == ["application/json"]
    assert "headers" not in many


def test_bytes_that_are_no_text_come_in_base64(function: Function) -> None:
    import gzip

    event = url_event("POST", "/predict", gzip.compress(ONE))
    event["headers"]["content-encoding"] = "gzip"
    assert aws(event)["statusCode"] == 200
    metrics = aws(url_event("GET", "/metrics"))
    assert not metrics["isBase64Encoded"]
    assert "kervan_" in metrics["body"]


def test_whoever_invokes_it_gets_the_answer_itself(function: Function) -> None:
    row = aws(ROW)
    assert row["model"] == "gelir@1.0.0"
    assert aws({"features": [ROW, ROW]})["predictions"] == row["predictions"] * 2
    assert aws({"instances": [ROW]}) == {"predictions": [row["predictions"][0]["label"]]}
    with pytest.raises(RequestRefused, match="genç"):
        aws({**ROW, "yaş": "genç"})
    with pytest.raises(RequestRefused, match='"status":400'):
        aws(7)


def test_its_record_is_written_when_it_answers(function: Function, tmp_path: Path) -> None:
    answer = aws(ROW)
    (record,) = records(tmp_path / "records")
    assert (record.id, record.environment) == (answer["id"], "production")


def test_records_go_to_the_log_where_no_disk_stays(
    packages: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Function(_serving(packages, tmp_path), to_log=True)
    head = Head("POST", "/predict", "", [(b"host", b"x"), (b"content-type", b"application/json")])
    reply, _ = made.answer(head, ONE)
    line = json.loads(capsys.readouterr().out)
    made.close()
    assert line["event.dataset"] == "kervan.prediction"
    assert line["record"]["id"] == json.loads(reply.body)["id"]
    assert line["record"]["inputs"] == [ROW]
    assert not (tmp_path / "records").exists()


def test_a_body_over_the_limit_is_refused(function: Function) -> None:
    response = aws(url_event("POST", "/predict", b" " * ((8 << 20) + 1)))
    assert response["statusCode"] == 413


def test_keys_guard_it_where_they_are_given(packages: dict[str, Path], tmp_path: Path) -> None:
    keys = tmp_path / "access.json"
    keys.write_text('{"version":1,"keys":[]}')
    made = Function(_serving(packages, tmp_path, keys=str(keys)))
    head = Head("POST", "/predict", "", [(b"host", b"x"), (b"content-type", b"application/json")])
    assert made.answer(head, ONE)[0].status == 401
    made.close()


class _Flask:
    """What a function is given of Flask's request."""

    method, path, query_string = "POST", "/predict", b""
    headers: ClassVar = {"Host": "x.run.app", "Content-Type": "application/json"}

    def get_data(self) -> bytes:
        return ONE


class _Azure:
    method, url = "POST", "https://x.azurewebsites.net/predict?a=1"
    headers: ClassVar = {"host": "x.azurewebsites.net", "content-type": "application/json"}

    def get_body(self) -> bytes:
        return ONE


def test_flask_and_azure_are_spoken_too(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    body, status, headers = google(_Flask())
    assert (status, headers["content-type"]) == (200, "application/json")

    class HttpResponse:
        def __init__(self, body: bytes, **told: Any) -> None:
            self.body, self.told = body, told

    class Azure:
        pass

    Azure.HttpResponse = HttpResponse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "azure.functions", Azure)  # type: ignore[arg-type]
    answered = azure(_Azure())
    assert answered.told["status_code"] == 200
    assert probabilities(answered.body) == probabilities(body)


def test_a_package_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    with pytest.raises(KervanError, match="nowhere"):
        Function(Serving(environment="e", deployment="d", package=str(tmp_path / "nowhere"), records="r"))


@pytest.mark.service
def test_the_runtime_of_lambda_gets_the_number_of_a_server(
    packages: dict[str, Path], tmp_path: Path, shared: Live
) -> None:
    told = environment(packages["1.0.0"], tmp_path)
    with lambda_runtime("kervan.serve.function.aws", told, tmp_path) as api:
        kind, response = api.invoke(url_event("POST", "/predict", ONE))
        assert kind == "response", (response, (tmp_path / "log").read_text())
        assert probabilities(response["body"]) == probabilities(
            shared.ask("POST", "/predict", ONE, JSON).body
        )
        kind, answer = api.invoke(ROW)
        assert (kind, answer["predictions"]) == ("response", probabilities(response["body"]))
        kind, problem = api.invoke({**ROW, "yaş": "genç"})
        assert (kind, problem["errorType"]) == ("error", "RequestRefused")
        assert json.loads(problem["errorMessage"])["field"] == "yaş"
        assert len(list(records(tmp_path / "records"))) == 2


@pytest.mark.service
def test_the_framework_of_google_gets_the_number_of_a_server(
    packages: dict[str, Path], tmp_path: Path, shared: Live
) -> None:
    with framework(packages["1.0.0"], tmp_path) as url:
        asked = urllib.request.Request(f"{url}/predict", ONE, JSON)
        with urllib.request.urlopen(asked, timeout=30) as response:
            body = response.read()
        assert probabilities(body) == probabilities(shared.ask("POST", "/predict", ONE, JSON).body)
        with pytest.raises(urllib.error.HTTPError, match="422") as raised:
            urllib.request.urlopen(urllib.request.Request(f"{url}/predict", BROKEN, JSON), timeout=30)
        assert json.loads(raised.value.read())["field"] == "yaş"
        raised.value.close()
