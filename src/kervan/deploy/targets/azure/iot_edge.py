"""IoT Edge as a target: a deployment manifest with our image as a module, for the devices that a tag names.

The module answers at `http://NAME:8080` on the device's own network, or with `broker` the messages of an
MQTT broker there. IoT Hub takes the deployment with the highest priority, so that taking one away lets the
one before answer again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import PORT, RECORDS, Artefact, Place
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.azure.az import AzureSettings, check_account, check_settings, command, facts
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

_RUNTIME = "mcr.microsoft.com/azureiotedge"
_CREATE = 512 * 8  # bytes of createOptions that a twin holds
_BROKER = re.compile(r"mqtts?://[^\s:@]+(@[^\s:]+)?(:[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class IotEdgeSettings(AzureSettings):
    """`hub` is the IoT Hub, `condition` says which devices, `runtime` is the version of IoT Edge on them.

    With `broker`, such as "mqtt://mosquitto:1883", the module answers messages: those of the topic `inward`,
    on the topic `outward`. `records` is a folder of the device for the records, "" for one that ends with
    the module.
    """

    hub: str = ""
    condition: str = "tags.environment='production'"
    priority: int = 10
    runtime: str = "1.5"
    broker: str = ""
    inward: str = "kervan/in"
    outward: str = "kervan/out"
    records: str = ""


class IotEdgeTarget:
    """Devices with Azure IoT Edge."""

    about = Place(
        title="Azure IoT Edge",
        artefact=Artefact.IMAGE,
        tool="az",
        checked="nothing but the form of the documentation",
        proved="the module with a real MQTT broker; the calls of az against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the deployment manifest, with the module's twin."""
        settings = settings_of(plan, IotEdgeSettings)
        workload = workload_of(serving, replace(plan, platform=True))
        if len(workload.units) > 1:
            raise Refused(
                "a device runs one version of a module",
                hint="release at once, to devices of another tag first: condition",
            )
        note = note_of(
            workload,
            "azure-iot-edge",
            name=f"{workload.name}-{workload.main.label}",
            facts={**facts(settings), "hub": settings.hub, "module": workload.name},
        )
        made = msgspec.json.format(msgspec.json.encode(_manifest(workload, settings)), indent=2).decode()
        texts = {"deployment.json": made + "\n", **pipeline(workload, settings.connection)}
        return with_note({PurePath(path): text for path, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what IoT Hub would refuse, or devices would not run."""
        settings = settings_of(plan, IotEdgeSettings)
        manifest = msgspec.json.decode((folder / "deployment.json").read_bytes())
        return [*check_settings(settings), *_limits(manifest, plan, settings), *check_account()]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Create the deployment, delete the one before, and return where the module answers on a device."""
        find("az")
        settings = settings_of(plan, IotEdgeSettings)
        note = read_note(folder)
        old = applied_note(folder)
        with applying(folder, lambda _: _take_back(note, old)):
            if old is not None and old.name == note.name:
                _delete(old)
            words = (f"--deployment-id={note.name}", f"--content={folder / 'deployment.json'}")
            more = (f"--target-condition={settings.condition}", f"--priority={settings.priority}")
            run(_edge(note, "create", *words, *more))
            if old is not None and old.name != note.name:
                _delete(old)
        return settings.broker or f"http://{note.facts['module']}:{PORT}"

    def remove(self, folder: Path) -> None:
        """Delete the deployment: devices take the module away."""
        before = applied(folder)
        if before is not None:
            _delete(read_note(before))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether IoT Hub has the deployment."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            words = (f"--deployment-id={note.name}", "--query=id", "--output=tsv")
            return bool(run_unless_gone(_edge(note, "show", *words), seconds=60).strip())
        except ServerFailed:
            return False


def _edge(note: Note, verb: str, *words: str) -> list[str]:
    return command(note, "iot", "edge", "deployment", verb, *words, f"--hub-name={note.facts['hub']}")


def _delete(note: Note) -> None:
    run_unless_gone(_edge(note, "delete", f"--deployment-id={note.name}"))


def _take_back(note: Note, old: Note | None) -> None:
    if old is None or old.name != note.name:
        _delete(note)


def _limits(manifest: dict[str, Any], plan: Plan, settings: IotEdgeSettings) -> Iterator[Finding]:
    if not settings.hub:
        yield failed("credentials", "hub", "no IoT Hub is named", "set hub")
    modules = manifest["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    for name, module in modules.items():
        if len(module["settings"]["createOptions"]) > _CREATE:
            yield failed("size", name, "a module's options have 4096 letters at most", "fewer settings")
    if settings.broker and not _BROKER.fullmatch(settings.broker):
        yield failed(
            "address", "broker", f"{settings.broker!r} is no broker", "such as mqtt://mosquitto:1883"
        )
    if settings.broker and "mqtt" not in plan.image.extras:
        yield failed(
            "image",
            "extras",
            "the image does not speak MQTT",
            'write in kervan.toml: [image] extras = ["mqtt"]',
        )
    if max(plan.workers, plan.most_workers) > 1:
        yield warned("plan", "workers", "a device runs one replica")
    if not plan.platform:
        yield warned(
            "keys",
            "platform",
            "whoever reaches the module on the device's network may ask it: there are no keys",
        )


def _manifest(workload: Workload, settings: IotEdgeSettings) -> dict[str, Any]:
    def runtime(name: str, options: dict[str, Any]) -> dict[str, Any]:
        image = f"{_RUNTIME}-{name}:{settings.runtime}"
        return {"type": "docker", "settings": {"image": image, "createOptions": _packed(options)}}

    ports = {each: [{"HostPort": each.split("/")[0]}] for each in ("5671/tcp", "8883/tcp", "443/tcp")}
    hub = {**runtime("hub", {"HostConfig": {"PortBindings": ports}}), "status": "running"}
    agent = {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {"edgeAgent": runtime("agent", {}), "edgeHub": {**hub, "restartPolicy": "always"}},
        "modules": {workload.name: _module(workload, settings)},
    }
    routes = {"toCloud": {"route": f"FROM /messages/modules/{workload.name}/* INTO $upstream"}}
    edge_hub = {
        "schemaVersion": "1.1",
        "routes": routes,
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    }
    manifest = workload.main.manifest
    twin = {"model": manifest.name, "version": manifest.version, "digest": manifest.hash}
    desired = {"$edgeAgent": agent, "$edgeHub": edge_hub, workload.name: twin}
    return {"modulesContent": {name: {"properties.desired": each} for name, each in desired.items()}}


def _module(workload: Workload, settings: IotEdgeSettings) -> dict[str, Any]:
    plan = workload.plan
    values = told(workload)
    limited: dict[str, Any] = {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
    }
    if plan.memory:
        limited["Memory"] = plan.memory
    if plan.cpu:
        limited["NanoCpus"] = round(plan.cpu * 1e9)
    if settings.records:
        limited["Binds"] = [f"{settings.records}:{RECORDS}"]
    else:
        limited["Tmpfs"] = {RECORDS: "mode=1777"}
    options: dict[str, Any] = {"HostConfig": limited}
    if settings.broker:
        values |= {
            "KERVAN_MQTT": settings.broker,
            "KERVAN_MQTT_IN": settings.inward,
            "KERVAN_MQTT_OUT": settings.outward,
            "KERVAN_PACKAGE": "/opt/kervan/package",
            "KERVAN_RECORDS": RECORDS,
        }
        options["Entrypoint"] = ["python", "-m", "kervan.serve.edge_module"]
        options["Cmd"] = []
    return {
        "version": workload.main.manifest.version,
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "env": {name: {"value": text} for name, text in values.items()},
        "settings": {"image": workload.main.image, "createOptions": _packed(options)},
    }


def _packed(options: dict[str, Any]) -> str:
    return msgspec.json.encode(options).decode()
