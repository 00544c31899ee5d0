"""Azure Functions as a target: our function in the programming model of version 2, sent as one ZIP."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.azure.az import AzureSettings, check_account, check_settings, command, facts
from kervan.deploy.targets.azure.pipeline import pipeline
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.targets.staged import BEGIN, staged
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving

APP = f"""{BEGIN}
import azure.functions as functions

from kervan.serve.function import azure, warm

warm(logs=False)
app = functions.FunctionApp(http_auth_level=functions.AuthLevel.FUNCTION)


@app.route(route="{{*path}}", methods=["GET", "POST"])
def predict(request: functions.HttpRequest) -> functions.HttpResponse:
    return azure(request)
"""
HOST = {
    "version": "2.0",
    "extensions": {"http": {"routePrefix": ""}},
    "functionTimeout": "00:01:00",
    "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
}
_FILES = ("function_app.py", "host.json", "requirements.txt")
_SIZES = (512, 2048, 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureFunctionsSettings(AzureSettings):
    """`app` is the name of the function app, which no other in the world has; `storage` its storage account.

    `memory` is that of an instance in MiB: 512, 2048 or 4096.
    """

    app: str = ""
    storage: str = ""
    memory: int = 2048
    python: str = "3.12"


class AzureFunctionsTarget:
    """Azure Functions, Flex Consumption."""

    about = Place(
        title="Azure Functions",
        artefact=Artefact.ZIP,
        tool="az",
        checked="azure-functions, which reads the routes of the app and answers a request with it",
        proved="function_app.py with that library; the calls of az against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `function_app.py`, `host.json` and the app's settings."""
        settings = settings_of(plan, AzureFunctionsSettings)
        workload = workload_of(serving, replace(plan, platform=True))
        if len(workload.units) > 1:
            raise Refused("a function app has one version at a time", hint="release at once")
        values = {**told(workload), "KERVAN_RECORDS": "log"}
        note = note_of(
            workload,
            "azure-functions",
            name=settings.app or workload.name,
            facts={**facts(settings), "storage": settings.storage},
        )
        texts = {
            "function_app.py": APP,
            "host.json": _text(HOST),
            "requirements.txt": "# Everything lies beside this file already.\n",
            "settings.json": _text(values),
            **pipeline(workload, settings.connection),
        }
        return with_note({PurePath(name): text for name, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Azure would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, AzureFunctionsSettings)
        return [*check_settings(settings), *_limits(plan, settings), *check_account()]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Make the app if it is not there, send the ZIP, and return the app's URL."""
        find("az")
        settings = settings_of(plan, AzureFunctionsSettings)
        note = read_note(folder)
        values = msgspec.json.decode((folder / "settings.json").read_bytes(), type=dict[str, str])
        with applying(folder, lambda before: _again(before, note)):
            if not _host(note):
                words = (f"--name={note.name}", f"--storage-account={note.facts['storage']}")
                more = ("--runtime=python", f"--runtime-version={settings.python}")
                size = (
                    f"--instance-memory={settings.memory}",
                    f"--flexconsumption-location={settings.location}",
                )
                run(command(note, "functionapp", "create", *words, *more, *size))
            pairs = [f"{name}={text}" for name, text in values.items()]
            config = ("functionapp", "config", "appsettings", "set")
            run(command(note, *config, f"--name={note.name}", "--output=none", "--settings", *pairs))
            with staged(folder, note.parts[0].version, _FILES) as source:
                archive = shutil.make_archive(str(source.parent / f"{source.name}-app"), "zip", source)
                send = ("functionapp", "deployment", "source", "config-zip", f"--name={note.name}")
                try:
                    run(command(note, *send, f"--src={archive}"), seconds=1800)
                finally:
                    Path(archive).unlink()
        return f"https://{_host(note)}"

    def remove(self, folder: Path) -> None:
        """Delete the app."""
        note = applied_note(folder)
        if note is not None:
            run_unless_gone(command(note, "functionapp", "delete", f"--name={note.name}"))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the app is there."""
        before = applied(folder)
        try:
            return before is not None and bool(_host(read_note(before)))
        except ServerFailed:
            return False


def _text(made: object) -> str:
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def _host(note: Note) -> str:
    words = (f"--name={note.name}", "--query=defaultHostName", "--output=tsv")
    return run_unless_gone(command(note, "functionapp", "show", *words)).strip()


def _again(before: Path | None, note: Note) -> None:
    """Take away what came first; an app that was there goes on with the ZIP that it has."""
    if before is None:
        run_unless_gone(command(note, "functionapp", "delete", f"--name={note.name}"))


def _limits(plan: Plan, settings: AzureFunctionsSettings) -> Iterator[Finding]:
    if not settings.app or not settings.storage:
        yield failed("credentials", "app", "no app or no storage account is named", "set app and storage")
    if settings.memory not in _SIZES:
        yield failed("memory", "memory", f"{settings.memory} MiB cannot be had", "512, 2048 or 4096")
    elif plan.memory > settings.memory << 20:
        yield failed("memory", "memory", "a replica may take more than an instance has", "more memory")
    if plan.grpc_port is not None:
        yield failed("port", "grpc_port", "a function speaks HTTP alone", "leave out grpc_port")
    yield warned("body", "request", "requests over 210 MB and those over 230 seconds are refused")
