"""AWS Lambda: what is rendered, what is refused before it is sent, and the calls against moto.

moto runs no function (it would need Docker), so nothing that it answers is a prediction.
"""

from __future__ import annotations

import io
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import ServerFailed
from kervan.core.places import ImageSettings
from kervan.deploy.targets.aws import publishing
from kervan.deploy.targets.aws.account import client
from kervan.deploy.targets.aws.lambda_ import LambdaImageTarget, LambdaTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.targets.rendering import Rendering

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/kervan"
SETTINGS = {"region": REGION, "role": ROLE}


def write_zips(rendered: Rendering, content: bytes = b"x") -> None:
    for version in ("1.0.0", "2.0.0"):
        scratch = io.BytesIO()
        with zipfile.ZipFile(scratch, "w") as archive:
            archive.writestr("handler.py", content + version.encode())
        (rendered.folder / f"{version}.zip").write_bytes(scratch.getvalue())


@pytest.fixture
def at_moto(rendering: Callable[..., Rendering], moto: str) -> Callable[..., Rendering]:
    def make(target: Any = None, **told: Any) -> Rendering:
        client("iam", REGION, moto).create_role(RoleName="kervan", AssumeRolePolicyDocument="{}")
        settings = {**SETTINGS, "endpoint_url": moto, **told}
        made = rendering(target or LambdaTarget(), "lambda", settings)
        write_zips(made)
        return made

    return make


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto answers no event: what asks a version for a row is left out."""
    monkeypatch.setattr(publishing.Publisher, "try_out", lambda *_: None)


def test_the_bodies_hold_what_was_planned(rendering: Callable[..., Rendering]) -> None:
    made = rendering(LambdaTarget(), "lambda", SETTINGS, memory=512 << 20)
    made.render("1.0.0", candidate="2.0.0")
    function = made.body("create-function")
    assert (function["MemorySize"], function["Runtime"], function["Handler"]) == (
        512,
        "python3.12",
        "handler.aws",
    )
    assert function["Environment"]["Variables"]["KERVAN_RECORDS"] == "log"
    assert made.body("create-function-url-config")["AuthType"] == "AWS_IAM"
    assert [part["percent"] for part in made.body("release")["parts"]] == [90.0, 10.0]


@pytest.mark.parametrize(
    ("settings", "told", "message"),
    [
        ({}, {"memory": 64 << 20}, "128 to 10240 MiB, not 64"),
        ({"seconds": 901}, {}, "1 to 900 s, not 901"),
        ({"role": ""}, {}, "has no role"),
        ({"role": "kervan"}, {}, "Role: 'kervan' is not written as"),
        ({"url": "public"}, {}, "open to everybody"),
        ({"region": "eu-nowhere-1"}, {}, "no lambda in 'eu-nowhere-1'"),
        ({"alias": "no spaces"}, {}, "Qualifier: 'no spaces'"),
        ({}, {"sticky": "entity"}, "callers stay with a version"),
    ],
)
def test_what_aws_would_refuse_is_found_before(
    rendering: Callable[..., Rendering],
    moto: str,
    settings: dict[str, Any],
    told: dict[str, Any],
    message: str,
) -> None:
    fine = rendering(LambdaTarget(), "lambda", SETTINGS)
    fine.render()
    assert fine.failures() == []
    made = rendering(LambdaTarget(), "lambda", {**SETTINGS, **settings}, **told)
    made.render()
    assert any(message in each for each in made.failures()), made.failures()


def test_an_image_needs_the_runtime_client_and_ecr(rendering: Callable[..., Rendering], moto: str) -> None:
    image = ImageSettings(registry="registry.example.com")
    made = rendering(LambdaImageTarget(), "lambda-image", SETTINGS, image=image)
    made.render()
    wrong = "\n".join(made.failures())
    assert "awslambdaric" in wrong
    assert "ECR alone" in wrong
    assert made.body("create-function")["ImageConfig"]["Command"] == ["kervan.serve.function.aws"]


def test_without_credentials_nothing_is_sent(
    rendering: Callable[..., Rendering], moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    made = rendering(LambdaTarget(), "lambda", {**SETTINGS, "endpoint_url": moto})
    made.render()
    write_zips(made)
    assert made.failures() == ["there are no credentials"]
    with pytest.raises(ServerFailed, match="credentials"):
        made.apply()


@pytest.mark.service
@pytest.mark.usefixtures("nothing_runs")
def test_a_release_moves_an_alias_between_versions(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto()
    lamb = client("lambda", REGION, moto)
    made.render("1.0.0")
    url = made.apply()
    assert url.startswith("https://")
    assert made.target.runs(made.folder)

    def alias() -> tuple[str, dict[str, float]]:
        found = lamb.get_alias(FunctionName="gelir-production", Name="live")
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    assert alias() == ("1", {})
    assert made.apply() == url
    assert alias() == ("1", {})
    made.render("1.0.0", candidate="2.0.0", share=0.25)
    made.apply()
    assert alias() == ("1", {"2": 0.25})
    made.render("2.0.0")
    made.apply()
    assert alias() == ("2", {})
    made.render("1.0.0")  # the way back publishes nothing
    made.apply()
    assert alias() == ("1", {})
    made.target.remove(made.folder)
    made.target.remove(made.folder)
    assert not made.target.runs(made.folder)


@pytest.mark.service
def test_a_version_that_does_not_answer_leaves_the_alias(
    at_moto: Callable[..., Rendering], moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = at_moto()
    made.render("1.0.0")
    with monkeypatch.context() as patched:
        patched.setattr(publishing.Publisher, "try_out", lambda *_: None)
        made.apply()
    made.render("2.0.0")
    with pytest.raises(ServerFailed, match="version 2 of gelir-production does not answer as gelir@2"):
        made.apply()
    lamb = client("lambda", REGION, moto)
    assert lamb.get_alias(FunctionName="gelir-production", Name="live")["FunctionVersion"] == "1"
    versions = lamb.list_versions_by_function(FunctionName="gelir-production")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]


@pytest.mark.service
def test_a_first_release_that_fails_leaves_nothing(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto()
    made.render("1.0.0")
    with pytest.raises(ServerFailed, match="does not answer"):
        made.apply()
    assert client("lambda", REGION, moto).list_functions()["Functions"] == []
    assert not made.target.runs(made.folder)


@pytest.mark.service
@pytest.mark.usefixtures("nothing_runs")
def test_what_aws_says_is_named(at_moto: Callable[..., Rendering]) -> None:
    made = at_moto(role="arn:aws:iam::123456789012:role/nobody")
    made.render("1.0.0")
    with pytest.raises(ServerFailed, match=r"AWS refused CreateFunction: .*role"):
        made.apply()


@pytest.mark.service
@pytest.mark.usefixtures("nothing_runs")
def test_an_api_stands_in_front_where_it_is_wanted(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto(api=True, url="none")
    made.render("1.0.0")
    url = made.apply()
    assert "execute-api" in url
    assert made.apply() == url
    made.target.remove(made.folder)
    assert client("apigatewayv2", REGION, moto).get_apis()["Items"] == []


@pytest.mark.service
@pytest.mark.usefixtures("nothing_runs")
def test_the_newest_lines_of_the_log_come_in_order(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto()
    made.render("1.0.0")
    assert made.target.logs(made.folder, 5) == []
    logs = client("logs", REGION, moto)
    group = {"logGroupName": "/aws/lambda/gelir-production"}
    logs.create_log_group(**group)
    now = int(time.time() * 1000)
    for number, stream in enumerate(("a", "b")):
        logs.create_log_stream(**group, logStreamName=stream)
        events = [{"timestamp": now + number + 2 * each, "message": f"{stream}{each}\n"} for each in range(3)]
        logs.put_log_events(**group, logStreamName=stream, logEvents=events)
    assert made.target.logs(made.folder, 4) == ["a1", "b1", "a2", "b2"]
