"""What targets have in common whose objects an operator in the cluster carries out: KServe's and Seldon's."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.kubernetes.pod import container, keys_secret
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import note_of, with_note
from kervan.deploy.targets.yaml_text import yaml_text

if TYPE_CHECKING:
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.workload import Unit, Workload


def container_of(workload: Workload, unit: Unit, name: str) -> dict[str, Any]:
    """Return the container of a version under the name that an operator looks for, told by its variables."""
    made = container(workload, unit, has_keys=not workload.plan.platform)
    told_it = [{"name": each, "value": value} for each, value in told(workload).items()]
    del made["envFrom"], made["lifecycle"]
    secured = {**made.pop("securityContext"), "runAsNonRoot": True, "runAsUser": 10001}
    return {**made, "name": name, "env": told_it, "securityContext": secured}


def volumes_of(workload: Workload, settings: KubernetesSettings) -> list[dict[str, Any]]:
    """Return the volumes that this container mounts."""
    made: list[dict[str, Any]] = [{"name": each, "emptyDir": {}} for each in ("records", "tmp")]
    if not workload.plan.platform:
        made.append({"name": "keys", "secret": {"secretName": keys_secret(workload, settings)}})
    return made


def named(
    workload: Workload,
    settings: KubernetesSettings,
    kind: tuple[str, str],
    *,
    name: str = "",
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the head of an object of a kind, given by API version and kind."""
    metadata: dict[str, Any] = {
        "name": name or workload.name,
        "namespace": settings.namespace,
        "labels": workload.labels,
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata}


def files_of(
    documents: list[dict[str, Any]],
    workload: Workload,
    settings: KubernetesSettings,
    facts: dict[str, str],
    target: str,
) -> dict[PurePath, str]:
    """Return one file with the objects, its kustomization, and the note."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{target}.yaml"],
    }
    texts = {
        PurePath(f"{target}.yaml"): yaml_text(*documents),
        PurePath("kustomization.yaml"): yaml_text(kustomization),
    }
    note = note_of(
        workload,
        target,
        objects=tuple(f"{each['kind'].lower()}/{each['metadata']['name']}" for each in documents),
        facts={
            "namespace": settings.namespace,
            "context": settings.context,
            "secret": "" if workload.plan.platform else keys_secret(workload, settings),
            **facts,
        },
    )
    return with_note(texts, note)
