"""KServe's and Seldon's objects; only KServe's can be checked, by the definition of its resource."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.targets.rendered import Make
from deploy.targets.stand_in import StandIn
from kervan.core.errors import InvalidConfig, Refused, ServerFailed
from kervan.core.serving import ShareRole

DEFINITION = "kserve-inferenceservices.yaml.gz"


@cache
def schema() -> dict[str, Any]:
    folder = os.environ.get("KERVAN_DATA_DIR")
    if not folder:
        pytest.skip("needs the definition of InferenceService, beside the folder in KERVAN_DATA_DIR")
    path = Path(folder).resolve().parent / "schemas" / DEFINITION
    assert path.is_file(), f"{path} is missing"
    definition = next(iter(yaml.load_all(gzip.decompress(path.read_bytes()), yaml.CSafeLoader)))
    return dict(closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


def closed(part: Any) -> Any:
    """Return a structural schema that refuses what it does not name, as an API server prunes it."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: closed(each) for name, each in part.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.get("x-kubernetes-int-or-string"):
        made.pop("pattern", None)
    return made


def faults(document: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft7Validator(schema())
    return [each.message for each in validator.iter_errors(document)]


def test_kserve_takes_an_inference_service(make: Make) -> None:
    rendering = make("kserve", cpu=1.0, memory=1 << 30, workers=2, most_workers=4, candidate=0.1)
    assert rendering.render() == rendering.render()
    service = rendering.one("InferenceService")
    assert faults(service) == []
    predictor = service["spec"]["predictor"]
    assert (predictor["canaryTrafficPercent"], predictor["minReplicas"], predictor["maxReplicas"]) == (
        10,
        2,
        4,
    )
    assert ":2.0.0-" in predictor["containers"][0]["image"]
    alone = make("kserve", idle=60.0, settings={"concurrency": 8, "pull_secret": "registry"})
    service = alone.one("InferenceService")
    assert faults(service) == []
    assert service["spec"]["predictor"]["minReplicas"] == 0
    assert "canaryTrafficPercent" not in service["spec"]["predictor"]


def test_an_unknown_field_and_a_wrong_type_are_caught(make: Make) -> None:
    service = make("kserve").one("InferenceService")
    predictor = service["spec"]["predictor"]
    predictor["containers"][0]["imag"] = "a"
    predictor["minReplicas"] = "one"
    assert len(faults(service)) == 2


def test_what_kserve_cannot_do_is_refused(make: Make) -> None:
    with pytest.raises(Refused, match="none is a shadow"):
        make("kserve", candidate=0.0, role=ShareRole.SHADOW).render()
    with pytest.raises(Refused, match="by Knative alone"):
        make("kserve", candidate=0.5, settings={"mode": "RawDeployment"}).render()


def test_kserve_is_waited_for_and_taken_back(make: Make, stand_in: StandIn) -> None:
    stand_in.add("kubectl")
    release = make("kserve")
    release.apply()
    assert [each.split(" --n")[0].replace(str(release.folder), ".") for each in stand_in.calls()] == [
        "kubectl apply --kustomize=.",
        "kubectl get inferenceservice/gelir-production --output=json",
        "kubectl wait inferenceservice/gelir-production --for=condition=Ready --timeout=300s",
    ]
    stand_in.answer("kubectl wait", "error: timed out\n", status=1)
    status = '{"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "RevisionMissing", '
    stand_in.answer("kubectl get", status + '"message": "no image"}]}}')
    with pytest.raises(ServerFailed, match="did not become ready: RevisionMissing: no image"):
        make("kserve", "2.0.0").apply()
    last = stand_in.calls()[-1].replace(str(release.folder), ".")
    assert last == "kubectl apply --kustomize=./.applied --namespace=default"


def test_what_an_operator_said_before_does_not_count(
    make: Make, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behind(seen: int) -> None:
        status = {"metadata": {"generation": 2}, "status": {"observedGeneration": seen}}
        stand_in.answer("kubectl get", json.dumps(status))

    stand_in.add("kubectl")
    behind(1)
    monkeypatch.setattr("kervan.deploy.targets.kubernetes.cluster.sleep", lambda _: behind(2))
    make("kserve").apply()
    assert [each.split()[1] for each in stand_in.calls()] == ["apply", "get", "get", "wait"]


def test_seldon_shares_out_and_shadows(make: Make) -> None:
    predictors = make("seldon", candidate=0.25).one("SeldonDeployment")["spec"]["predictors"]
    assert [(each["name"], each["traffic"]) for each in predictors] == [("v1-0-0", 75), ("v2-0-0", 25)]
    shadowed = make("seldon", candidate=0.0, role=ShareRole.SHADOW).one("SeldonDeployment")
    assert [each.get("shadow", False) for each in shadowed["spec"]["predictors"]] == [False, True]


def test_seldon_two_loads_models_from_a_bucket(make: Make) -> None:
    settings = {"core": "2", "storage": "gs://bucket/models/"}
    rendering = make("seldon", candidate=0.25, settings=settings)
    assert rendering.render() == rendering.render()
    model = rendering.one("Model", "gelir-production-v2-0-0")["spec"]
    assert model["storageUri"] == "gs://bucket/models/gelir/2.0.0"
    experiment = rendering.one("Experiment")["spec"]
    assert [each["weight"] for each in experiment["candidates"]] == [75, 25]
    mirrored = make("seldon", candidate=0.0, role=ShareRole.SHADOW, settings=settings).one("Experiment")
    assert mirrored["spec"]["mirror"]["name"] == "gelir-production-v2-0-0"
    with pytest.raises(InvalidConfig, match="none is named"):
        make("seldon", settings={"core": "2"}).render()
    with pytest.raises(InvalidConfig, match="no version '3'"):
        make("seldon", settings={"core": "3"}).render()
