"""SageMaker: bodies, what is refused before it is sent, calls against moto, and the container's contract.

moto runs no container and knows no update of an endpoint: that call is answered by botocore's own stand-in,
which checks what it is given by the service's model.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from kervan.core.errors import ServerFailed
from kervan.core.serving import Plan, Rival, Serving, ShareRole
from kervan.deploy.rendered import write_files
from kervan.deploy.targets.aws import endpoint_calls, sagemaker
from kervan.deploy.targets.aws.account import client
from kervan.deploy.targets.aws.sagemaker import SagemakerTarget
from kervan.testing.sample import ROWS
from serve.live import JSON, request
from serve.test_container import Container

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.targets.rendering import Rendering

REGION = "eu-central-1"
SETTINGS = {
    "region": REGION,
    "role": "arn:aws:iam::123456789012:role/kervan",
    "capture": "s3://kept/captured",
}
SERVERLESS = {**SETTINGS, "serverless": True, "capture": ""}


@pytest.fixture
def at_moto(rendering: Callable[..., Rendering], moto: str) -> Rendering:
    return rendering(SagemakerTarget(), "sagemaker", {**SETTINGS, "endpoint_url": moto})


def config_of(moto: str) -> Any:
    asked = client("sagemaker", REGION, moto)
    name = asked.describe_endpoint(EndpointName="gelir-production")["EndpointConfigName"]
    return asked.describe_endpoint_config(EndpointConfigName=name)


def test_the_bodies_hold_what_was_planned(rendering: Callable[..., Rendering], moto: str) -> None:
    told = {
        "batch_input": "s3://kept/in",
        "batch_output": "s3://kept/out",
        "shift": "canary",
        "alarms": ("a",),
    }
    made = rendering(SagemakerTarget(), "sagemaker", {**SETTINGS, **told}, workers=2)
    made.render("1.0.0", candidate="2.0.0", share=0.25)
    variants = made.body("create-endpoint-config")["ProductionVariants"]
    assert [(each["VariantName"], each["InitialVariantWeight"]) for each in variants] == [
        ("v1-0-0", 0.75),
        ("v2-0-0", 0.25),
    ]
    policy = made.body("update-endpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert made.body("create-transform-job")["TransformInput"]["SplitType"] == "Line"
    assert made.failures() == []


def test_a_shadow_is_one_of_sagemakers_own(rendering: Callable[..., Rendering], moto: str) -> None:
    made = rendering(SagemakerTarget(), "sagemaker", SETTINGS)
    package = str(made.packages["2.0.0"])
    serving = Serving(
        environment="production",
        deployment="D1",
        package=str(made.packages["1.0.0"]),
        records="records",
        rivals=(Rival(package=package, role=ShareRole.SHADOW),),
    )
    write_files(made.folder, made.target.render(serving, made.plan))
    config = made.body("create-endpoint-config")
    assert [each["VariantName"] for each in config["ShadowProductionVariants"]] == ["v2-0-0"]
    assert made.failures() == []


@pytest.mark.parametrize(
    ("settings", "told", "message"),
    [
        ({"role": ""}, {}, "have no role"),
        ({"role": "the role called kervan"}, {}, "ExecutionRoleArn: 'the role"),
        ({"instance": "ml.tiny"}, {}, "InstanceType: 'ml.tiny' is none of"),
        ({"capture": "/kept"}, {}, "DestinationS3Uri: '/kept' is not written as"),
        ({"batch_input": "s3://in"}, {}, "no place for its answers"),
        ({"serverless": True}, {}, "a serverless endpoint has no data capture"),
        ({**SERVERLESS, "concurrency": 500}, {}, "1 to 200 at once, not 500"),
        (SERVERLESS, {"memory": 7 << 30}, "7168 MiB are none of 1024"),
        ({"region": "eu-nowhere-1"}, {}, "no sagemaker in 'eu-nowhere-1'"),
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
    made = rendering(SagemakerTarget(), "sagemaker", {**SETTINGS, **settings}, **told)
    made.render()
    assert any(message in each for each in made.failures()), made.failures()


def test_without_machines_there_is_one_variant(rendering: Callable[..., Rendering], moto: str) -> None:
    made = rendering(SagemakerTarget(), "sagemaker", SERVERLESS, memory=1500 << 20)
    made.render()
    (variant,) = made.body("create-endpoint-config")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 10}
    assert made.failures() == []
    made.render("1.0.0", candidate="2.0.0")
    assert any("no several variants" in each for each in made.failures())


@pytest.mark.service
def test_an_endpoint_is_made_and_its_shares_move(at_moto: Rendering, moto: str) -> None:
    at_moto.render("1.0.0", candidate="2.0.0", share=0.1)
    url = at_moto.apply()
    assert url.endswith("/endpoints/gelir-production/invocations")
    assert at_moto.target.runs(at_moto.folder)
    name = config_of(moto)["EndpointConfigName"]
    at_moto.render("1.0.0", candidate="2.0.0", share=0.5)
    assert at_moto.apply() == url
    assert config_of(moto)["EndpointConfigName"] == name  # no machine is replaced
    weights = client("sagemaker", REGION, moto).describe_endpoint(EndpointName="gelir-production")
    assert [each["DesiredWeight"] for each in weights["ProductionVariants"]] == [0.5, 0.5]
    at_moto.target.remove(at_moto.folder)
    at_moto.target.remove(at_moto.folder)
    assert not at_moto.target.runs(at_moto.folder)
    assert client("sagemaker", REGION, moto).list_models()["Models"] == []


@pytest.mark.service
def test_an_update_that_fails_leaves_the_old_endpoint(at_moto: Rendering, moto: str) -> None:
    at_moto.render("1.0.0")
    at_moto.apply()
    before = config_of(moto)
    at_moto.render("2.0.0")
    with pytest.raises(ServerFailed):  # moto knows no update
        at_moto.apply()
    assert config_of(moto)["EndpointConfigName"] == before["EndpointConfigName"]
    asked = client("sagemaker", REGION, moto)
    assert [each["ModelName"] for each in asked.list_models()["Models"]] == [
        before["ProductionVariants"][0]["ModelName"]
    ]
    assert len(asked.list_endpoint_configs()["EndpointConfigs"]) == 1


class _Update:
    """SageMaker while an endpoint is updated, as its model says that it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rendered: Rendering, now: dict[str, Any]) -> None:
        self.client = client("sagemaker", REGION, "")
        self.stub = Stubber(self.client)
        monkeypatch.setattr(endpoint_calls, "client", lambda *_: self.client)
        monkeypatch.setattr(sagemaker, "client", lambda *_: self.client)
        self._rendered, self._now = rendered, now

    def tell(self, *, ends_with: str) -> None:
        """Say what is asked, in order; in the end the endpoint has the configuration `ends_with`."""
        wanted = self._rendered.body("create-endpoint-config")
        model = self._rendered.body("create-model.v2-0-0")
        arn = "arn:aws:sagemaker:eu-central-1:123456789012:"
        when = {"CreationTime": 0, "LastModifiedTime": 0}
        endpoint = {
            "EndpointName": "gelir-production",
            "EndpointArn": f"{arn}endpoint/gelir-production",
            "EndpointStatus": "InService",
            **when,
        }
        name = {"EndpointConfigName": wanted["EndpointConfigName"]}
        configs = {each["EndpointConfigName"]: each for each in (self._now, wanted)}

        def config(of: str) -> dict[str, Any]:
            body = {key: configs[of][key] for key in ("EndpointConfigName", "ProductionVariants")}
            return {**body, "EndpointConfigArn": f"{arn}endpoint-config/{of}", "CreationTime": 0}

        add, refuse = self.stub.add_response, self.stub.add_client_error
        refuse("describe_model", "ValidationException", "Could not find model")
        add("create_model", {"ModelArn": f"{arn}model/{model['ModelName']}"}, model)
        add("describe_endpoint", {**endpoint, "EndpointConfigName": self._now["EndpointConfigName"]})
        add("describe_endpoint_config", config(self._now["EndpointConfigName"]))
        refuse("describe_endpoint_config", "ValidationException", "Could not find endpoint configuration")
        add("create_endpoint_config", {"EndpointConfigArn": f"{arn}endpoint-config/x"}, wanted)
        add("update_endpoint", {"EndpointArn": f"{arn}endpoint/x"}, self._rendered.body("update-endpoint"))
        add("describe_endpoint", {**endpoint, "EndpointConfigName": ends_with})
        add("describe_endpoint", {**endpoint, "EndpointConfigName": ends_with, "FailureReason": "no /ping"})
        add("describe_endpoint_config", config(ends_with))
        if ends_with != wanted["EndpointConfigName"]:
            add("delete_endpoint_config", {}, name)
            add("delete_model", {}, {"ModelName": model["ModelName"]})
        self.stub.activate()


