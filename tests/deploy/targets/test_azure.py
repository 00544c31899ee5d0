"""Azure's places: files by its own libraries, calls of az against a stand-in that records them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.targets.rendered import IMAGE, Make
from deploy.targets.stand_in import StandIn
from kervan.core.errors import InvalidConfig, MissingTool, NotFound, Refused, ServerFailed
from kervan.core.places import ImageSettings
from kervan.core.serving import ShareRole
from serve.real_packages import ROW
from serve.runtimes import tool_module
from tools import tool

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

ML = {"resource_group": "models", "workspace": "team", "subscription": "11111111-2222-3333-4444-555555555555"}
ACI = {
    "resource_group": "models",
    "subnet": "/subscriptions/s/subnets/a",
    "key_vault": "/v",
    "keys_secret": "k",
}
APP = {"resource_group": "models", "app": "gelir-app", "storage": "gelirstorage"}
EDGE = {"hub": "hub", "resource_group": "models"}
ARM = ImageSettings(registry=IMAGE.registry, platform="linux/arm64")

LOADERS = """
import sys, warnings
warnings.filterwarnings("ignore")
from azure.ai.ml import load_online_deployment, load_online_endpoint
for path in sys.argv[1:]:
    load = load_online_endpoint if path.endswith("endpoint.yml") else load_online_deployment
    made = load(path)
    print(made.name, getattr(made, "instance_count", ""))
"""
GROUP = """
import json, sys
from azure.mgmt.containerinstance import models
def check(made, value, where):
    if hasattr(made, "_attribute_map") and isinstance(value, dict):
        known = {each["key"].split(".")[-1]: name for name, each in made._attribute_map.items()}
        flat = {**value, **value.get("properties", {})}
        flat.pop("properties", None)
        for key, each in flat.items():
            if key not in known and key not in ("apiVersion",):
                print(where + "." + key + " is unknown")
            elif key in known:
                check(getattr(made, known[key]), each, where + "." + key)
    elif isinstance(value, list):
        for one, other in zip(made or [], value):
            check(one, other, where)
    elif made is None:
        print(where + " was not read")
template = json.load(open(sys.argv[1]))
body = template["resources"][0]
check(models.ContainerGroup.deserialize(body), body, "group")
"""


def tools_python(
    code: str, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code in the environment of the tools."""
    python = str(Path(tool("kubernetes-validate")).parent / "python")
    told = {**os.environ, "PYTHONWARNINGS": "ignore", **(environment or {})}
    return subprocess.run(
        [python, "-c", code, *arguments], capture_output=True, text=True, timeout=120, env=told, check=False
    )


@pytest.fixture
def az(stand_in: StandIn) -> StandIn:
    stand_in.add("az")
    return stand_in


def verbs(calls: list[str], folder: Path) -> list[str]:
    ends = (
        f"{folder}/",
        "az ",
        " --resource-group=models",
        f" --subscription={ML['subscription']}",
        " --workspace-name=team",
    )
    for each in ends:
        calls = [call.replace(each, "") for call in calls]
    return calls


@pytest.mark.parametrize("kind", ["image", "script"])
def test_azure_ml_loads_what_is_rendered(make: Make, kind: str) -> None:
    rendering = make("azure-ml", workers=2, candidate=0.2, settings={**ML, "kind": kind})
    assert rendering.render() == rendering.render()
    paths = sorted(str(path) for path in rendering.folder.glob("*.yml") if path.name != "conda.yml")
    done = tools_python(LOADERS, *paths)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("v1-0-0 2")
    assert done.stdout.splitlines()[2].startswith("gelir-production")
    path = Path(paths[0])
    path.write_text(path.read_text().replace("instance_count: 2", "instance_count: two"))
    done = tools_python(LOADERS, str(path))
    assert done.returncode != 0
    assert "instance_count" in done.stderr


