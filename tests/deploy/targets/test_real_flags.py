"""Our calls of kubectl and helm by the real ones, which read every flag before they look for a cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.targets.rendered import Make, Rendering
from deploy.targets.stand_in import StandIn
from tools import tool

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

NOWHERE = """apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: nowhere
"""
AWAY = ("connection refused", "cluster unreachable", "was refused", "cluster reachability check failed")


@pytest.fixture
def really(tmp_path: Path) -> Callable[[list[str]], str]:
    """Run a recorded call for real, with a cluster that is not there; return what it says."""
    (tmp_path / "config").write_text(NOWHERE)
    told = {**os.environ, "KUBECONFIG": str(tmp_path / "config"), "HELM_CACHE_HOME": str(tmp_path)}
    programs = {"kubectl": tool("kubectl"), "helm": tool("helm")}

    def run(words: list[str]) -> str:
        command = [programs[words[0]], *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=told, check=False)
        return done.stdout + done.stderr

    return run


def all_calls(release: Rendering, stand_in: StandIn) -> list[str]:
    """Return one call of each kind that a release ever makes."""
    release.findings()
    release.apply()
    release.target.runs(release.folder)
    release.target.logs(release.folder, 5)
    release.target.remove(release.folder)
    return list({" ".join(call.split()[:2]): call for call in stand_in.calls()}.values())


@pytest.mark.parametrize("name", ["kubernetes", "kserve", "helm"])
def test_every_flag_is_known(
    really: Callable[[list[str]], str], make: Make, stand_in: StandIn, name: str
) -> None:
    stand_in.add("kubectl", "helm")
    stand_in.answer("helm status", '{"info": {"status": "deployed"}}')
    stand_in.answer("helm version", "v4.1.4")
    release = make(name, settings={"context": "nowhere"})
    calls = all_calls(release, stand_in)
    assert len(calls) >= 4
    for call in calls:
        said = really(call.split())
        assert call.startswith("helm version") or any(each in said.lower() for each in AWAY), (call, said)
    assert "unknown flag" in really([*calls[0].split(), "--selectr=a"]).lower()
