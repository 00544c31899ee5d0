"""Cloud Functions: the source folder on Google's own framework, the body by its discovery document."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.targets.discovery import faults
from deploy.targets.rendered import Make
from deploy.targets.stand_in import StandIn
from kervan.core.errors import Refused, ServerFailed
from kervan.deploy.targets.staged import staged
from serve.real_packages import ROW
from serve.runtimes import tool_module

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

SETTINGS = {"project": "my-project", "account": "a@b.iam.gserviceaccount.com"}


def bundle(folder: Path, package: Path) -> None:
    """Write the ZIP that a release makes, without the wheels: the package alone."""
    with zipfile.ZipFile(folder / "1.0.0.zip", "w") as archive:
        for path in sorted(package.rglob("*")):
            archive.write(path, f"package/{path.relative_to(package)}")


def test_the_api_takes_the_function(make: Make) -> None:
    rendering = make(
        "cloud-functions", cpu=1.0, memory=1 << 30, most_workers=5, settings={**SETTINGS, "public": True}
    )
    assert rendering.render() == rendering.render()
    body = json.loads((rendering.folder / "function.json").read_text())
    assert faults("cloudfunctions.v2", "Function", body) == []
    assert body["serviceConfig"]["secretVolumes"][0]["secret"] == "gelir-production-keys"
    body["serviceConfig"]["timeoutSecond"] = 1
    assert len(faults("cloudfunctions.v2", "Function", body)) == 1
    with pytest.raises(Refused, match="one version of a function"):
        make("cloud-functions", candidate=0.5).render()


@contextmanager
def framework(source: Path, told: dict[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "--target",
        "predict",
        "--source",
        str(source / "main.py"),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    log = source / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            tool_module("functions_framework", *words), env={**os.environ, **told}, stdout=file, stderr=file
        )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/livez", timeout=30).close()
                break
            except OSError:
                assert time.monotonic() < end, log.read_text()
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_the_source_answers_on_googles_framework(make: Make, packages: dict[str, Path]) -> None:
    rendering = make("cloud-functions")
    rendering.render()
    bundle(rendering.folder, packages["1.0.0"])
    told = json.loads((rendering.folder / "function.json").read_text())["serviceConfig"][
        "environmentVariables"
    ]
    with staged(rendering.folder, "1.0.0", ("main.py",)) as source, framework(source, told) as url:
        request = urllib.request.Request(
            f"{url}/predict", json.dumps(ROW).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert json.loads(response.read())["model"] == "gelir@1.0.0"


@pytest.fixture
def gcloud(stand_in: StandIn) -> StandIn:
    stand_in.add("gcloud")
    stand_in.answer("gcloud auth list", "me@example.org\n")
    stand_in.answer("functions describe", "https://gelir.cloudfunctions.net\n")
    return stand_in


def test_a_release_to_cloud_functions(make: Make, gcloud: StandIn, packages: dict[str, Path]) -> None:
    release = make("cloud-functions", settings={**SETTINGS, "bucket": "source"})
    release.folder.mkdir(exist_ok=True)
    bundle(release.folder, packages["1.0.0"])
    gcloud.answer("functions deploy", "ERROR: Build failed\n", 1)
    with pytest.raises(ServerFailed, match="Build failed"):
        release.apply()
    assert "functions delete gelir-production" in gcloud.calls()[-1]
    gcloud.answer("functions deploy", "")
    assert release.apply() == "https://gelir.cloudfunctions.net"
    deployed = gcloud.calls()[0]
    for flag in ("--gen2", "--entry-point=predict", "--stage-bucket=source", "--no-allow-unauthenticated"):
        assert flag in deployed
    gcloud.answer("functions describe", "ACTIVE\n")
    assert release.target.runs(release.folder)
    gcloud.answer("functions logs", "one\ntwo\n")
    assert release.target.logs(release.folder, 1) == ["two"]
    with pytest.raises(Refused):
        release.target.shell(release.folder)
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)
    assert [each for each in make("cloud-functions", grpc_port=0).findings() if "one port" in each]


@pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")
def test_gcloud_knows_the_flags(
    make: Make, request: pytest.FixtureRequest, packages: dict[str, Path], tmp_path: Path
) -> None:
    real = str(shutil.which("gcloud"))
    stand_in: StandIn = request.getfixturevalue("gcloud")
    release = make("cloud-functions", settings={**SETTINGS, "public": True, "bucket": "source-of-functions"})
    release.folder.mkdir(exist_ok=True)
    bundle(release.folder, packages["1.0.0"])
    release.apply()
    deploy = next(each for each in stand_in.calls() if "functions deploy" in each).split()
    words = [real, *(f"--source={tmp_path}" if each.startswith("--source=") else each for each in deploy[1:])]
    told = {**os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "config")}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=told, check=False)
    assert "You do not currently have an active account" in done.stderr, done.stderr