RUN_SCORE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import score
score.init()
print(json.dumps([score.run(sys.argv[2]), score.run("{"), score.run('{"yas": 1}')]))
"""


def test_the_entry_script_answers(make: Make, packages: dict[str, Path], tmp_path: Path) -> None:
    rendering = make("azure-ml", settings={**ML, "kind": "script"})
    rendering.render()
    told = {
        **os.environ,
        "AZUREML_MODEL_DIR": str(packages["1.0.0"].parent / "1.0.0"),
        "KERVAN_RECORDS": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN_SCORE, str(rendering.folder / "code"), json.dumps([ROW, ROW])],
        capture_output=True, text=True, timeout=120, env=told, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer, broken, refused = json.loads(done.stdout)
    assert len(answer["predictions"]) == 2
    assert (broken["status"], refused["status"]) == (400, 422)


def test_a_release_to_azure_ml(make: Make, az: StandIn) -> None:
    az.answer("online-endpoint show", "")
    release = make("azure-ml", settings=ML)
    release.apply()
    calls = verbs(az.calls(), release.folder)
    assert [each.split(" --")[0] for each in calls] == [
        "ml online-endpoint show",
        "ml online-endpoint create",
        "ml online-deployment list",
        "ml online-deployment create",
        "ml online-endpoint update",
        "ml online-deployment list",
        "ml online-endpoint show",
    ]
    assert "--traffic=v1-0-0=100" in calls[4]
    az.answer("online-endpoint show", "https://gelir.westeurope.inference.ml.azure.com/score\n")
    az.answer("online-deployment list", "v1-0-0\n")
    shadowed = make("azure-ml", candidate=0.0, role=ShareRole.SHADOW, settings=ML)
    assert shadowed.apply() == "https://gelir.westeurope.inference.ml.azure.com/score"
    assert "--traffic=v1-0-0=100 --mirror-traffic=v2-0-0=10" in " ".join(az.calls())
    az.answer("online-deployment create", "ERROR: (BadArgument) image cannot be pulled\n", 1)
    with pytest.raises(ServerFailed, match="image cannot be pulled"):
        make("azure-ml", "2.0.0", settings=ML).apply()
    assert "--traffic=v1-0-0=100" in " ".join(az.calls()[-2:])
    release.target.remove(release.folder)
    assert verbs(az.calls(), release.folder)[-1].startswith("ml online-endpoint delete")


def test_container_instances_take_the_group(make: Make) -> None:
    rendering = make("azure-container-instances", cpu=1.5, memory=2 << 30, settings={**ACI, "identity": "/i"})
    assert rendering.render() == rendering.render()
    path = rendering.folder / "template.json"
    done = tools_python(GROUP, str(path))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    path.write_text(path.read_text().replace('"memoryInGB"', '"memoryGB"'))
    assert "memoryGB is unknown" in tools_python(GROUP, str(path)).stdout
    parameters = json.loads((rendering.folder / "parameters.json").read_text())["parameters"]
    assert parameters["keys"]["reference"]["secretName"] == "k"


def test_a_release_to_container_instances(make: Make, az: StandIn) -> None:
    az.answer("container show", "10.0.0.4\n")
    release = make("azure-container-instances", settings=ACI)
    assert release.apply() == "http://10.0.0.4:8080"
    az.calls()
    az.answer("deployment group create", "ERROR: InaccessibleImage\n", 1)
    with pytest.raises(ServerFailed, match="InaccessibleImage"):
        make("azure-container-instances", "2.0.0", settings=ACI).apply()
    assert "--name=gelir-production-v2-0-0" in az.calls()[-1]
    az.answer("deployment group create", "{}")
    make("azure-container-instances", "2.0.0", settings=ACI).apply()
    assert [each.split(" --r")[0] for each in verbs(az.calls(), release.folder)][1] == (
        "container delete --name=gelir-production-v1-0-0 --yes"
    )
    az.answer("container show .*instanceView", "Running\n")
    assert release.target.runs(release.folder)
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)
    with pytest.raises(Refused, match="shares out no traffic"):
        make("azure-container-instances", candidate=0.5).render()


CALL_APP = """
import json, sys
import azure.functions as functions
import function_app
made = function_app.app.get_functions()
print([each.get_function_name() for each in made], [each.get_trigger().get_binding_name() for each in made])
headers = {"content-type": "application/json", "host": "a.b"}
body = sys.argv[1].encode()
request = functions.HttpRequest(method="POST", url="https://a.b/predict", body=body, headers=headers)
answer = made[0].get_user_function()(request)
print(answer.status_code, answer.get_body().decode())
"""


def test_the_function_app_answers(make: Make, packages: dict[str, Path], tmp_path: Path) -> None:
    rendering = make("azure-functions", settings=APP)
    assert rendering.render() == rendering.render()
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "package").symlink_to(packages["1.0.0"])
    (folder / "function_app.py").write_text((rendering.folder / "function_app.py").read_text())
    (folder / "call.py").write_text(CALL_APP)
    told = {
        **os.environ,
        **json.loads((rendering.folder / "settings.json").read_text()),
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(
        tool_module("call", json.dumps(ROW)),
        capture_output=True,
        text=True,
        timeout=120,
        env=told,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, record, second = done.stdout.splitlines()
    assert json.loads(record)["event.dataset"] == "kervan.prediction"
    assert first == "['predict'] ['httpTrigger']"
    assert second.startswith('200 {"id"')
    assert json.loads((rendering.folder / "host.json").read_text())["extensions"]["http"]["routePrefix"] == ""


def test_a_release_to_azure_functions(make: Make, az: StandIn) -> None:
    release = make("azure-functions", settings=APP)
    az.answer("functionapp show", "ERROR: (ResourceNotFound) not found\n", 1)
    with pytest.raises(NotFound, match=r"there is no .*1\.0\.0\.zip"):
        release.apply()
    assert "functionapp delete" in az.calls()[-1]
    with zipfile.ZipFile(release.folder / "1.0.0.zip", "w") as archive:
        archive.writestr("package/manifest.json", "{}")
    az.answer("functionapp show", "gelir-app.azurewebsites.net\n")
    assert release.apply() == "https://gelir-app.azurewebsites.net"
    assert [each.split(" --")[0] for each in verbs(az.calls(), release.folder)] == [
        "functionapp show",
        "functionapp config appsettings set",
        "functionapp deployment source config-zip",
        "functionapp show",
    ]
    assert release.target.runs(release.folder)
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)


def test_a_manifest_for_devices(make: Make, az: StandIn) -> None:
    plan = {"memory": 256 << 20, "image": replace(IMAGE, extras=("mqtt",))}
    rendering = make("azure-iot-edge", **plan, settings={**EDGE, "broker": "mqtt://mosquitto:1883"})
    assert rendering.render() == rendering.render()
    content = json.loads((rendering.folder / "deployment.json").read_text())["modulesContent"]
    assert set(content) == {"$edgeAgent", "$edgeHub", "gelir-production"}
    module = content["$edgeAgent"]["properties.desired"]["modules"]["gelir-production"]
    options = json.loads(module["settings"]["createOptions"])
    assert options["HostConfig"]["Memory"] == 256 << 20
    assert options["Entrypoint"] == ["python", "-m", "kervan.serve.edge_module"]
    assert content["gelir-production"]["properties.desired"]["version"] == "1.0.0"
    assert rendering.apply() == "mqtt://mosquitto:1883"
    assert (
        "iot edge deployment create --deployment-id=gelir-production-v1-0-0"
        in verbs(az.calls(), rendering.folder)[0]
    )
    make("azure-iot-edge", "2.0.0", **plan, settings=EDGE).apply()
    assert [each.split(" --h")[0] for each in verbs(az.calls(), rendering.folder)][-1] == (
        "iot edge deployment delete --deployment-id=gelir-production-v1-0-0"
    )
    az.answer("deployment create", "ERROR: Unauthorized\n", 1)
    with pytest.raises(ServerFailed, match="Unauthorized"):
        make("azure-iot-edge", **plan, settings=EDGE).apply()
    assert "--deployment-id=gelir-production-v1-0-0" in az.calls()[-1]
    az.answer("deployment show", "gelir-production-v2-0-0\n")
    assert rendering.target.runs(rendering.folder)
    rendering.target.remove(rendering.folder)
    assert not rendering.target.runs(rendering.folder)


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("azure-ml", {"settings": {"location": "West Europe"}}, "is no location"),
        ("azure-ml", {"settings": {"resource_group": ""}}, "no resource group is named"),
        ("azure-ml", {"settings": {"resource_group": "a b"}}, "is no name of a resource group"),
        ("azure-ml", {"settings": {"workspace": ""}}, "no workspace is named"),
        ("azure-ml", {"settings": {"mirror": 60}}, "60 % cannot be mirrored"),
        ("azure-ml", {"settings": {"timeout": 200}}, "180 seconds at most"),
        ("azure-ml", {"most_workers": 4}, "rules of Azure Monitor"),
        ("azure-ml", {"image": ARM}, "linux/arm64 does not run there"),
        ("azure-container-instances", {"cpu": 8.0}, "4 cores and 16 GB"),
        ("azure-container-instances", {"workers": 2}, "one replica"),
        ("azure-container-instances", {"settings": {"subnet": ""}}, "nothing brings TLS"),
        ("azure-container-instances", {"settings": {"key_vault": ""}}, "no secret with the keys"),
        ("azure-functions", {"settings": {"storage": ""}}, "no storage account is named"),
        ("azure-functions", {"settings": {"memory": 1000}}, "1000 MiB cannot be had"),
        ("azure-functions", {"memory": 4 << 30}, "more than an instance has"),
        ("azure-functions", {"grpc_port": 0}, "speaks HTTP alone"),
        ("azure-iot-edge", {"settings": {"hub": ""}}, "no IoT Hub is named"),
        ("azure-iot-edge", {"settings": {"broker": "http://a"}}, "is no broker"),
        ("azure-iot-edge", {"settings": {"broker": "mqtt://a"}}, "does not speak MQTT"),
        ("azure-iot-edge", {"settings": {"records": "/" + "a" * 4096}}, "4096 letters at most"),
        ("azure-iot-edge", {"workers": 2}, "a device runs one replica"),
    ],
)
def test_limits_are_found_before_anything_is_sent(
    make: Make, az: StandIn, name: str, asked: dict[str, Any], words: str
) -> None:
    usual = {"azure-ml": ML, "azure-container-instances": ACI, "azure-functions": APP, "azure-iot-edge": EDGE}
    found = make(name, **{**asked, "settings": {**usual[name], **asked.get("settings", {})}}).findings()
    assert len([each for each in found if words in each]) == 1, found
    assert not [each for each in make(name, settings=usual[name]).findings() if words in each]


def test_az_is_looked_for(make: Make, az: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    az.answer("account show", "Please run 'az login' to setup account.\n", 1)
    assert any("az login" in each for each in make("azure-ml", settings=ML).findings())
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("azure-ml", "azure-container-instances", "azure-functions", "azure-iot-edge"):
        assert "az is not installed" in make(name).findings()
        with pytest.raises(MissingTool):
            make(name).apply()


def test_unknown_choices_are_refused(make: Make) -> None:
    with pytest.raises(InvalidConfig, match="kind: 'images' is unknown"):
        make("azure-ml", settings={"kind": "images"}).render()


USUAL = {"azure-ml": ML, "azure-container-instances": ACI, "azure-functions": APP, "azure-iot-edge": EDGE}


@pytest.mark.parametrize("name", USUAL)
def test_a_pipeline_deploys_from_azure_devops(make: Make, name: str) -> None:
    rendering = make(name, settings={**USUAL[name], "connection": "our-azure"})
    pipeline = yaml.safe_load(rendering.render()["azure-pipelines.yml"])
    inputs = pipeline["steps"][-1]["inputs"]
    assert inputs["azureSubscription"] == "our-azure"
    assert inputs["inlineScript"] == f"kervan deploy gelir@1.0.0 --target {name} --to production"
    assert "azure-pipelines.yml" not in make(name, settings=USUAL[name]).render()
