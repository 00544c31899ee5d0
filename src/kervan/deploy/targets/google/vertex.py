"""Vertex AI as a target: each version a model with our image, all on one endpoint that splits the traffic.

Vertex asks `{"instances": […]}` and wants `{"predictions": […]}` back, which is what `/invocations` answers.
Its own identity guards the door: instances ask for no keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import PORT, Artefact, Place
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.google import limits
from kervan.deploy.targets.google.gcloud import (
    GoogleSettings,
    check_account,
    check_image,
    check_settings,
    command,
    facts,
    fingerprint,
    number_of,
)
from kervan.deploy.targets.shares import percents
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Unit, Workload

PREDICT, HEALTH = "/invocations", "/ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexSettings(GoogleSettings):
    """`machine` is the type of machine that each replica gets."""

    machine: str = "n1-standard-2"


class VertexTarget:
    """Google Vertex AI, the successor of AI Platform."""

    about = Place(
        title="Google Vertex AI",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "ab"),
        tool="gcloud",
        checked="Google's discovery document, unknown fields refused; flags by gcloud's own parser",
        proved="the form of its requests by our server; the calls of gcloud against a stand-in",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the bodies of the API's calls: an endpoint, for each version its model and deployment."""
        settings = settings_of(plan, VertexSettings)
        workload = workload_of(serving, replace(plan, platform=True))
        shares = percents(workload)
        made: dict[str, Any] = {"endpoint.json": {"displayName": workload.name, "labels": _LABELS}}
        ids: dict[str, str] = {}
        for unit in workload.units:
            model = _model(workload, unit)
            name = f"{workload.name}-{unit.label}-{fingerprint([model, settings.machine, _count(plan)])}"
            ids[unit.label] = number_of(name)
            made[f"model-{unit.label}.json"] = {"modelId": name, "model": model}
            made[f"deploy-{unit.label}.json"] = {"deployedModel": _deployed(name, ids, unit, plan, settings)}
        made["traffic.json"] = {"trafficSplit": {ids[label]: percent for label, percent in shares.items()}}
        note = note_of(
            workload,
            "vertex",
            objects=tuple(ids.values()),
            facts={**facts(settings), "endpoint": number_of(workload.name)},
        )
        texts = {PurePath(name): _text(each) for name, each in made.items()}
        return with_note(texts, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Vertex AI would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, VertexSettings)
        return [
            *check_settings(settings),
            *check_image(plan),
            *limits.of_vertex(plan, settings.machine),
            *check_account(settings),
        ]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Deploy the versions that are not there yet, move the traffic, and return the endpoint's URL."""
        find("gcloud")
        note = read_note(folder)
        with applying(folder, lambda before: _again(before, note)):
            present = _present(note)
            for part, number in zip(note.parts, note.objects, strict=True):
                if number not in present:
                    _deploy(folder, note, part.label, is_first=not present)
                    present = [*present, number]
            _split(folder, note)
            _undeploy(note, [each for each in present if each not in note.objects])
        project = note.facts["project"] or run(["gcloud", "config", "get-value", "project"]).strip()
        region = note.facts["region"]
        where = f"projects/{project}/locations/{region}/endpoints/{note.facts['endpoint']}"
        return f"https://{region}-aiplatform.googleapis.com/v1/{where}:predict"

    def remove(self, folder: Path) -> None:
        """Take all versions off the endpoint and delete it; models stay in the registry."""
        note = applied_note(folder)
        if note is not None:
            _undeploy(note, _present(note))
            run_unless_gone(command(note, "ai", "endpoints", "delete", note.facts["endpoint"]))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the endpoint has the versions of the release."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            return set(note.objects) <= set(_present(note))
        except ServerFailed:
            return False

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of all replicas."""
        note = applied_note(folder) or read_note(folder)
        kind = 'resource.type="aiplatform.googleapis.com/Endpoint"'
        chosen = f'{kind} AND resource.labels.endpoint_id="{note.facts["endpoint"]}"'
        words = ("logging", "read", chosen, f"--limit={lines}", "--format=value(textPayload,jsonPayload)")
        return run(command(note, *words, has_region=False)).splitlines()[::-1]

    def shell(self, folder: Path) -> Sequence[str]:
        """There is no shell."""
        raise Refused(
            "Vertex AI opens no shell in a replica", hint="--target local-container runs the same image here"
        )


_LABELS = {"managed-by": "kervan"}


def _text(made: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def _count(plan: Plan) -> tuple[int, int]:
    return plan.workers, max(plan.most_workers, plan.workers)


def _model(workload: Workload, unit: Unit) -> dict[str, Any]:
    values = {name: text for name, text in told(workload).items() if name != "KERVAN_DEPLOYMENT"}
    return {
        "displayName": f"{workload.name}-{unit.label}",
        "labels": _LABELS,
        "versionAliases": [],
        "containerSpec": {
            "imageUri": unit.image,
            "ports": [{"containerPort": PORT}],
            "predictRoute": PREDICT,
            "healthRoute": HEALTH,
            "env": [{"name": name, "value": text} for name, text in values.items()],
        },
    }


def _deployed(
    name: str, ids: dict[str, str], unit: Unit, plan: Plan, settings: VertexSettings
) -> dict[str, Any]:
    least, most = _count(plan)
    made: dict[str, Any] = {
        "id": ids[unit.label],
        "model": name,
        "displayName": unit.label,
        "dedicatedResources": {
            "machineSpec": {"machineType": settings.machine},
            "minReplicaCount": least,
            "maxReplicaCount": most,
        },
    }
    if settings.account:
        made["serviceAccount"] = settings.account
    return made


def _read(folder: Path, name: str) -> Any:
    return msgspec.json.decode((folder / name).read_bytes())


def _present(note: Note) -> list[str]:
    """Return the numbers of what the endpoint has, which is made if it is not there."""
    words = ("ai", "endpoints", "describe", note.facts["endpoint"], "--format=json")
    text = run_unless_gone(command(note, *words))
    return [each["id"] for each in msgspec.json.decode(text).get("deployedModels", [])] if text else []


def _deploy(folder: Path, note: Note, label: str, *, is_first: bool) -> None:
    """Upload a version's model, and deploy it; the first one on an endpoint gets its traffic at once."""
    endpoint = note.facts["endpoint"]
    if is_first and not run_unless_gone(command(note, "ai", "endpoints", "describe", endpoint)).strip():
        words = (f"--display-name={note.name}", f"--endpoint-id={endpoint}")
        run(command(note, "ai", "endpoints", "create", *words))
    asked = _read(folder, f"model-{label}.json")
    name, spec = asked["modelId"], asked["model"]["containerSpec"]
    if not run_unless_gone(command(note, "ai", "models", "describe", name)).strip():
        told_it = ",".join(f"{each['name']}={each['value']}" for each in spec["env"])
        upload = (
            f"--model-id={name}",
            f"--display-name={asked['model']['displayName']}",
            f"--container-image-uri={spec['imageUri']}",
            f"--container-ports={PORT}",
            f"--container-predict-route={PREDICT}",
            f"--container-health-route={HEALTH}",
            f"--container-env-vars={told_it}",
        )
        run(command(note, "ai", "models", "upload", *upload), seconds=1800)
    wanted = _read(folder, f"deploy-{label}.json")["deployedModel"]
    resources = wanted["dedicatedResources"]
    account = [f"--service-account={wanted['serviceAccount']}"] if "serviceAccount" in wanted else []
    deploy = (
        f"--model={name}",
        f"--display-name={label}",
        f"--deployed-model-id={wanted['id']}",
        f"--machine-type={resources['machineSpec']['machineType']}",
        f"--min-replica-count={resources['minReplicaCount']}",
        f"--max-replica-count={resources['maxReplicaCount']}",
        *account,
        *(["--traffic-split=0=100"] if is_first else []),
    )
    run(command(note, "ai", "endpoints", "deploy-model", endpoint, *deploy), seconds=3600)


def _split(folder: Path, note: Note) -> None:
    split = _read(folder, "traffic.json")["trafficSplit"]
    told_it = ",".join(f"{number}={percent}" for number, percent in split.items())
    words = ("ai", "endpoints", "update", note.facts["endpoint"], f"--traffic-split={told_it}")
    run(command(note, *words))


def _undeploy(note: Note, numbers: Sequence[str]) -> None:
    for each in numbers:
        words = ("ai", "endpoints", "undeploy-model", note.facts["endpoint"], f"--deployed-model-id={each}")
        run_unless_gone(command(note, *words))


def _again(before: Path | None, note: Note) -> None:
    """Give the traffic back to what had it, and take away what is new."""
    old = read_note(before) if before is not None else None
    present = _present(note)
    if before is not None and old is not None and set(old.objects) <= set(present):
        _split(before, old)
    _undeploy(note, [each for each in present if old is None or each not in old.objects])
