"""The values of a chart, what they may be, and the chart's own description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.helm.templates import key_of
from kervan.deploy.targets.kubernetes.pod import keys_secret, resources
from kervan.deploy.targets.kubernetes.shares import replicas
from kervan.deploy.targets.told import told

if TYPE_CHECKING:
    from kervan.deploy.targets.kubernetes.clouds import Cloud
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.workload import Unit, Workload

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 1}


def chart(workload: Workload) -> dict[str, Any]:
    """Return what `Chart.yaml` says: its version is the model's."""
    manifest = workload.main.manifest
    return {
        "apiVersion": "v2",
        "name": workload.name,
        "description": f"The model {manifest.name} in {workload.environment}",
        "type": "application",
        "version": manifest.version,
        "appVersion": manifest.version,
        "kubeVersion": ">=1.25.0-0",
    }


def values(workload: Workload, settings: KubernetesSettings, cloud: Cloud) -> dict[str, Any]:
    """Return what may differ from one environment to the next, as this release has it."""
    made: dict[str, Any] = {
        "versions": {key_of(workload, each): _version(workload, each) for each in workload.units},
        "resources": resources(workload.plan),
        "config": told(workload),
        "service": {"type": settings.service, "annotations": cloud.service},
        "serviceAccount": {"annotations": cloud.account},
    }
    if not workload.plan.platform:
        made["keysSecret"] = keys_secret(workload, settings)
    if settings.host:
        made["ingress"] = {"host": settings.host, "tlsSecret": settings.tls_secret}
    return made


def _version(workload: Workload, unit: Unit) -> dict[str, Any]:
    least, most = replicas(workload, unit)
    return {"image": unit.image, "replicas": least, "mostReplicas": most}


def schema(made: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of these values, which Helm holds every change to."""
    version = _closed({"image": _TEXT, "replicas": _COUNT, "mostReplicas": _COUNT})
    of_resources = _closed({"requests": _TEXTS, "limits": _TEXTS}, required=())
    known = {
        "versions": _closed(dict.fromkeys(made["versions"], version)),
        "resources": of_resources,
        "config": {**_TEXTS, "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"}},
        "service": _closed(
            {"type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}, "annotations": _TEXTS}
        ),
        "serviceAccount": _closed({"annotations": _TEXTS}),
        "keysSecret": _TEXT,
        "ingress": _closed({"host": _TEXT, "tlsSecret": {"type": "string"}}),
    }
    found = {name: each for name, each in known.items() if name in made}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_closed(found),
        "properties": {**found, "global": {"type": "object"}},
    }


def _closed(members: dict[str, Any], required: tuple[str, ...] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(members) if required is None else list(required),
        "properties": members,
    }
