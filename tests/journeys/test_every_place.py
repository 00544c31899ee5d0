"""The same package gives the same row the same number, wherever it answers."""

from __future__ import annotations

import json
import queue
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from containers import HELD, PLATFORM, answered, free_port, running
from kervan.core.places import ImageSettings
from kervan.core.plugins import plugin
from kervan.core.serving import Plan, Serving
from kervan.deploy.rendered import write_files
from kervan.testing.sample import ROWS
from serve.edge import broker, module, until
from serve.live import running as served
from serve.runtimes import environment, framework, lambda_runtime

if TYPE_CHECKING:
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Image

pytestmark = pytest.mark.service
ROW = dict(ROWS[0])


@pytest.fixture(scope="module")
def expected(sample_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process on this machine answers."""
    with served(tmp_path_factory.mktemp("here"), sample_package) as server:
        (found,) = answered(server.serving.url(server.port), [ROW])
    return found["probabilities"]


def asked(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def test_a_container_answers_the_same(sample_image: Image, podman: Podman, expected: Any) -> None:
    with running(podman, podman.load(sample_image), KERVAN_PLATFORM="1") as container:
        (found,) = answered(container.url, [ROW])
    assert found["probabilities"] == expected


def test_the_container_that_sagemaker_starts_answers_the_same(
    sample_image: Image,
    podman: Podman,
    expected: Any,
) -> None:
    """It is started with `serve`, asked for its health at `/ping`, and for labels at `/invocations`."""
    url = f"http://127.0.0.1:{free_port()}"
    told = ["-e", "KERVAN_PLATFORM=1", "-p", f"{url.removeprefix('http://')}:8080", "--memory=512m"]
    ident = podman("run", "--detach", *HELD, *told, podman.load(sample_image), "serve")
    try:
        (found,) = answered(url, [ROW])
        with urllib.request.urlopen(f"{url}/ping", timeout=30) as response:
            assert response.status == 200
        told = asked(f"{url}/invocations", {"instances": [ROW]})
    finally:
        podman("rm", "--force", "--time", "1", ident, check=False)
    assert found["probabilities"] == expected
    assert told["predictions"] == [max(expected, key=expected.get)]


def test_a_pod_answers_the_same(
    sample_image: Image,
    podman: Podman,
    sample_package: Path,
    tmp_path: Path,
    expected: Any,
) -> None:
    """The manifests are those for Kubernetes, with a port of this machine; podman plays them."""
    plan = Plan(
        target="kubernetes",
        image=ImageSettings(platform=PLATFORM),
        platform=True,
        memory=512 << 20,
        cpu=0.5,
    )
    serving = Serving(environment="pod", deployment="D1", package=str(sample_package), records="/nowhere")
    write_files(tmp_path, plugin("target", "kubernetes").render(serving, plan))
    documents = [
        each
        for path in sorted(tmp_path.glob("*.yaml"))
        for each in yaml.safe_load_all(path.read_text())
        if each["kind"] in {"ConfigMap", "Deployment"}
    ]
    port = free_port()
    (deployment,) = [each for each in documents if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["ports"][0] |= {"hostPort": port, "hostIP": "127.0.0.1"}
    assert podman.load(sample_image) == container["image"]
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump_all(documents))
    podman("play", "kube", tmp_path / "pod.yaml")
    try:
        (found,) = answered(f"http://127.0.0.1:{port}", [ROW])
    finally:
        podman("play", "kube", "--down", tmp_path / "pod.yaml", check=False)
    assert found["probabilities"] == expected


def test_a_function_of_aws_answers_the_same(sample_package: Path, tmp_path: Path, expected: Any) -> None:
    told = environment(sample_package, tmp_path)
    with lambda_runtime("kervan.serve.function.aws", told, tmp_path) as api:
        kind, found = api.invoke({"features": ROW})
    assert kind == "response"
    assert found["predictions"][0]["probabilities"] == expected


def test_a_function_of_google_answers_the_same(sample_package: Path, tmp_path: Path, expected: Any) -> None:
    with framework(sample_package, tmp_path) as url:
        found = asked(f"{url}/predict", {"features": ROW})
    assert found["predictions"][0]["probabilities"] == expected


def test_a_module_at_the_edge_answers_the_same(sample_package: Path, tmp_path: Path, expected: Any) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _, __, message: answers.put(json.loads(message.payload))
    with broker(tmp_path) as port:
        process = module(sample_package, port, tmp_path)
        try:
            client.connect("127.0.0.1", port)
            client.subscribe("kervan/out", qos=1)
            client.loop_start()
            until(lambda: b'"listening"' in (tmp_path / "log").read_bytes())
            client.publish("kervan/in", json.dumps(ROW).encode(), qos=1)
            found = answers.get(timeout=60)
        finally:
            client.loop_stop()
            client.disconnect()
            process.kill()
            process.wait()
    assert found["predictions"][0]["probabilities"] == expected
