"""Cloud Run as a target: a service in the form of Knative, whose revisions get their shares in percent.

A revision never changes: its name holds the version and a hash of how it runs. Traffic moves between
revisions by their names, so that a switch back takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import KEYS, PORT, Artefact, Place
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.findings import warned
from kervan.deploy.targets.google import limits
from kervan.deploy.targets.google.gcloud import (
    GoogleSettings,
    check_account,
    check_image,
    check_keys,
    check_settings,
    command,
    facts,
    fingerprint,
)
from kervan.deploy.targets.shares import percents
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.targets.yaml_text import yaml_text
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Unit, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRunSettings(GoogleSettings):
    """`concurrency` is how many requests an instance answers at once, `timeout` how long one may take.

    `ingress` is "all", "internal" or "internal-and-cloud-load-balancing". With `public` Google asks callers
    for no identity, and Kervan asks for keys, which `keys_secret` of Secret Manager holds.
    """

    concurrency: int = 80
    timeout: int = 60
    ingress: str = "all"
    public: bool = False
    keys_secret: str = ""


class CloudRunTarget:
    """Google Cloud Run."""

    about = Place(
        title="Google Cloud Run",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "ab"),
        tool="gcloud",
        checked="Google's discovery document, unknown fields refused; flags by gcloud's own parser",
        proved="rendered and checked; the calls of gcloud against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `service.yaml`, and for each version before the newest a file that brings its revision."""
        settings = settings_of(plan, CloudRunSettings)
        workload = workload_of(serving, plan)
        shares = percents(workload)
        revisions = {each.label: _template(workload, each, settings) for each in workload.units}
        names = {label: str(each["metadata"]["name"]) for label, each in revisions.items()}
        *before, newest = workload.units
        first = [{"revisionName": names[workload.main.label], "percent": 100}]
        traffic = [
            {"revisionName": names[label], "percent": percent, "tag": label}
            for label, percent in shares.items()
        ]
        texts = {
            f"before-{each.label}.yaml": yaml_text(_service(workload, settings, revisions[each.label], first))
            for each in before
        }
        texts["service.yaml"] = yaml_text(_service(workload, settings, revisions[newest.label], traffic))
        note = note_of(
            workload,
            "cloud-run",
            objects=tuple(names[each.label] for each in before),
            facts={
                **facts(settings),
                **{f"file {names[each.label]}": f"before-{each.label}.yaml" for each in before},
            },
        )
        return with_note({PurePath(name): text for name, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Cloud Run would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, CloudRunSettings)
        note = read_note(folder)
        found = [
            *check_settings(settings),
            *check_image(plan),
            *limits.of_cloud_run(note, plan, settings.concurrency),
        ]
        account = list(check_account(settings))
        secret = "" if plan.platform else keys_secret(note.name, settings)
        records = "records of predictions end with an instance, whose disk is its memory"
        found.append(warned("records", "records", records))
        return [*found, *account, *(() if account else check_keys(note, secret))]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Let the revisions come that are not there, move the traffic, and return the service's URL."""
        find("gcloud")
        note = read_note(folder)
        with applying(folder, lambda before: _again(before, note)):
            for revision in note.objects:
                if not _has(note, revision):
                    _replace(note, folder / note.facts[f"file {revision}"])
            _replace(note, folder / "service.yaml")
        url = run(command(note, "run", "services", "describe", note.name, "--format=value(status.url)"))
        return url.strip()

    def remove(self, folder: Path) -> None:
        """Delete the service with its revisions."""
        note = applied_note(folder)
        if note is not None:
            run_unless_gone(command(note, "run", "services", "delete", note.name))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the service is there and ready."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            text = run(command(note, "run", "services", "describe", note.name, "--format=json"), seconds=60)
        except ServerFailed:
            return False
        conditions = msgspec.json.decode(text).get("status", {}).get("conditions", [])
        return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of all instances."""
        note = applied_note(folder) or read_note(folder)
        words = ("run", "services", "logs", "read", note.name, f"--limit={lines}")
        return run(command(note, *words)).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """There is no shell."""
        raise Refused(
            "Cloud Run opens no shell in an instance",
            hint="--target local-container runs the same image here",
        )


def keys_secret(name: str, settings: CloudRunSettings) -> str:
    """Return the name of the secret with the keys of those who may ask."""
    return settings.keys_secret or f"{name}-keys"


def _again(before: Path | None, note: Note) -> None:
    if before is not None:
        _replace(read_note(before), before / "service.yaml")
    else:
        run_unless_gone(command(note, "run", "services", "delete", note.name))


def _replace(note: Note, file: Path) -> None:
    run(command(note, "run", "services", "replace", str(file)))


def _has(note: Note, revision: str) -> bool:
    words = ("run", "revisions", "describe", revision, "--format=value(metadata.name)")
    return bool(run_unless_gone(command(note, *words)).strip())


def _service(
    workload: Workload,
    settings: CloudRunSettings,
    template: dict[str, Any],
    traffic: list[dict[str, Any]],
) -> dict[str, Any]:
    annotations = {"run.googleapis.com/ingress": settings.ingress}
    if settings.public:
        annotations["run.googleapis.com/invoker-iam-disabled"] = "true"
    labels = {"managed-by": "kervan", "environment": workload.name}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": workload.name, "labels": labels, "annotations": annotations},
        "spec": {"template": template, "traffic": traffic},
    }


def _template(workload: Workload, unit: Unit, settings: CloudRunSettings) -> dict[str, Any]:
    plan = workload.plan
    annotations = {
        "autoscaling.knative.dev/minScale": str(0 if plan.idle else plan.workers),
        "autoscaling.knative.dev/maxScale": str(max(plan.most_workers, plan.workers)),
        "run.googleapis.com/startup-cpu-boost": "true",
    }
    spec: dict[str, Any] = {
        "containerConcurrency": settings.concurrency,
        "timeoutSeconds": settings.timeout,
        "containers": [_container(workload, unit)],
    }
    if settings.account:
        spec["serviceAccountName"] = settings.account
    if not plan.platform:
        items = [{"key": "latest", "path": PurePosixPath(KEYS).name}]
        secret = {"secretName": keys_secret(workload.name, settings), "items": items}
        spec["volumes"] = [{"name": "keys", "secret": secret}]
    name = f"{workload.name}-{unit.label}-{fingerprint([annotations, spec])}"
    spec["containers"][0]["env"].append({"name": "KERVAN_DEPLOYMENT", "value": name})
    return {"metadata": {"name": name, "annotations": annotations}, "spec": spec}


def _container(workload: Workload, unit: Unit) -> dict[str, Any]:
    plan = workload.plan
    values = {name: text for name, text in told(workload).items() if name != "KERVAN_DEPLOYMENT"}
    resources: dict[str, str] = {}
    if plan.cpu:
        resources["cpu"] = f"{plan.cpu:g}"
    if plan.memory:
        resources["memory"] = f"{ceil(plan.memory / 2**20)}Mi"
    made: dict[str, Any] = {
        "image": unit.image,
        "ports": [{"name": "http1", "containerPort": PORT}],
        "env": [{"name": name, "value": text} for name, text in values.items()],
        "startupProbe": {
            "httpGet": {"path": "/readyz", "port": PORT},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 60,
        },
        "livenessProbe": {"httpGet": {"path": "/livez", "port": PORT}, "periodSeconds": 10},
    }
    if resources:
        made["resources"] = {"limits": resources}
    if not plan.platform:
        made["volumeMounts"] = [{"name": "keys", "mountPath": str(PurePosixPath(KEYS).parent)}]
    return made
