"""Emulated clouds, and packages that go there: each made once for a process that runs tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from deploy.targets.rendering import Rendering
from kervan.core.keeping import Keeping
from kervan.core.places import ImageSettings
from kervan.core.serving import Plan
from kervan.testing.sample import make_package
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def two_packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("two")
    return {version: make_package(folder / version, version) for version in ("1.0.0", "2.0.0")}


@pytest.fixture
def rendering(two_packages: dict[str, Path], tmp_path: Path) -> Callable[..., Rendering]:
    """Make a rendering of a target: its settings, and what else of the plan is not usual."""

    def make(target: Any, name: str, settings: dict[str, Any], **told: Any) -> Rendering:
        image = ImageSettings(registry="123456789012.dkr.ecr.eu-central-1.amazonaws.com/kervan")
        given = {"image": image, "keeping": Keeping(), **told}
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return Rendering(target, folder, Plan(target=name, settings=settings, **given), two_packages)

    return make


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """AWS as far as moto knows it; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [tool("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
            stdout=file,
            stderr=file,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
    try:
        until = time.monotonic() + 120
        while not _answers(f"{url}/moto-api/data.json"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture
def moto(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty account of moto's, with credentials that are none."""
    request = urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=20).close()
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return moto_server
