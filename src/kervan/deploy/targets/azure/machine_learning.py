"""Azure Machine Learning as a target: an online endpoint whose deployments share the traffic, and mirror it.

A deployment runs our image, or with `kind = "script"` an environment of Azure's with our Conda file and
entry script, over the model as it was registered there. Azure asks callers for a key or a token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, Refused, ServerFailed, did_you_mean
from kervan.core.places import PORT, Artefact, Place
from kervan.core.serving import ShareRole
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.azure.az import (
    AzureSettings,
    check_account,
    check_platform,
    check_settings,
    command,
    facts,
)
from kervan.deploy.targets.azure.pipeline import pipeline
from kervan.deploy.targets.azure.script import CONDA, SCORE
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.targets.shares import percents
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.targets.yaml_text import yaml_text
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Unit, Workload

_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_LONGEST = 32  # letters of an endpoint's name
_MIRRORED = 50  # percent at most
_KINDS = ("image", "script")
_MODES = ("key", "aad_token", "aml_token")
_BASE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureMlSettings(AzureSettings):
    """`workspace` is that of Azure Machine Learning; `instance` the type of machine of each replica.

    `auth` is "key", "aad_token" or "aml_token". `kind` is "image" for ours, or "script" for an environment
    of Azure's with a Conda file and an entry script. A shadow sees `mirror` percent of the requests.
    """

    workspace: str = ""
    instance: str = "Standard_DS2_v2"
    auth: str = "key"
    kind: str = "image"
    mirror: int = 10
    timeout: int = 5


class AzureMlTarget:
    """Azure Machine Learning, managed online endpoints."""

    about = Place(
        title="Azure Machine Learning",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "ab", "shadow"),
        tool="az",
        checked="the loaders of azure-ai-ml; the entry script by running it",
        proved="init() and run() with a package; the calls of az against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the endpoint and a deployment for each version, with what an entry script needs."""
        settings = settings_of(plan, AzureMlSettings)
        _check_choices(settings)
        workload = workload_of(serving, replace(plan, platform=True))
        name = endpoint_name(workload.name)
        texts = {"endpoint.yml": yaml_text(_endpoint(name, settings))}
        for unit in workload.units:
            texts[f"deployment-{unit.label}.yml"] = yaml_text(_deployment(name, workload, unit, settings))
        texts |= pipeline(workload, settings.connection)
        if settings.kind == "script":
            texts |= {"code/score.py": SCORE, "conda.yml": CONDA}
        shadows = [each for each in workload.units if each.role is ShareRole.SHADOW]
        heard = replace(workload, units=tuple(each for each in workload.units if each not in shadows))
        note = note_of(
            workload,
            "azure-ml",
            name=name,
            objects=tuple(each.label for each in workload.units),
            facts={
                **facts(settings),
                "workspace": settings.workspace,
                "traffic": " ".join(f"{label}={share}" for label, share in percents(heard).items()),
                "mirror": " ".join(f"{each.label}={settings.mirror}" for each in shadows[:1]),
            },
        )
        return with_note({PurePath(path): text for path, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Azure would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, AzureMlSettings)
        note = read_note(folder)
        return [
            *check_settings(settings),
            *check_platform(plan),
            *_limits(note, plan, settings),
            *check_account(),
        ]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Make the deployments that are not there, move the traffic, and return the endpoint's URL."""
        find("az")
        note = read_note(folder)
        with applying(folder, lambda before: _again(before, note)):
            if not _shown(note, "online-endpoint", note.name):
                run(_ml(note, "online-endpoint", "create", f"--file={folder / 'endpoint.yml'}"))
            for label in note.objects:
                verb = "update" if _has(note, label) else "create"
                file = folder / f"deployment-{label}.yml"
                run(_ml(note, "online-deployment", verb, f"--file={file}"), seconds=3600)
            _split(note)
            _delete(note, [each for each in _present(note) if each not in note.objects])
        return _shown(note, "online-endpoint", note.name, "scoring_uri")

    def remove(self, folder: Path) -> None:
        """Delete the endpoint with its deployments."""
        note = applied_note(folder)
        if note is not None:
            run_unless_gone(_ml(note, "online-endpoint", "delete", f"--name={note.name}", "--yes"))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the endpoint has the deployments of the release."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            return set(note.objects) <= set(_present(note))
        except ServerFailed:
            return False

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of the stable version's container."""
        note = applied_note(folder) or read_note(folder)
        words = (f"--endpoint-name={note.name}", f"--name={note.objects[0]}", f"--lines={lines}")
        return run(_ml(note, "online-deployment", "get-logs", *words)).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """There is no shell."""
        raise Refused(
            "Azure opens no shell in a replica", hint="--target local-container runs the same image here"
        )


def endpoint_name(name: str) -> str:
    """Return an endpoint's name: 32 letters at most.

    >>> endpoint_name("a-model-with-a-long-name-production-eu")
    'a-model-with-a-long-name-product'
    """
    return name[:_LONGEST].strip("-")


def _check_choices(settings: AzureMlSettings) -> None:
    for name, value, known in (("kind", settings.kind, _KINDS), ("auth", settings.auth, _MODES)):
        if value not in known:
            raise InvalidConfig(
                f"[targets.azure-ml] {name}: {value!r} is unknown", hint=did_you_mean(value, known)
            )


def _endpoint(name: str, settings: AzureMlSettings) -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/managedOnlineEndpoint.schema.json",
        "name": name,
        "auth_mode": settings.auth,
        "tags": {"managed-by": "kervan"},
    }


