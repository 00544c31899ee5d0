"""Container Instances as a target: a container group in a template, whose keys come from a Key Vault.

Each version is a group of its own with an address of its own: the new one comes up beside the old, which is
deleted then.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import KEYS, PORT, RECORDS, Artefact, Place
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
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Workload

API = "2023-05-01"
_CORES, _MEMORY = 4.0, 16.0  # of a group, in most regions; GB


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInstancesSettings(AzureSettings):
    """`subnet` is the id of the subnet in which the group gets its address; without it that is `public`.

    `key_vault` is the id of the vault whose secret `keys_secret` holds the keys of those who may ask.
    `identity` is the id of the managed identity that pulls the image.
    """

    subnet: str = ""
    public: bool = False
    key_vault: str = ""
    keys_secret: str = ""
    identity: str = ""


class ContainerInstancesTarget:
    """Azure Container Instances."""

    about = Place(
        title="Azure Container Instances",
        artefact=Artefact.IMAGE,
        tool="az",
        checked="the types of azure-mgmt-containerinstance, unknown fields refused",
        proved="rendered and checked; the calls of az against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the template of the group, and its parameters: a reference to the secret with the keys."""
        settings = settings_of(plan, ContainerInstancesSettings)
        workload = workload_of(serving, plan)
        if len(workload.units) > 1:
            raise Refused(
                "a container group has one address, and shares out no traffic",
                hint="release at once, or use the target aks",
            )
        name = f"{workload.name}-{workload.main.label}"
        note = note_of(
            workload,
            "azure-container-instances",
            name=name,
            facts=facts(settings),
        )
        made = {
            "template.json": _template(name, workload, settings),
            "parameters.json": _parameters(workload, settings),
        }
        texts = {
            PurePath(path): msgspec.json.format(msgspec.json.encode(each), indent=2).decode() + "\n"
            for path, each in made.items()
        }
        texts |= {PurePath(path): text for path, text in pipeline(workload, settings.connection).items()}
        return with_note(texts, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Azure would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, ContainerInstancesSettings)
        return [*check_settings(settings), *check_platform(plan), *_limits(plan, settings), *check_account()]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Bring the group up beside the one before, delete that one, and return the URL."""
        find("az")
        note = read_note(folder)
        old = applied_note(folder)
        with applying(folder, lambda _: _take_back(note, old)):
            words = (f"--name={note.name}", f"--template-file={folder / 'template.json'}")
            run(
                command(
                    note,
                    "deployment",
                    "group",
                    "create",
                    *words,
                    f"--parameters=@{folder / 'parameters.json'}",
                )
            )
            if old is not None and old.name != note.name:
                _delete(old)
        query = (f"--name={note.name}", "--query=ipAddress.ip", "--output=tsv")
        return f"http://{run(command(note, 'container', 'show', *query)).strip()}:{PORT}"

    def remove(self, folder: Path) -> None:
        """Delete the group."""
        before = applied(folder)
        if before is not None:
            _delete(read_note(before))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the group runs."""
        note = applied_note(folder)
        if note is None:
            return False
        words = (f"--name={note.name}", "--query=instanceView.state", "--output=tsv")
        try:
            return run(command(note, "container", "show", *words), seconds=60).strip() == "Running"
        except ServerFailed:
            return False

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of the container."""
        note = applied_note(folder) or read_note(folder)
        return run(command(note, "container", "logs", f"--name={note.name}")).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell in the container."""
        note = applied_note(folder) or read_note(folder)
        return command(note, "container", "exec", f"--name={note.name}", "--exec-command=/bin/sh")


def _take_back(note: Note, old: Note | None) -> None:
    if old is None or old.name != note.name:
        _delete(note)


def _delete(note: Note) -> None:
    run_unless_gone(command(note, "container", "delete", f"--name={note.name}", "--yes"))


def _limits(plan: Plan, settings: ContainerInstancesSettings) -> Iterator[Finding]:
    if plan.cpu > _CORES or plan.memory / 1e9 > _MEMORY:
        yield failed("size", "memory", "a group has 4 cores and 16 GB at most", "change cpu or memory")
    if max(plan.workers, plan.most_workers) > 1:
        yield warned("plan", "workers", "a group is one replica, and there are no more of them")
    if plan.idle:
        yield warned("plan", "idle", "a group stays while nobody asks")
    if not settings.subnet:
        hint = "set subnet, and an Application Gateway in front of it"
        words = "nothing brings TLS to a public address: keys and rows can be read on their way"
        yield (warned if settings.public else failed)("address", "subnet", words, hint)
    if not plan.platform and not (settings.key_vault and settings.keys_secret):
        yield failed(
            "credentials", "key_vault", "no secret with the keys is named", "set key_vault and keys_secret"
        )


def _parameters(workload: Workload, settings: ContainerInstancesSettings) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if not workload.plan.platform:
        vault = {"keyVault": {"id": settings.key_vault}, "secretName": settings.keys_secret}
        keys = {"keys": {"reference": vault}}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"location": {"value": settings.location}, **keys},
    }


def _template(name: str, workload: Workload, settings: ContainerInstancesSettings) -> dict[str, Any]:
    keys = {} if workload.plan.platform else {"keys": {"type": "securestring"}}
    resource: dict[str, Any] = {
        "type": "Microsoft.ContainerInstance/containerGroups",
        "apiVersion": API,
        "name": name,
        "location": "[parameters('location')]",
        "tags": {"managed-by": "kervan"},
        "properties": _group(workload, settings),
    }
    if settings.identity:
        resource["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {settings.identity: {}}}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"location": {"type": "string"}, **keys},
        "resources": [resource],
    }


def _group(workload: Workload, settings: ContainerInstancesSettings) -> dict[str, Any]:
    folder = PurePosixPath(KEYS)
    volumes: list[dict[str, Any]] = [{"name": "records", "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [{"name": "records", "mountPath": RECORDS}]
    if not workload.plan.platform:
        volumes.append({"name": "keys", "secret": {folder.name: "[base64(parameters('keys'))]"}})
        mounts.append({"name": "keys", "mountPath": str(folder.parent), "readOnly": True})
    ports = [{"protocol": "TCP", "port": PORT}]
    made: dict[str, Any] = {
        "osType": "Linux",
        "restartPolicy": "Always",
        "ipAddress": {"type": "Private" if settings.subnet else "Public", "ports": ports},
        "containers": [{"name": "kervan", "properties": _container(workload, mounts)}],
        "volumes": volumes,
    }
    if settings.subnet:
        made["subnetIds"] = [{"id": settings.subnet}]
    if settings.identity:
        server = workload.main.image.split("/")[0]
        made["imageRegistryCredentials"] = [{"server": server, "identity": settings.identity}]
    return made


def _container(workload: Workload, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    plan = workload.plan
    memory = ceil((plan.memory or 1 << 30) / 1e8) / 10  # in tenths of a GB

    def probe(path: str) -> dict[str, Any]:
        asked = {"path": path, "port": PORT, "scheme": "http"}
        return {"httpGet": asked, "periodSeconds": 10, "failureThreshold": 6}

    return {
        "image": workload.main.image,
        "ports": [{"protocol": "TCP", "port": PORT}],
        "environmentVariables": [{"name": name, "value": text} for name, text in told(workload).items()],
        "resources": {"requests": {"cpu": plan.cpu or 1.0, "memoryInGB": memory}},
        "livenessProbe": probe("/livez"),
        "readinessProbe": probe("/readyz"),
        "securityContext": {"allowPrivilegeEscalation": False, "privileged": False, "runAsUser": 10001},
        "volumeMounts": mounts,
    }
