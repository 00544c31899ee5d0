"""Google's places: bodies by its discovery documents, calls against a stand-in, flags by gcloud itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.targets.discovery import faults
from deploy.targets.rendered import IMAGE, Make
from deploy.targets.stand_in import StandIn
from kervan.core.errors import MissingTool, Refused, ServerFailed
from kervan.core.places import ImageSettings
from kervan.core.serving import Rule, ShareRole
from kervan.deploy.targets.google.vertex import HEALTH, PREDICT
from serve.live import running
from serve.real_packages import ROW

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

NAMES = ("cloud-run", "vertex", "app-engine")
SETTINGS = {"project": "my-project", "region": "europe-west1"}
# What app.yaml calls otherwise than the API.
CALLED = {
    "disk_size_gb": "diskGb",
    "min_num_instances": "minTotalInstances",
    "max_num_instances": "maxTotalInstances",
    "app_start_timeout_sec": "appStartTimeout",
}


@pytest.fixture
def gcloud(stand_in: StandIn) -> StandIn:
    stand_in.add("gcloud")
    stand_in.answer("gcloud auth list", "me@example.org\n")
    stand_in.answer("gcloud secrets describe", "found\n")
    stand_in.answer(
        "revisions describe|models describe|endpoints describe|versions list",
        "ERROR: NOT_FOUND: could not be found\n",
        1,
    )
    return stand_in


def verbs(calls: list[str], folder: Path) -> list[str]:
    ends = (" --region=europe-west1", " --project=my-project", " --quiet", "gcloud ", f"{folder}/")
    for each in ends:
        calls = [call.replace(each, "") for call in calls]
    return calls


def test_cloud_run_takes_the_service(make: Make) -> None:
    rendering = make("cloud-run", cpu=2.0, memory=2 << 30, workers=2, most_workers=8, candidate=0.07)
    assert rendering.render() == rendering.render()
    services = [each for each in rendering.documents() if each.get("kind") == "Service"]
    assert len(services) == 2
    assert [found for each in services for found in faults("run.v1", "Service", each)] == []
    assert [each["percent"] for each in rendering.one("Service")["spec"]["traffic"]] == [100]
    service = yaml.safe_load((rendering.folder / "service.yaml").read_text())
    assert [each["percent"] for each in service["spec"]["traffic"]] == [93, 7]
    volume = service["spec"]["template"]["spec"]["volumes"][0]["secret"]
    assert volume["secretName"] == "gelir-production-keys"
    open_to_all = make("cloud-run", platform=True, settings={"public": True}).one("Service")
    assert open_to_all["metadata"]["annotations"]["run.googleapis.com/invoker-iam-disabled"] == "true"
    assert "volumes" not in open_to_all["spec"]["template"]["spec"]


def test_a_wrong_field_and_a_wrong_type_are_caught(make: Make) -> None:
    service = make("cloud-run").one("Service")
    service["spec"]["traffic"][0]["percen"] = 1
    service["spec"]["template"]["spec"]["timeoutSeconds"] = "60"
    assert len(faults("run.v1", "Service", service)) == 2


def test_a_revision_is_called_by_what_it_is(make: Make) -> None:
    def name(**asked: Any) -> str:
        template = make("cloud-run", **asked).one("Service")["spec"]["template"]
        return str(template["metadata"]["name"])

    assert name() == name(deployment="D2") == name(candidate=0.5)
    assert name() != name(cpu=2.0)
    assert len(name()) <= 63


def test_vertex_takes_the_bodies(make: Make) -> None:
    rendering = make("vertex", workers=1, most_workers=3, candidate=0.3, settings={"account": "a@b.c"})
    files = {name: json.loads(text) for name, text in rendering.render().items()}
    kinds = {
        "endpoint.json": "Endpoint",
        "model-v1-0-0.json": "UploadModelRequest",
        "model-v2-0-0.json": "UploadModelRequest",
        "deploy-v1-0-0.json": "DeployModelRequest",
        "deploy-v2-0-0.json": "DeployModelRequest",
        "traffic.json": "Endpoint",
    }
    assert set(kinds) | {"release.json"} == set(files)
    for name, kind in kinds.items():
        assert faults("aiplatform.v1", f"GoogleCloudAiplatformV1{kind}", files[name]) == [], name
    assert sorted(files["traffic.json"]["trafficSplit"].values()) == [30, 70]
    files["model-v1-0-0.json"]["model"]["containerSpec"]["port"] = 1
    found = faults("aiplatform.v1", "GoogleCloudAiplatformV1UploadModelRequest", files["model-v1-0-0.json"])
    assert found == ["GoogleCloudAiplatformV1UploadModelRequest.model.containerSpec.port is unknown"]


def test_our_server_answers_as_vertex_asks(packages: dict[str, Path], tmp_path: Path) -> None:
    with running(tmp_path, packages["1.0.0"]) as server:
        answer = server.ask("POST", PREDICT, {"instances": [ROW, ROW], "parameters": {}})
        assert answer.status == 200, answer.body
        assert len(answer.json["predictions"]) == 2
        assert server.ask("GET", HEALTH).status == 200


def as_api(document: Any) -> Any:
    """Return what `app.yaml` says by the API's names."""
    if not isinstance(document, dict):
        return f"{document}s" if isinstance(document, int) and document == 300 else document
    made = {}
    for name, value in document.items():
        first, *rest = name.split("_")
        called = CALLED.get(name, first + "".join(each.title() for each in rest))
        made[called] = value if name == "env_variables" else as_api(value)
    return made