@pytest.fixture
def update(
    rendering: Callable[..., Rendering], moto: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Rendering, _Update]:
    made = rendering(SagemakerTarget(), "sagemaker", SETTINGS)
    made.render("1.0.0")
    before = made.body("create-endpoint-config")
    made.render("2.0.0")
    return made, _Update(monkeypatch, made, before)


def test_an_update_waits_until_the_new_variants_answer(update: tuple[Rendering, _Update]) -> None:
    made, stand_in = update
    stand_in.tell(ends_with=made.body("create-endpoint-config")["EndpointConfigName"])
    assert made.apply() == (
        "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/gelir-production/invocations"
    )
    stand_in.stub.assert_no_pending_responses()


def test_where_sagemaker_goes_back_the_release_failed(update: tuple[Rendering, _Update]) -> None:
    made, stand_in = update
    stand_in.tell(ends_with=stand_in._now["EndpointConfigName"])
    with pytest.raises(ServerFailed, match="went back to what ran before: no /ping"):
        made.apply()
    stand_in.stub.assert_no_pending_responses()


def test_what_a_model_is_told_is_what_a_container_reads(rendering: Callable[..., Rendering]) -> None:
    from kervan.serve.container import serving_of

    made = rendering(SagemakerTarget(), "sagemaker", SETTINGS)
    made.render("1.0.0")
    serving = serving_of(made.body("create-model.v1-0-0")["PrimaryContainer"]["Environment"])
    assert (serving.port, serving.platform, serving.package) == (8080, True, "/opt/kervan/package")
    assert json.dumps(made.plan.settings)
    assert isinstance(made.plan, Plan)


@pytest.mark.service
def test_the_container_keeps_sagemakers_contract(rendering: Callable[..., Rendering], tmp_path: Path) -> None:
    """It is started with `serve`, answers `/ping` with 200, and takes CSV as batch jobs send it."""
    made = rendering(SagemakerTarget(), "sagemaker", SETTINGS)
    made.render("1.0.0")
    told = made.body("create-model.v1-0-0")["PrimaryContainer"]["Environment"]
    told["KERVAN_PACKAGE"] = str(made.packages["1.0.0"])
    started = Container(tmp_path, made.packages["1.0.0"], "serve", **told).until_ready()
    try:
        assert request(started.port, "GET", "/ping").status == 200
        row = {"instances": [ROWS[0]]}
        label = request(started.port, "POST", "/invocations", row, JSON).json
        line = "39,1.5,İstanbul,true\n".encode()
        kind = {"content-type": "text/csv; header=absent", "accept": "text/csv"}
        url = f"http://127.0.0.1:{started.port}/invocations"
        with urllib.request.urlopen(urllib.request.Request(url, line * 2, kind), timeout=30) as batch:
            assert batch.read().decode().split() == label["predictions"] * 2
    finally:
        started.process.terminate()
        assert started.process.wait(timeout=30) == 0
