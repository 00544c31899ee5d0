"""Releases by kubectl: what is called in which order, against a stand-in that records it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.targets.rendered import Make
from deploy.targets.stand_in import StandIn
from kervan.core.errors import MissingTool, ServerFailed
from kervan.core.serving import ShareRole

LABELS = json.dumps({"app.kubernetes.io/instance": "gelir-production"})
PODS = {
    "items": [
        {
            "status": {
                "containerStatuses": [
                    {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
                ]
            }
        },
        {
            "status": {
                "containerStatuses": [
                    {
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                    }
                ]
            }
        },
        {
            "status": {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "no memory",
                    }
                ]
            }
        },
    ]
}


@pytest.fixture
def kubectl(stand_in: StandIn) -> StandIn:
    stand_in.add("kubectl")
    return stand_in


def verbs(calls: list[str], folder: Any) -> list[str]:
    """Return calls without what all of them have."""
    short = (call.replace(f"{folder}/", "").replace(f"={folder}", "=.") for call in calls)
    return [each.removeprefix("kubectl ").replace(" --namespace=default", "") for each in short]


def test_a_release_comes_up_before_the_traffic_moves(make: Make, kubectl: StandIn) -> None:
    first = make("kubernetes")
    assert first.apply() == "http://gelir-production.default.svc:80"
    before = "--filename=account.yaml --filename=config.yaml --filename=network.yaml"
    assert verbs(kubectl.calls(), first.folder) == [
        f"apply {before} --filename=workload-v1-0-0.yaml --filename=scaling.yaml",
        "rollout status deployment/gelir-production-v1-0-0 --timeout=300s",
        "apply --kustomize=.",
    ]
    make("kubernetes", "2.0.0").apply()
    assert verbs(kubectl.calls(), first.folder)[1:] == [
        "rollout status deployment/gelir-production-v2-0-0 --timeout=300s",
        "apply --kustomize=.",
        "delete poddisruptionbudget/gelir-production-v1-0-0 --ignore-not-found --timeout=300s",
        "delete deployment/gelir-production-v1-0-0 --ignore-not-found --timeout=300s",
    ]


def test_a_rollout_that_never_becomes_ready_leaves_the_old_one(make: Make, kubectl: StandIn) -> None:
    first = make("kubernetes")
    first.apply()
    old = (first.folder / "service.yaml").read_text()
    kubectl.calls()
    kubectl.answer("rollout status", "error: timed out waiting for the condition\n", status=1)
    kubectl.answer("get deployment/gelir-production-v2-0-0", LABELS)
    kubectl.answer("get pods", json.dumps(PODS))
    second = make("kubernetes", "2.0.0")
    with pytest.raises(ServerFailed) as caught:
        second.apply()
    assert str(caught.value) == (
        "deployment/gelir-production-v2-0-0 did not come up: ImagePullBackOff: not found; "
        "CrashLoopBackOff: OOMKilled: status 137; Unschedulable: no memory"
    )
    assert (first.folder / "service.yaml").read_text() == old
    calls = verbs(kubectl.calls(), first.folder)
    assert calls[-3:] == [
        "apply --kustomize=.applied",
        "delete poddisruptionbudget/gelir-production-v2-0-0 --ignore-not-found --timeout=300s",
        "delete deployment/gelir-production-v2-0-0 --ignore-not-found --timeout=300s",
    ]
    assert not any("delete deployment/gelir-production-v1-0-0" in each for each in calls)
    assert "apply --kustomize=." not in calls  # the traffic did not move


def test_a_first_release_that_fails_leaves_nothing(make: Make, kubectl: StandIn) -> None:
    kubectl.answer("apply --kustomize", 'services "gelir" is forbidden: no right\n', status=1)
    release = make("kubernetes")
    with pytest.raises(ServerFailed, match=r"kubectl apply: services .* is forbidden: no right"):
        release.apply()
    deleted = [each for each in verbs(kubectl.calls(), release.folder) if each.startswith("delete")]
    assert len(deleted) == 6
    assert not release.target.runs(release.folder)


def test_what_cannot_be_brought_back_is_said(make: Make, kubectl: StandIn) -> None:
    make("kubernetes").apply()
    kubectl.answer("kubectl", "the server is away\n", status=1)
    with pytest.raises(ServerFailed, match="could not be applied again either"):
        make("kubernetes", "2.0.0").apply()


def test_a_switch_between_versions_deletes_none(make: Make, kubectl: StandIn) -> None:
    make("kubernetes", candidate=0.0, role=ShareRole.STANDBY).apply()
    kubectl.calls()
    make("kubernetes", candidate=1.0).apply()
    assert not [each for each in kubectl.calls() if " delete " in each]


def test_removed_looked_at_and_entered(make: Make, kubectl: StandIn) -> None:
    release = make("kubernetes", settings={"context": "prod", "namespace": "models"})
    target = release.target
    target.remove(release.folder)
    assert kubectl.calls() == []
    release.apply()
    kubectl.calls()
    assert not target.runs(release.folder)
    kubectl.answer("get deployment", "deployment.apps/gelir-production-v1-0-0\n")
    assert target.runs(release.folder)
    kubectl.answer("logs", "one\ntwo\nthree\n")
    assert target.logs(release.folder, 2) == ["two", "three"]
    assert target.shell(release.folder)[-4:] == ["--context=prod", "--namespace=models", "--", "sh"]
    kubectl.calls()
    target.remove(release.folder)
    target.remove(release.folder)
    calls = kubectl.calls()
    assert len(calls) == 6
    assert all("--context=prod --namespace=models" in each for each in calls)
    assert not target.runs(release.folder)


def test_without_kubectl_nothing_is_half_done(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="kubectl is not installed"):
        make("kubernetes").apply()