def test_app_engine_takes_the_versions(make: Make) -> None:
    asked = {"platform": True, "cpu": 2.0, "memory": 2 << 30, "most_workers": 4, "candidate": 0.4}
    rendering = make("app-engine", **asked, settings={"account": "a@b.c"})
    assert rendering.render() == rendering.render()
    for document in rendering.documents():
        body = as_api(document)
        assert body.pop("service") == "gelir-production"
        assert faults("appengine.v1", "Version", body) == []
        body["readinessCheck"]["paths"] = "/"
        assert len(faults("appengine.v1", "Version", body)) == 1
    assert make("app-engine", platform=True).documents()[0]["manual_scaling"] == {"instances": 1}


@pytest.mark.parametrize("name", NAMES)
def test_what_nobody_there_does_is_refused(make: Make, name: str) -> None:
    with pytest.raises(Refused, match="no shadows"):
        make(name, candidate=0.0, role=ShareRole.SHADOW).render()


ARM = ImageSettings(registry=IMAGE.registry, platform="linux/arm64")


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("cloud-run", {"settings": {"region": "Europe"}}, "is no region"),
        ("cloud-run", {"settings": {"project": "P"}}, "is no id of a project"),
        ("cloud-run", {"image": ARM}, "linux/arm64 does not run there"),
        ("cloud-run", {}, "Google pulls from Artifact Registry"),
        ("cloud-run", {"cpu": 3.0}, "3 cores cannot be had"),
        ("cloud-run", {"cpu": 0.5}, "answers one request at a time"),
        ("cloud-run", {"cpu": 0.01}, "0.01 cores are too few"),
        ("cloud-run", {"memory": 33 << 30, "cpu": 8.0}, "4 to 32 GiB, not 33"),
        ("cloud-run", {"memory": 8 << 30}, "with 1 cores an instance has 0.125 to 4 GiB"),
        ("cloud-run", {"most_workers": 1001}, "1000 instances at most"),
        ("cloud-run", {"grpc_port": 0}, "has one port"),
        ("cloud-run", {"sticky": "entity"}, "do not stay with a version"),
        ("cloud-run", {"rule": Rule(column="a", values=("b",))}, "nobody there looks into rows"),
        ("cloud-run", {}, "requests over 32 MiB are refused"),
        ("vertex", {"settings": {"machine": "large"}}, "is no type of machine"),
        ("vertex", {"cpu": 4.0}, "n1-standard-2 has 2 cores and 7.5 GiB"),
        ("vertex", {"memory": 8 << 30}, "less than a replica may take"),
        ("vertex", {"idle": 60.0}, "keeps one replica at least"),
        ("vertex", {}, "requests over 1.5 MB are refused"),
        ("app-engine", {}, "mounts no secrets"),
        ("app-engine", {"cpu": 3.0}, "3 cores cannot be had"),
        ("app-engine", {"memory": 8 << 30}, "an instance has 0.6 to 6.1 GB"),
        ("app-engine", {"idle": 60.0}, "one instance stays"),
    ],
)
def test_limits_are_found_before_anything_is_sent(
    make: Make, gcloud: StandIn, name: str, asked: dict[str, Any], words: str
) -> None:
    asked = {**asked, "settings": {**SETTINGS, **asked.get("settings", {})}}
    found = make(name, **asked).findings()
    assert len([each for each in found if words in each]) == 1, found


def test_credentials_are_looked_for(make: Make, gcloud: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    gcloud.answer("gcloud secrets describe", "NOT_FOUND: Secret [a]\n", 1)
    assert any(
        "Secret Manager does not show" in each for each in make("cloud-run", settings=SETTINGS).findings()
    )
    assert "no project is named" in make("vertex").findings()
    gcloud.answer("gcloud auth list", "")
    assert "gcloud is not logged in" in make("vertex").findings()
    monkeypatch.setenv("PATH", "/nowhere")
    assert "gcloud is not installed" in make("vertex").findings()
    with pytest.raises(MissingTool):
        make("vertex").apply()


def test_a_release_to_cloud_run(make: Make, gcloud: StandIn) -> None:
    gcloud.answer("services describe", "https://gelir-x.run.app\n")
    release = make("cloud-run", settings=SETTINGS)
    assert release.apply() == "https://gelir-x.run.app"
    assert verbs(gcloud.calls(), release.folder)[0] == "run services replace service.yaml"
    both = make("cloud-run", candidate=0.5, settings=SETTINGS)
    both.apply()
    assert [each.split(" gelir")[0] for each in verbs(gcloud.calls(), release.folder)] == [
        "run revisions describe",
        "run services replace before-v1-0-0.yaml",
        "run services replace service.yaml",
        "run services describe",
    ]
    gcloud.answer("services replace", "ERROR: The user-provided container failed to start\n", 1)
    gcloud.answer("services replace .*applied", "")
    with pytest.raises(ServerFailed, match="container failed to start"):
        make("cloud-run", "2.0.0", settings=SETTINGS).apply()
    assert verbs(gcloud.calls(), release.folder)[-1] == "run services replace .applied/service.yaml"
    gcloud.answer(
        "services describe", json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    )
    assert release.target.runs(release.folder)
    gcloud.answer("services logs", "one\ntwo\n")
    assert release.target.logs(release.folder, 1) == ["two"]
    with pytest.raises(Refused, match="no shell"):
        release.target.shell(release.folder)
    gcloud.answer("services delete", "ERROR: Cannot find service [gelir]\n", 1)
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)


