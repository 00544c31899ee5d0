"""KServe as a target: an `InferenceService` with our image, its newest revision with a share in percent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import PORT, Artefact, Place
from kervan.core.serving import ShareRole
from kervan.deploy.targets.kubernetes.operated import container_of, files_of, named, volumes_of
from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
from kervan.deploy.targets.kubernetes.target import KubernetesTarget
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class KserveSettings(KubernetesSettings):
    """`mode` is how KServe runs it: "Serverless" (Knative, with shares) or "RawDeployment".

    `concurrency` is how many requests a replica answers at once before there are more of them.
    """

    mode: str = "Serverless"
    concurrency: int = 0


class KserveTarget(KubernetesTarget):
    """A cluster with KServe."""

    about = Place(
        title="KServe",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "rolling", "canary", "ab"),
        tool="kubectl",
        checked="the schema of KServe's custom resource definition, unknown fields refused",
        proved="rendered and checked; the calls of kubectl against a stand-in that records them",
    )
    name = "kserve"
    kind = KserveSettings

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the `InferenceService`; a candidate is its newest revision, and gets its percent."""
        settings = settings_of(plan, KserveSettings)
        workload = workload_of(serving, plan)
        _check(workload, settings)
        kind = ("serving.kserve.io/v1beta1", "InferenceService")
        annotations = {"serving.kserve.io/deploymentMode": settings.mode, **settings.annotations}
        made = named(workload, settings, kind, annotations=annotations)
        made["spec"] = {"predictor": _predictor(workload, settings)}
        return files_of([made], workload, settings, {"condition": "condition=Ready"}, self.name)


def _check(workload: Workload, settings: KserveSettings) -> None:
    rivals = workload.units[1:]
    if any(each.role is not ShareRole.CANDIDATE for each in rivals) or len(rivals) > 1:
        raise Refused(
            "KServe shares out between two revisions: none stands by, and none is a shadow",
            hint="use --strategy canary, or the target kubernetes",
        )
    if rivals and settings.mode != "Serverless":
        raise Refused("KServe shares out by Knative alone", hint='set mode = "Serverless"')


def _predictor(workload: Workload, settings: KserveSettings) -> dict[str, Any]:
    plan = workload.plan
    unit = workload.units[-1]  # a candidate comes as the newest revision, the one before keeps the rest
    probed = container_of(workload, unit, "kserve-container")
    probed["ports"] = [{"containerPort": PORT, "protocol": "TCP"}]
    del probed["startupProbe"]
    for each in ("livenessProbe", "readinessProbe"):
        probed[each] = {**probed[each], "httpGet": {**probed[each]["httpGet"], "port": PORT}}
    made: dict[str, Any] = {
        "minReplicas": 0 if plan.idle else plan.workers,
        "maxReplicas": max(plan.most_workers, plan.workers),
    }
    if settings.concurrency:
        made["containerConcurrency"] = settings.concurrency
    if len(workload.units) > 1:
        made["canaryTrafficPercent"] = unit.percent
    if settings.pull_secret:
        made["imagePullSecrets"] = [{"name": settings.pull_secret}]
    return {**made, "containers": [probed], "volumes": volumes_of(workload, settings)}
