from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.targets.rendered import Make, Rendering
from deploy.targets.stand_in import StandIn
from deploy.targets.test_kubernetes import FULL
from kervan.core.errors import InvalidConfig, Refused, ServerFailed
from kervan.core.serving import ShareRole
from tools import tool

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("helm"), *words], capture_output=True, text=True, timeout=120, check=False)


def objects(rendering: Rendering, *more: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what Helm makes of the chart, by kind and name, without what only Helm has."""
    rendering.render()
    chart = str(rendering.folder / "chart")
    done = helm("template", "gelir-production", chart, "--namespace=models", "--kube-version=1.31", *more)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in found if each["kind"] != "Pod"}


def same(document: dict[str, Any]) -> str:
    """Return an object's text without what Helm says otherwise: who manages it, and a hash."""
    text = yaml.safe_dump(document)
    lines = (line for line in text.splitlines() if "managed-by" not in line and "kervan.io/told" not in line)
    return "\n".join(lines).replace("annotations: {}", "").replace("resources: {}", "")


@pytest.mark.parametrize("asked", [FULL, {"settings": {"namespace": "models", "records": "1Gi"}}])
def test_a_chart_makes_what_kubernetes_gets(make: Make, asked: dict[str, Any]) -> None:
    made = objects(make("helm", **asked))
    plain = make("kubernetes", rolls=True, **asked).documents()
    expected = {(each["kind"], each["metadata"]["name"]): each for each in plain if "metadata" in each}
    assert made.keys() == expected.keys()
    for name, document in expected.items():
        assert yaml.safe_load(same(made[name]) or "{}") is not None
        assert sorted(filter(str.strip, same(made[name]).splitlines())) == sorted(
            filter(str.strip, same(document).splitlines())
        ), name


def test_it_is_rendered_alike_and_passes_lint(make: Make) -> None:
    rendering = make("helm", candidate=0.3, **FULL)
    assert rendering.render() == rendering.render()
    done = helm("lint", "--strict", str(rendering.folder / "chart"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_change_what_may_differ(make: Make) -> None:
    rendering = make("helm", **FULL)
    made = objects(rendering, "--set=ingress.host=other.example.org", "--set=versions.main.image=a/b:2")
    assert made["Ingress", "gelir-production"]["spec"]["rules"][0]["host"] == "other.example.org"
    pod = made["Deployment", "gelir-production-main"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "a/b:2"


@pytest.mark.parametrize("wrong", ["service.type=Cluster", "ingres.host=a", "versions.main.replicas=many"])
def test_wrong_values_are_caught(make: Make, wrong: str) -> None:
    rendering = make("helm", **FULL)
    rendering.render()
    done = helm("template", "gelir", str(rendering.folder / "chart"), f"--set={wrong}")
    assert done.returncode != 0
    assert wrong.partition("=")[0].rpartition(".")[0].split(".")[0] in done.stderr


def test_a_broken_template_is_caught(make: Make) -> None:
    rendering = make("helm")
    rendering.render()
    path = rendering.folder / "chart/templates/config.yaml"
    path.write_text(path.read_text().replace("toJson }}", "toJson }"))
    assert helm("lint", "--strict", str(rendering.folder / "chart")).returncode != 0


def test_what_helm_cannot_do_is_refused(make: Make) -> None:
    with pytest.raises(Refused, match="no version can stand by"):
        make("helm", candidate=0.0, role=ShareRole.STANDBY).render()
    with pytest.raises(Refused, match="by replicas alone"):
        make("helm", settings={"weights": "ingress", "host": "a.example.org"}).render()


def test_installed_upgraded_and_removed(make: Make, stand_in: StandIn) -> None:
    stand_in.add("helm")
    stand_in.answer("helm version", "v4.1.4")
    release = make("helm", settings={"context": "prod"})
    assert release.apply() == "http://gelir-production.default.svc:80"
    assert stand_in.calls()[1].replace(str(release.folder), ".") == (
        "helm upgrade gelir-production ./chart --install --create-namespace --rollback-on-failure --wait "
        "--timeout=300s --history-max=10 --namespace=default --kube-context=prod"
    )
    stand_in.answer("helm status", '{"info": {"status": "deployed"}}')
    assert release.target.runs(release.folder)
    stand_in.answer("helm version", "v3.18.4")
    stand_in.answer("helm upgrade", "Error: release failed, and has been rolled back: timed out\n", 1)
    old = (release.folder / "chart/Chart.yaml").read_text()
    with pytest.raises(ServerFailed, match="has been rolled back: timed out"):
        make("helm", "2.0.0", settings={"context": "prod"}).apply()
    assert (release.folder / "chart/Chart.yaml").read_text() == old
    assert "--atomic" in stand_in.calls()[-1]
    release.target.remove(release.folder)
    release.target.remove(release.folder)
    assert len(stand_in.calls()) == 1
    assert not release.target.runs(release.folder)


def test_a_missing_helm_is_found(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make("helm", cpu=0.5, memory=512 << 20).findings() == [
        "helm is not installed",
        "kubectl is not installed",
    ]


@pytest.mark.parametrize("name", ["records", "pull_secret", "storage_class", "ingress_class"])
def test_what_helm_would_compute_is_refused(make: Make, name: str) -> None:
    with pytest.raises(InvalidConfig, match=name):
        make("helm", settings={name: "{{ .Values.image }}"}).render()