def test_a_first_release_that_fails_leaves_nothing(make: Make, gcloud: StandIn) -> None:
    gcloud.answer("services replace|deploy", "ERROR: PERMISSION_DENIED\n", 1)
    last = {
        "cloud-run": "run services delete gelir-production",
        "vertex": "ai endpoints describe",
        "app-engine": "app services delete gelir-production",
    }
    for name, words in last.items():
        release = make(name, settings=SETTINGS, platform=True)
        with pytest.raises(ServerFailed, match="PERMISSION_DENIED"):
            release.apply()
        assert verbs(gcloud.calls(), release.folder)[-1].startswith(words)
        assert not release.target.runs(release.folder)


def test_a_release_to_vertex(make: Make, gcloud: StandIn) -> None:
    first = make("vertex", settings=SETTINGS)
    url = first.apply()
    assert url.startswith("https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/")
    calls = verbs(gcloud.calls(), first.folder)
    assert [each.split(" --")[0].rstrip("0123456789 ") for each in calls if "describe" not in each] == [
        "ai endpoints create",
        "ai models upload",
        "ai endpoints deploy-model",
        "ai endpoints update",
    ]
    assert "--traffic-split=0=100" in calls[-2]
    old = json.loads((first.folder / "release.json").read_text())["objects"]
    gcloud.answer("endpoints describe", json.dumps({"deployedModels": [{"id": old[0]}]}))
    second = make("vertex", candidate=0.1, settings=SETTINGS)
    second.apply()
    calls = verbs(gcloud.calls(), first.folder)
    assert "--traffic-split" not in calls[-2]
    new = json.loads((second.folder / "release.json").read_text())["objects"][1]
    assert calls[-1].endswith(f"--traffic-split={old[0]}=90,{new}=10")
    alone = make("vertex", "2.0.0", settings=SETTINGS)
    alone.apply()
    assert verbs(gcloud.calls(), first.folder)[-1].endswith(f"--deployed-model-id={old[0]}")
    alone.target.remove(alone.folder)
    assert " ai endpoints delete " in gcloud.calls()[-1]


def test_a_release_to_app_engine(make: Make, gcloud: StandIn) -> None:
    gcloud.answer("app browse", "https://gelir-dot-my-project.appspot.com\n")
    asked = {"platform": True, "settings": SETTINGS}
    release = make("app-engine", candidate=0.25, **asked)
    assert release.apply() == "https://gelir-dot-my-project.appspot.com"
    names = json.loads((release.folder / "release.json").read_text())["objects"]
    split = f"--splits={names[0]}=0.75,{names[1]}=0.25 --split-by=random"
    assert verbs(gcloud.calls(), release.folder)[-2] == f"app services set-traffic gelir-production {split}"
    gcloud.answer("versions list", "\n".join(names))
    make("app-engine", "2.0.0", **asked).apply()
    assert verbs(gcloud.calls(), release.folder)[-2] == (
        f"app versions delete {names[0]} --service=gelir-production"
    )
    assert release.target.shell(release.folder)[:4] == ["gcloud", "app", "instances", "ssh"]
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)


@pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_gcloud_knows_every_flag(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, name: str
) -> None:
    real = str(shutil.which("gcloud"))
    stand_in: StandIn = request.getfixturevalue("gcloud")
    release = make(
        name, candidate=0.25, platform=True, settings={**SETTINGS, "account": "a@b.iam.gserviceaccount.com"}
    )
    release.findings()
    release.apply()
    stand_in.answer("endpoints describe", '{"deployedModels": [{"id": "1"}]}')
    release.target.logs(release.folder, 5)
    release.target.remove(release.folder)
    calls = (each for each in stand_in.calls() if "auth list" not in each)
    told = {" ".join(each.split()[1:4]): each for each in calls}
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }
    for call in told.values():
        words = [real, *_words(call)[1:]]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert "You do not currently have an active account" in done.stderr, (call, done.stderr)


def _words(call: str) -> list[str]:
    """Return the words of a recorded call; the one filter with blanks is put together again."""
    head, found, tail = call.partition('resource.type="')
    if not found:
        return call.split()
    chosen, _, rest = tail.partition(" --")
    return [*head.split(), f"{found}{chosen}", *f"--{rest}".split()]
