"""What can be known to go wrong in a cluster before anything is sent there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.core.errors import KervanError, MissingTool
from kervan.deploy.targets.commands import check_installed
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.targets.kubernetes.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.targets.written import Note

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SIZE = re.compile(r"[1-9][0-9]*(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?")
_KINDS = ("ClusterIP", "NodePort", "LoadBalancer")
_CHOICES = ("replicas", "ingress")
_MOST = 2  # times the share that was asked for
_LEAST_MEMORY = 64 << 20


def of_settings(settings: KubernetesSettings) -> Iterator[Finding]:
    """Find settings that a cluster would refuse."""
    if not _LABEL.fullmatch(settings.namespace):
        yield failed(
            "name",
            "namespace",
            f"{settings.namespace!r} is no name of a namespace",
            "use lower-case letters, digits and hyphens, 63 at most",
        )
    if settings.host and not (_HOST.fullmatch(settings.host) and len(settings.host) <= 253):
        yield failed("name", "host", f"{settings.host!r} is no host name", "such as model.example.org")
    if settings.service not in _KINDS:
        yield failed("choice", "service", f"there is no Service {settings.service!r}", ", ".join(_KINDS))
    if settings.weights not in _CHOICES:
        yield failed("choice", "weights", f"no weights by {settings.weights!r}", ", ".join(_CHOICES))
    if settings.weights == "ingress" and not settings.host:
        yield failed("choice", "weights", "an Ingress that weighs needs a host", "set host")
    if settings.records and not _SIZE.fullmatch(settings.records):
        yield failed("size", "records", f"{settings.records!r} is no size of a volume", "such as 10Gi")


def of_plan(plan: Plan) -> Iterator[Finding]:
    """Find what the plan asks of a cluster that it has not, or only so far."""
    if plan.most_workers > plan.workers and not plan.cpu:
        yield failed(
            "plan",
            "most_workers",
            "a cluster adds replicas by how much of their cores they use, and the plan gives them none",
            "set cpu, such as 0.5",
        )
    missing = [name for name in ("cpu", "memory") if not getattr(plan, name)]
    if missing:
        yield warned(
            "plan",
            "resources",
            f"pods ask for no {' and no '.join(missing)}: nodes that are full evict them first",
            'write in [release]: cpu = 0.5, memory = "512 MB"; `kervan profile` finds how much it takes',
        )
    if 0 < plan.memory < _LEAST_MEMORY:
        yield failed("plan", "memory", "a replica does not start with so little memory", "128 MB at least")
    if plan.idle:
        yield warned("plan", "idle", "replicas stay while nobody asks: a Deployment keeps one at least")
    if plan.sticky:
        yield warned("plan", "sticky", "a Service deals out by chance: callers do not stay with a version")
    if plan.rule is not None:
        yield failed("plan", "rule", "a Service does not look into rows", "leave out the rule")
    if plan.certificate:
        yield warned("plan", "certificate", "files from this machine do not go there", "set tls_secret")


def of_shares(note: Note) -> Iterator[Finding]:
    """Say what shares become where numbers of replicas decide; one of more than twice as much is refused."""
    for name, share in note.facts.items():
        version = name.removeprefix("share ")
        asked = next((each.percent for each in note.parts if f"share {each.version}" == name), None)
        if asked is not None and abs(float(share) - asked) >= 1:
            yield (failed if float(share) > _MOST * asked > 0 else warned)(
                "shares",
                version,
                f"{version} gets {float(share):.0f} % of the traffic, not {asked} %: shares are numbers of "
                "replicas",
                'more workers come nearer; weights = "ingress" is exact',
            )


def of_cluster(note: Note, secret: str) -> Iterator[Finding]:
    """Ask the cluster whether we may release there, and whether the keys are there."""
    missing = check_installed("kubectl")
    if missing:
        yield from missing
        return
    cluster = Cluster.of(note)
    try:
        if note.facts["namespace"] != "default" and not cluster.has(f"namespace/{note.facts['namespace']}"):
            yield failed(
                "namespace",
                note.facts["namespace"],
                "there is no such namespace",
                f"kubectl create namespace {note.facts['namespace']}",
            )
        elif secret and not cluster.has(f"secret/{secret}"):
            yield failed(
                "keys",
                secret,
                "there is no Secret with the keys of those who may ask",
                f"kubectl create secret generic {secret} --namespace={note.facts['namespace']} "
                "--from-file=access.json=.kervan/access.json",
            )
    except MissingTool:
        raise
    except KervanError as error:
        yield failed(
            "credentials", note.facts["context"] or "current context", str(error), "log in to the cluster"
        )