def _deployment(name: str, workload: Workload, unit: Unit, settings: AzureMlSettings) -> dict[str, Any]:
    probe = {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}
    made: dict[str, Any] = {
        "$schema": f"{_SCHEMAS}/managedOnlineDeployment.schema.json",
        "name": unit.label,
        "endpoint_name": name,
        "instance_type": settings.instance,
        "instance_count": workload.plan.workers,
        "environment_variables": told(workload),
        "request_settings": {
            "request_timeout_ms": settings.timeout * 1000,
            "max_concurrent_requests_per_instance": 64 if settings.kind == "image" else 1,
        },
        "liveness_probe": probe,
        "readiness_probe": probe,
    }
    if settings.kind == "script":
        return {
            **made,
            "model": f"azureml:{unit.manifest.name}:{unit.manifest.version}",
            "code_configuration": {"code": "./code", "scoring_script": "score.py"},
            "environment": {"image": _BASE, "conda_file": "./conda.yml"},
        }
    routes = {"liveness_route": "/livez", "readiness_route": "/readyz", "scoring_route": "/predict"}
    config = {each: {"port": PORT, "path": path} for each, path in routes.items()}
    return {**made, "environment": {"image": unit.image, "inference_config": config}}


def _limits(note: Note, plan: Plan, settings: AzureMlSettings) -> Iterator[Finding]:
    if not settings.workspace:
        yield failed("credentials", "workspace", "no workspace is named", "set workspace")
    if len(note.name) < 3:
        yield failed("name", note.name, "an endpoint's name has 3 letters at least", "rename the model")
    if not 0 < settings.mirror <= _MIRRORED:
        yield failed("mirror", "mirror", f"{settings.mirror} % cannot be mirrored", "from 1 to 50")
    if plan.most_workers > plan.workers:
        yield warned("plan", "most_workers", "Azure scales by rules of Azure Monitor, which are not written")
    if plan.grpc_port is not None:
        yield failed("port", "grpc_port", "an endpoint speaks HTTP alone", "leave out grpc_port")
    if plan.idle:
        yield warned("plan", "idle", "a deployment keeps one replica at least, also while nobody asks")
    if settings.timeout > 180:
        yield failed("timeout", "timeout", "a request takes 180 seconds at most", "180 at most")


def _ml(note: Note, kind: str, verb: str, *words: str) -> list[str]:
    return command(note, "ml", kind, verb, *words, f"--workspace-name={note.facts['workspace']}")


def _shown(note: Note, kind: str, name: str, query: str = "name") -> str:
    words = (f"--name={name}", f"--query={query}", "--output=tsv")
    return run_unless_gone(_ml(note, kind, "show", *words)).strip()


def _has(note: Note, label: str) -> bool:
    return label in _present(note)


def _present(note: Note) -> list[str]:
    words = (f"--endpoint-name={note.name}", "--query=[].name", "--output=tsv")
    return run_unless_gone(_ml(note, "online-deployment", "list", *words)).split()


def _split(note: Note) -> None:
    words = [f"--name={note.name}", f"--traffic={note.facts['traffic']}"]
    if note.facts["mirror"]:
        words.append(f"--mirror-traffic={note.facts['mirror']}")
    run(_ml(note, "online-endpoint", "update", *words))


def _delete(note: Note, labels: Sequence[str]) -> None:
    for each in labels:
        words = (f"--endpoint-name={note.name}", f"--name={each}", "--yes")
        run_unless_gone(_ml(note, "online-deployment", "delete", *words))


def _again(before: Path | None, note: Note) -> None:
    """Give the traffic back to what had it, and take away what is new."""
    if before is None:
        run_unless_gone(_ml(note, "online-endpoint", "delete", f"--name={note.name}", "--yes"))
        return
    old = read_note(before)
    for label in set(old.objects) & set(note.objects):
        run(
            _ml(old, "online-deployment", "update", f"--file={before / f'deployment-{label}.yml'}"),
            seconds=3600,
        )
    _split(old)
    _delete(old, [each for each in _present(old) if each not in old.objects])
