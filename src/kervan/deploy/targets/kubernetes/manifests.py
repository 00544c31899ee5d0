"""The files of a release for a cluster, one for each thing a reader looks for, and their note."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.kubernetes.pod import keys_secret
from kervan.deploy.targets.kubernetes.shares import check_shares, dealt_out, receiving
from kervan.deploy.targets.written import Note, note_of, with_note
from kervan.deploy.targets.yaml_text import yaml_text

if TYPE_CHECKING:
    from kervan.deploy.targets.kubernetes.objects import Objects
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.workload import Workload


def documents(objects: Objects, workload: Workload) -> dict[str, list[dict[str, Any]]]:
    """Return the objects by the file in which they are; those of `service` switch the traffic."""
    check_shares(workload)
    scalers = [objects.scaler(each) for each in workload.units]
    found: dict[str, list[dict[str, Any]]] = {
        "account": [objects.account()],
        "config": [objects.config()],
        "network": [objects.network()],
        **{f"workload-{objects.slot_of(each)}": [objects.workload(each)] for each in workload.units},
        "scaling": [each for each in scalers if each] + [objects.budget(each) for each in workload.units],
        "service": [objects.service(), *objects.services_of_units()],
        "ingress": objects.ingresses(),
    }
    return {name: each for name, each in found.items() if each}


def files(
    objects: Objects, workload: Workload, settings: KubernetesSettings, target: str
) -> dict[PurePath, str]:
    """Return the manifests, `kustomization.yaml` and the note."""
    made = documents(objects, workload)
    names = [f"{name}.yaml" for name in made]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    }
    texts = {PurePath(f"{name}.yaml"): yaml_text(*each) for name, each in made.items()}
    texts[PurePath("kustomization.yaml")] = yaml_text(kustomization)
    return with_note(texts, note(made, workload, settings, target))


def note(
    made: dict[str, list[dict[str, Any]]], workload: Workload, settings: KubernetesSettings, target: str
) -> Note:
    """Return what the one who applies the files has to know of them."""
    switching = {"service", "ingress"}
    by_number = settings.weights != "ingress" and len(receiving(workload)) > 1
    shares = dealt_out(workload) if by_number else {}
    return note_of(
        workload,
        target,
        objects=tuple(
            f"{each['kind'].lower()}/{each['metadata']['name']}" for group in made.values() for each in group
        ),
        facts={
            "namespace": settings.namespace,
            "context": settings.context,
            "secret": "" if workload.plan.platform else keys_secret(workload, settings),
            **{f"share {version}": f"{share * 100:.1f}" for version, share in shares.items()},
            "before": ",".join(f"{name}.yaml" for name in made if name not in switching),
        },
    )
