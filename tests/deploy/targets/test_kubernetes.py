from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.targets.rendered import Make, Rendering
from kervan.core.errors import InvalidConfig, Refused
from kervan.core.plugins import plugin
from kervan.core.ports import Checking, Reporting, Target
from kervan.core.serving import Rule, ShareRole
from tools import tool

SIZED: dict[str, Any] = {"cpu": 0.5, "memory": 512 << 20}
CLUSTERS = ("kubernetes", "eks", "gke", "aks")
FULL: dict[str, Any] = {
    "workers": 3,
    "most_workers": 9,
    "cpu": 0.5,
    "memory": 512 << 20,
    "grpc_port": 0,
    "settings": {
        "namespace": "models",
        "host": "model.example.org",
        "tls_secret": "model-tls",
        "service": "LoadBalancer",
        "allow_from": ["shop", "monitoring"],
        "pull_secret": "registry",
    },
}


def validate(folder: Path) -> subprocess.CompletedProcess[str]:
    files = sorted(str(path) for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    command = [tool("kubernetes-validate"), "--strict", *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def built(rendering: Rendering) -> list[dict[str, Any]]:
    rendering.render()
    command = [tool("kubectl"), "kustomize", str(rendering.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return list(yaml.safe_load_all(done.stdout))


def container(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["spec"]["template"]["spec"]["containers"][0])


@pytest.mark.parametrize("name", CLUSTERS)
def test_is_a_target(name: str) -> None:
    target = plugin("target", name)
    assert isinstance(target, Target)
    assert isinstance(target, Checking)
    assert isinstance(target, Reporting)


@pytest.mark.service
@pytest.mark.parametrize("name", CLUSTERS)
def test_what_is_rendered_is_what_kubernetes_knows(make: Make, name: str) -> None:
    rendering = make(name, candidate=0.1, **FULL)
    assert rendering.render() == rendering.render()
    done = validate(rendering.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(each["kind"], each["metadata"]["name"]) for each in built(rendering)} == {
        ("ServiceAccount", "gelir-production"),
        ("ConfigMap", "gelir-production"),
        ("NetworkPolicy", "gelir-production"),
        ("Deployment", "gelir-production-v1-0-0"),
        ("Deployment", "gelir-production-v2-0-0"),
        ("HorizontalPodAutoscaler", "gelir-production-v1-0-0"),
        ("PodDisruptionBudget", "gelir-production-v1-0-0"),
        ("PodDisruptionBudget", "gelir-production-v2-0-0"),
        ("Service", "gelir-production"),
        ("Ingress", "gelir-production"),
    }


@pytest.mark.service
def test_records_stay_in_a_stateful_set(make: Make) -> None:
    rendering = make("kubernetes", settings={"records": "10Gi", "storage_class": "fast"})
    rendering.render()
    done = validate(rendering.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    spec = rendering.one("StatefulSet")["spec"]
    claim = spec["volumeClaimTemplates"][0]
    assert claim["metadata"]["name"] == container({"spec": spec})["volumeMounts"][0]["name"] == "records"
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"


@pytest.mark.service
def test_a_wrong_field_and_a_wrong_type_are_caught(make: Make) -> None:
    rendering = make("kubernetes")
    rendering.render()
    path = rendering.folder / "workload-v1-0-0.yaml"
    good = path.read_text()
    for right, wrong in (("image:", "imag:"), ("replicas: 1", 'replicas: "1"')):
        assert right in good
        path.write_text(good.replace(right, wrong))
        assert validate(rendering.folder).returncode != 0


def test_replicas_may_do_nothing_that_they_need_not(make: Make) -> None:
    rendering = make("kubernetes", **FULL)
    deployment = rendering.one("Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container(deployment)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(deployment)["resources"]["limits"] == {"cpu": "500m", "memory": str(512 << 20)}
    policy = rendering.one("NetworkPolicy")["spec"]
    assert policy["egress"] == []
    assert len(policy["ingress"][0]["from"]) == 2


def test_secrets_are_named_and_never_told(make: Make) -> None:
    rendering = make("kubernetes", keys="/home/me/.kervan/access.json", rate="100/minute")
    text = "".join(rendering.render().values())
    assert "/home/me" not in text
    volumes = rendering.one("Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "keys", "secret": {"secretName": "gelir-production-keys"}} in volumes
    assert rendering.one("ConfigMap")["data"]["KERVAN_RATE"] == "100/minute"
    guarded = make("kubernetes", platform=True)
    assert guarded.one("ConfigMap")["data"]["KERVAN_PLATFORM"] == "1"
    assert "access.json" not in "".join(guarded.render().values())
    assert "secret:" not in "".join(guarded.render().values())


def test_one_version_is_selected_by_its_slot(make: Make) -> None:
    alone = make("kubernetes").one("Service")["spec"]["selector"]
    standing_by = make("kubernetes", candidate=0.0, role=ShareRole.STANDBY)
    assert standing_by.one("Service")["spec"]["selector"] == alone
    assert alone["kervan.io/slot"] == "v1-0-0"
    switched = make("kubernetes", candidate=1.0)
    assert switched.one("Service")["spec"]["selector"]["kervan.io/slot"] == "v2-0-0"
    pods = {each: standing_by.one("Deployment", f"gelir-production-{each}") for each in ("v1-0-0", "v2-0-0")}
    for slot, deployment in pods.items():
        assert switched.one("Deployment", f"gelir-production-{slot}") == deployment  # no pod restarts


def test_rolling_changes_the_image_of_one_deployment(make: Make) -> None:
    first, second = (make("kubernetes", each, rolls=True).one("Deployment") for each in ("1.0.0", "2.0.0"))
    assert first["metadata"]["name"] == second["metadata"]["name"] == "gelir-production-main"
    assert first["spec"]["selector"] == second["spec"]["selector"]
    assert first["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert container(first)["image"] != container(second)["image"]


def test_a_canary_is_a_part_of_the_replicas(make: Make) -> None:
    rendering = make("kubernetes", workers=10, candidate=0.2)
    counts = [
        rendering.one("Deployment", f"gelir-production-v{each}-0-0")["spec"]["replicas"] for each in (1, 2)
    ]
    assert counts == [8, 2]
    assert rendering.one("Service")["spec"]["selector"] == {"app.kubernetes.io/instance": "gelir-production"}
    assert [each for each in rendering.findings() if "numbers of replicas" in each] == []
    told = {3: ("25 % of the traffic, not 5 %", "failed"), 10: ("10 % of the traffic, not 5 %", "warned")}
    for workers, (said, verdict) in told.items():
        few = make("kubernetes", workers=workers, candidate=0.05)
        few.render()
        (found,) = [each for each in few.target.check(few.folder, few.plan) if each.subject == "2.0.0"]
        assert f"2.0.0 gets {said}: shares are numbers of replicas" in found.message
        assert found.verdict == verdict


@pytest.mark.service
def test_an_ingress_weighs_exactly(make: Make) -> None:
    settings = {"weights": "ingress", "host": "model.example.org", "ingress_class": "nginx"}
    rendering = make("kubernetes", candidate=0.05, settings=settings)
    rendering.render()
    assert validate(rendering.folder).returncode == 0
    canary = rendering.one("Ingress", "gelir-production-v2-0-0")
    assert canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] == "5"
    assert (
        rendering.one("Service", "gelir-production-v2-0-0")["spec"]["selector"]["kervan.io/slot"] == "v2-0-0"
    )


def test_a_new_deployment_alone_restarts_no_pod(make: Make) -> None:
    one, other = (make("kubernetes", deployment=each) for each in ("D1", "D2"))
    assert one.one("Deployment") == other.one("Deployment")
    assert one.one("ConfigMap") != other.one("ConfigMap")
    slower = make("kubernetes", slow=3.0).one("Deployment")
    assert slower != one.one("Deployment")


def test_clouds_get_what_they_read(make: Make) -> None:
    role = "arn:aws:iam::123456789012:role/model"
    eks = make("eks", settings={"role": role, "service": "LoadBalancer", "host": "m.example.org"})
    assert eks.one("ServiceAccount")["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    assert eks.one("Service")["spec"]["loadBalancerClass"] == "service.k8s.aws/nlb"
    assert eks.one("Ingress")["spec"]["ingressClassName"] == "alb"
    gke = make("gke", settings={"account": "m@p.iam.gserviceaccount.com", "host": "m.example.org"})
    assert "iam.gke.io/gcp-service-account" in gke.one("ServiceAccount")["metadata"]["annotations"]
    assert gke.one("Ingress")["metadata"]["annotations"]["kubernetes.io/ingress.class"] == "gce-internal"
    aks = make("aks", settings={"identity": "11111111-2222-3333-4444-555555555555"})
    labels = aks.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"


def test_what_a_cluster_cannot_do_is_refused(make: Make) -> None:
    with pytest.raises(Refused, match="no shadows"):
        make("kubernetes", candidate=0.0, role=ShareRole.SHADOW).render()
    with pytest.raises(InvalidConfig, match=r"\[targets.kubernetes\] hosts: unknown setting"):
        make("kubernetes", settings={"hosts": "a"}).render()
    with pytest.raises(InvalidConfig, match=r"\[targets.kubernetes\]"):
        make("kubernetes", settings={"patience": "long"}).render()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"settings": {"namespace": "My models"}}, "is no name of a namespace"),
        ({"settings": {"host": "model_1.example.org"}}, "is no host name"),
        ({"settings": {"service": "Cluster"}}, "there is no Service 'Cluster'"),
        ({"settings": {"weights": "chance"}}, "no weights by"),
        ({"settings": {"weights": "ingress"}}, "an Ingress that weighs needs a host"),
        ({"settings": {"records": "much"}}, "no size of a volume"),
        ({"most_workers": 5}, "the plan gives them none"),
        ({"memory": 1 << 20}, "does not start with so little memory"),
        ({"cpu": 0.5}, "pods ask for no memory"),
        ({"idle": 60.0}, "replicas stay while nobody asks"),
        ({"sticky": "entity"}, "callers do not stay with a version"),
        ({"rule": Rule(column="a", values=("b",))}, "does not look into rows"),
        ({"certificate": "a", "certificate_key": "b"}, "files from this machine do not go there"),
    ],
)
def test_limits_are_found_before_anything_is_sent(
    make: Make, stand_in: Any, asked: dict[str, Any], words: str
) -> None:
    stand_in.add("kubectl")
    stand_in.answer("kubectl get", "found")
    found = make("kubernetes", **asked).findings()
    assert len([each for each in found if words in each]) == 1, found
    assert make("kubernetes", **SIZED).findings() == []


def test_what_the_cluster_lacks_is_found(make: Make, stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.add("kubectl")
    assert make("kubernetes", **SIZED).findings() == ["there is no Secret with the keys of those who may ask"]
    assert make("kubernetes", **SIZED, platform=True, settings={"namespace": "models"}).findings() == [
        "there is no such namespace"
    ]
    log = 'E1130 06:55:49.995723 24478 memcache.go:265] "Unhandled Error"'
    stand_in.answer("kubectl get", f"{log}\nUnable to connect to the server: no such host\n", status=1)
    (found,) = make("kubernetes", **SIZED).findings()
    secret = "secret/gelir-production-keys"
    assert found == f"kubectl get {secret}: Unable to connect to the server: no such host"
    monkeypatch.setenv("PATH", "/nowhere")
    assert make("kubernetes", **SIZED).findings() == ["kubectl is not installed"]


def test_pods_are_the_same_for_the_same_release(make: Make) -> None:
    files = make("kubernetes", candidate=0.3).render()
    assert json.loads(files["release.json"])["parts"][1]["percent"] == 30
    assert "release.json" not in json.loads(files["release.json"])["files"]
