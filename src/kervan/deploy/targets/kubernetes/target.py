"""Kubernetes as a target: manifests by kustomize, applied by kubectl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.commands import run
from kervan.deploy.targets.kubernetes import checks
from kervan.deploy.targets.kubernetes.clouds import Cloud, aks, any_cluster, eks, gke
from kervan.deploy.targets.kubernetes.cluster import WORKLOADS, Cluster
from kervan.deploy.targets.kubernetes.manifests import files
from kervan.deploy.targets.kubernetes.objects import Objects
from kervan.deploy.targets.kubernetes.rollout import roll_out, take_away
from kervan.deploy.targets.kubernetes.settings import (
    AksSettings,
    EksSettings,
    GkeSettings,
    KubernetesSettings,
)
from kervan.deploy.targets.written import applied_note, read_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path, PurePath

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.targets.written import Note

STRATEGIES = ("at-once", "blue-green", "canary", "rolling", "ab")
_CHECKED = "kubernetes-validate (schemas of Kubernetes) and kubectl kustomize"
_PROVED = "its pod answers where podman plays it; kubectl's calls against a stand-in, its flags by kubectl"
_PROVED_IN_A_CLOUD = "as kubernetes; its annotations come from the documentation, and met no cloud"


class KubernetesTarget:
    """Any cluster that kubectl reaches."""

    about = Place(
        title="a Kubernetes cluster",
        artefact=Artefact.IMAGE,
        strategies=STRATEGIES,
        tool="kubectl",
        checked=_CHECKED,
        proved=_PROVED,
    )
    name = "kubernetes"
    kind: type[KubernetesSettings] = KubernetesSettings
    cloud: Callable[[Any], Cloud] = staticmethod(any_cluster)

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return manifests, with a kustomization that names them."""
        settings = settings_of(plan, self.kind)
        workload = workload_of(serving, plan)
        return files(Objects(workload, settings, self.cloud(settings)), workload, settings, self.name)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what the cluster would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, self.kind)
        note = read_note(folder)
        offline = [
            *checks.of_settings(settings),
            *checks.of_plan(plan),
            *checks.of_shares(note),
        ]
        return [*offline, *checks.of_cluster(note, note.facts.get("secret", ""))]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Bring the new version up beside what runs, move the traffic, and return the endpoint's URL."""
        settings = settings_of(plan, self.kind)
        note = roll_out(folder, settings.patience)
        return endpoint(note, settings)

    def remove(self, folder: Path) -> None:
        """Delete all objects of the release."""
        take_away(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the cluster has the workloads of the release."""
        note = applied_note(folder)
        if note is None:
            return False
        cluster = Cluster.of(note)
        return all(cluster.has(each) for each in note.objects if each.startswith(WORKLOADS))

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of all replicas."""
        note = applied_note(folder) or read_note(folder)
        selected = f"--selector=app.kubernetes.io/instance={note.name}"
        words = ("logs", selected, f"--tail={lines}", "--prefix", "--max-log-requests=50")
        return run(Cluster.of(note).command(*words)).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell in a replica."""
        note = applied_note(folder) or read_note(folder)
        workload = next((each for each in note.objects if each.startswith(WORKLOADS)), None)
        if workload is None:
            raise Refused("nothing of this release runs in a pod", hint="look at its files")
        return [*Cluster.of(note).command("exec", "--stdin", "--tty", workload), "--", "sh"]


class EksTarget(KubernetesTarget):
    """Amazon's clusters."""

    about = Place(
        title="Amazon EKS",
        artefact=Artefact.IMAGE,
        strategies=STRATEGIES,
        tool="kubectl",
        checked=_CHECKED,
        proved=_PROVED_IN_A_CLOUD,
    )
    name = "eks"
    kind = EksSettings
    cloud = staticmethod(eks)


class GkeTarget(KubernetesTarget):
    """Google's clusters."""

    about = Place(
        title="Google GKE",
        artefact=Artefact.IMAGE,
        strategies=STRATEGIES,
        tool="kubectl",
        checked=_CHECKED,
        proved=_PROVED_IN_A_CLOUD,
    )
    name = "gke"
    kind = GkeSettings
    cloud = staticmethod(gke)


class AksTarget(KubernetesTarget):
    """Azure's clusters."""

    about = Place(
        title="Azure AKS",
        artefact=Artefact.IMAGE,
        strategies=STRATEGIES,
        tool="kubectl",
        checked=_CHECKED,
        proved=_PROVED_IN_A_CLOUD,
    )
    name = "aks"
    kind = AksSettings
    cloud = staticmethod(aks)


def endpoint(note: Note, settings: KubernetesSettings) -> str:
    """Return where the release answers: its host, or its name inside of the cluster."""
    if settings.host:
        is_closed = settings.tls_secret or getattr(settings, "certificate", "")
        return f"{'https' if is_closed else 'http'}://{settings.host}"
    return f"http://{note.name}.{settings.namespace}.svc:80"
