"""The pod of one version: its container, held to what it needs, its probes, and how it ends."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kervan.core.places import KEYS, PORT, RECORDS
from kervan.deploy.targets.told import grpc_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.serving import Plan
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.workload import Unit, Workload

USER = 10001
DRAIN = 10  # seconds until no proxy of the cluster sends requests any more
GRACE = 60  # seconds from the first word of the end to the kill


def mark(variables: Mapping[str, str]) -> str:
    """Return a hash of what is told, without the deployment: a new one alone restarts no pod."""
    kept = {name: value for name, value in variables.items() if name != "KERVAN_DEPLOYMENT"}
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def resources(plan: Plan) -> dict[str, Any]:
    """Return requests and limits: a replica is killed above its memory and slowed down above its cores."""
    told: dict[str, str] = {}
    if plan.cpu:
        told["cpu"] = f"{round(plan.cpu * 1000)}m"
    if plan.memory:
        told["memory"] = str(plan.memory)
    return {"requests": told, "limits": dict(told)} if told else {}


def probes() -> dict[str, Any]:
    """Return the probes: started, alive, ready."""

    def asking(path: str, **times: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, **times}

    return {
        "startupProbe": asking("/readyz", periodSeconds=2, failureThreshold=60),
        "livenessProbe": asking("/livez", periodSeconds=10, timeoutSeconds=5, failureThreshold=3),
        "readinessProbe": asking("/readyz", periodSeconds=5, timeoutSeconds=2, failureThreshold=2),
    }


def container(workload: Workload, unit: Unit, *, has_keys: bool) -> dict[str, Any]:
    """Return the container of a version, which may write nothing but its records."""
    plan = workload.plan
    ports: list[dict[str, Any]] = [{"name": "http", "containerPort": PORT}]
    if (number := grpc_port(plan)) is not None:
        ports.append({"name": "grpc", "containerPort": number})
    mounts: list[dict[str, Any]] = [
        {"name": "records", "mountPath": RECORDS},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the container
    ]
    if has_keys:
        mounts.append({"name": "keys", "mountPath": str(PurePosixPath(KEYS).parent), "readOnly": True})
    made: dict[str, Any] = {
        "name": "kervan",
        "image": unit.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": ports,
        "envFrom": [{"configMapRef": {"name": workload.name}}],
        "resources": resources(plan),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **probes(),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(DRAIN)]}}},
        "volumeMounts": mounts,
    }
    return {name: value for name, value in made.items() if value}


def pod(workload: Workload, unit: Unit, settings: KubernetesSettings) -> dict[str, Any]:
    """Return the specification of the pods of a version."""
    keys = "" if workload.plan.platform else keys_secret(workload, settings)
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    if not settings.records:
        volumes.insert(0, {"name": "records", "emptyDir": {}})
    if keys:
        volumes.append({"name": "keys", "secret": {"secretName": keys}})
    made: dict[str, Any] = {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": GRACE,
        "nodeSelector": {"kubernetes.io/arch": workload.plan.image.platform.partition("/")[2]},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": workload.name}},
            }
        ],
        "containers": [container(workload, unit, has_keys=bool(keys))],
        "volumes": volumes,
    }
    if settings.pull_secret:
        made["imagePullSecrets"] = [{"name": settings.pull_secret}]
    return made


def keys_secret(workload: Workload, settings: KubernetesSettings) -> str:
    """Return the name of the Secret that holds the keys of those who may ask."""
    return settings.keys_secret or f"{workload.name}-keys"
