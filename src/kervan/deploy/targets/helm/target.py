"""Helm as a target: a chart, applied by helm, which goes back by itself where a release does not come up.

Helm sends everything at once, so that a Service could not wait for a version of its own: the stable version
has one Deployment, whose image changes by rolling.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import InvalidConfig, KervanError, Refused, ServerFailed
from kervan.core.places import Artefact, Place
from kervan.core.serving import ShareRole
from kervan.deploy.targets.commands import check_installed, find, run
from kervan.deploy.targets.helm.templates import NAME, key_of, template
from kervan.deploy.targets.helm.values import chart, schema, values
from kervan.deploy.targets.kubernetes.clouds import any_cluster
from kervan.deploy.targets.kubernetes.manifests import documents, note
from kervan.deploy.targets.kubernetes.objects import Objects
from kervan.deploy.targets.kubernetes.pod import USER
from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
from kervan.deploy.targets.kubernetes.target import KubernetesTarget, endpoint
from kervan.deploy.targets.written import applied, bring_back, forget, keep, read_note, with_note
from kervan.deploy.targets.yaml_text import Written, yaml_text
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.targets.written import Note
    from kervan.deploy.workload import Workload

_NOTES = """{name} answers at {url} in the namespace {{{{ .Release.Namespace }}}}.

  kubectl --namespace {{{{ .Release.Namespace }}}} get pods --selector app.kubernetes.io/instance={name}
  helm test {name} --namespace {{{{ .Release.Namespace }}}}
"""


class HelmTarget(KubernetesTarget):
    """A chart for any cluster."""

    about = Place(
        title="a Kubernetes cluster, by Helm",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "rolling", "canary", "ab"),
        tool="helm",
        checked="helm lint --strict and helm template, whose objects are those of the target kubernetes",
        proved="rendered by Helm 4; helm's calls against a stand-in, its flags by helm",
    )
    name = "helm"

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return a chart in the folder `chart`."""
        settings = settings_of(plan, KubernetesSettings)
        workload = workload_of(serving, replace(plan, rolls=True))
        _check(workload, settings)
        cloud = any_cluster(settings)
        made = documents(Objects(workload, settings, cloud), workload)
        given = values(workload, settings, cloud)
        texts = {
            "Chart.yaml": yaml_text(chart(workload)),
            "values.yaml": yaml_text(given),
            "values.schema.json": msgspec.json.format(msgspec.json.encode(schema(given)), indent=2).decode()
            + "\n",
            "templates/NOTES.txt": _NOTES.format(name=NAME, url=_url(settings)),
            "templates/tests/ready.yaml": yaml_text(_probe(workload)).replace(workload.name, NAME),
        }
        for name, group in made.items():
            texts[f"templates/{name}.yaml"] = "---\n".join(template(each, workload) for each in group)
        files = {PurePath("chart") / name: text for name, text in texts.items()}
        return with_note(files, note(made, workload, settings, self.name))

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what the cluster would refuse, or does otherwise than the plan says."""
        return [*check_installed("helm"), *super().check(folder, plan)]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Install or upgrade the release, wait for it, and return the endpoint's URL."""
        settings = settings_of(plan, KubernetesSettings)
        wanted = read_note(folder)
        find("helm")
        words = ("upgrade", wanted.name, str(folder / "chart"), "--install", "--create-namespace")
        limits = ("--wait", f"--timeout={settings.patience}s", "--history-max=10")
        try:
            run(_helm(wanted, *words, _way_back(), *limits), seconds=settings.patience * 2 + 60)
        except (KervanError, KeyboardInterrupt):
            bring_back(folder)
            raise
        keep(folder)
        return endpoint(wanted, settings)

    def remove(self, folder: Path) -> None:
        """Uninstall the release."""
        before = applied(folder)
        if before is not None:
            wanted = read_note(before)
            run(_helm(wanted, "uninstall", wanted.name, "--ignore-not-found", "--wait"))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether Helm knows the release as deployed."""
        before = applied(folder)
        if before is None:
            return False
        wanted = read_note(before)
        try:
            told = run(_helm(wanted, "status", wanted.name, "--output=json"), seconds=60)
        except ServerFailed:
            return False
        return bool(msgspec.json.decode(told)["info"]["status"] == "deployed")


def _check(workload: Workload, settings: KubernetesSettings) -> None:
    for name, value in asdict(settings).items():
        if "{{" in str(value):
            raise InvalidConfig(
                f"[targets.helm] {name}: Helm would compute {value!r}", hint="leave out the braces"
            )
    if settings.weights != "replicas":
        raise Refused(
            "a chart shares out by replicas alone", hint="leave out weights, or use the target kubernetes"
        )
    if any(each.role is ShareRole.STANDBY or each.share in {0, 1} for each in workload.units[1:]):
        raise Refused(
            "Helm sends everything at once: no version can stand by until it is ready",
            hint="use --strategy rolling, or the target kubernetes",
        )


def _helm(wanted: Note, *words: str) -> list[str]:
    context = wanted.facts.get("context", "")
    where = [f"--namespace={wanted.facts['namespace']}", *([f"--kube-context={context}"] if context else [])]
    return ["helm", *words, *where]


def _way_back() -> str:
    """Return the option by which helm goes back, which version 4 calls otherwise than version 3."""
    version = run(["helm", "version", "--template={{.Version}}"], seconds=60)
    return "--atomic" if version.startswith("v3") else "--rollback-on-failure"


def _url(settings: KubernetesSettings) -> str:
    if settings.host:
        return f"{'https' if settings.tls_secret else 'http'}://{{{{ .Values.ingress.host }}}}"
    return f"http://{NAME}.{{{{ .Release.Namespace }}}}.svc:80"


def _probe(workload: Workload) -> dict[str, object]:
    """Return the pod of `helm test`: it asks whether the release is ready."""
    code = f"import urllib.request as u; print(u.urlopen('http://{workload.name}/readyz', timeout=20).status)"
    image = Written(f"{{{{ .Values.versions.{key_of(workload, workload.main)}.image | quote }}}}")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{workload.name}-ready",
            "namespace": Written("{{ .Release.Namespace }}"),
            "annotations": {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation"},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "ready",
                    "image": image,
                    "command": ["python", "-c", code],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
