"""Seldon Core as a target: a `SeldonDeployment` with our image, or version 2's models and experiments.

Version 1 runs our image and shares out by percent, shadows too. Version 2 loads model files into servers of
its own: it gets the models' ONNX files from a bucket, and callers speak the Open Inference Protocol to these
servers, not to Kervan. Both are written from Seldon's documentation; nothing here checks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, Refused
from kervan.core.places import PORT, Artefact, Place
from kervan.core.serving import ShareRole
from kervan.deploy.targets.kubernetes.operated import container_of, files_of, named, volumes_of
from kervan.deploy.targets.kubernetes.pod import USER
from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
from kervan.deploy.targets.kubernetes.shares import replicas
from kervan.deploy.targets.kubernetes.target import KubernetesTarget
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Unit, Workload

_VERSIONS = ("1", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeldonSettings(KubernetesSettings):
    """`core` is the version of Seldon Core, "1" or "2".

    Version 2 reads models below `storage`, such as "gs://bucket/models", from `NAME/VERSION` there; the
    server that loads them has what `requirements` name.
    """

    core: str = "1"
    storage: str = ""
    requirements: tuple[str, ...] = ("onnx",)


class SeldonTarget(KubernetesTarget):
    """A cluster with Seldon Core."""

    about = Place(
        title="Seldon Core",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "canary", "ab", "shadow"),
        tool="kubectl",
        checked="nothing: written from the documentation",
        proved="the calls of kubectl against a stand-in that records them",
    )
    name = "seldon"
    kind = SeldonSettings

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return a `SeldonDeployment`, or for version 2 a `Model` for each version and an `Experiment`."""
        settings = settings_of(plan, SeldonSettings)
        workload = workload_of(serving, plan)
        if any(each.role is ShareRole.STANDBY for each in workload.units):
            raise Refused("with Seldon no version stands by", hint="use --strategy canary or shadow")
        if settings.core not in _VERSIONS:
            raise InvalidConfig(
                f"[targets.seldon] core: there is no version {settings.core!r}", hint='write "1" or "2"'
            )
        if settings.core == "2":
            made = _models(workload, settings)
            return files_of(made, workload, settings, {"condition": "condition=ready"}, self.name)
        facts = {"condition": "jsonpath={.status.state}=Available"}
        return files_of([_deployment(workload, settings)], workload, settings, facts, self.name)


def _deployment(workload: Workload, settings: SeldonSettings) -> dict[str, Any]:
    kind = ("machinelearning.seldon.io/v1", "SeldonDeployment")
    made = named(workload, settings, kind, annotations=settings.annotations)
    predictors = [_predictor(workload, each, settings) for each in workload.units]
    return {**made, "spec": {"protocol": "v2", "predictors": predictors}}


def _predictor(workload: Workload, unit: Unit, settings: SeldonSettings) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "fsGroup": USER},
        "containers": [container_of(workload, unit, "model")],
        "volumes": volumes_of(workload, settings),
    }
    if settings.pull_secret:
        pod["imagePullSecrets"] = [{"name": settings.pull_secret}]
    endpoint = {"type": "REST", "httpPort": PORT, "service_port": PORT}
    made: dict[str, Any] = {
        "name": unit.label,
        "replicas": replicas(workload, unit, by_number=False)[0],
        "graph": {"name": "model", "type": "MODEL", "endpoint": endpoint, "children": []},
        "componentSpecs": [{"spec": pod}],
    }
    if unit.role is ShareRole.SHADOW:
        return {**made, "shadow": True, "traffic": 100}
    return {**made, "traffic": unit.percent}


def _models(workload: Workload, settings: SeldonSettings) -> list[dict[str, Any]]:
    if not settings.storage:
        raise InvalidConfig(
            "[targets.seldon] storage: Seldon Core 2 loads models from a bucket, and none is named",
            hint='write storage = "gs://bucket/models", and put the package\'s ONNX files there',
        )
    made = [_model(workload, each, settings) for each in workload.units]
    return [*made, _experiment(workload, settings)] if len(made) > 1 else made


def _model(workload: Workload, unit: Unit, settings: SeldonSettings) -> dict[str, Any]:
    made = named(workload, settings, ("mlops.seldon.io/v1alpha1", "Model"), name=_name(workload, unit))
    where = f"{settings.storage.rstrip('/')}/{unit.manifest.name}/{unit.manifest.version}"
    spec: dict[str, Any] = {"storageUri": where, "requirements": list(settings.requirements)}
    if workload.plan.memory:
        spec["memory"] = str(workload.plan.memory)
    return {**made, "spec": {**spec, "replicas": workload.plan.workers}}


def _experiment(workload: Workload, settings: SeldonSettings) -> dict[str, Any]:
    made = named(workload, settings, ("mlops.seldon.io/v1alpha1", "Experiment"))
    shadows = [each for each in workload.units if each.role is ShareRole.SHADOW]
    spec: dict[str, Any] = {
        "default": _name(workload, workload.main),
        "candidates": [
            {"name": _name(workload, each), "weight": each.percent}
            for each in workload.units
            if each not in shadows
        ],
    }
    if shadows:
        spec["mirror"] = {"name": _name(workload, shadows[0]), "percent": 100}
    return {**made, "spec": spec}


def _name(workload: Workload, unit: Unit) -> str:
    return f"{workload.name}-{unit.label}"
