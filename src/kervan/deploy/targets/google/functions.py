"""Cloud Functions as a target: our function on Google's framework, from a source folder that brings all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused, ServerFailed
from kervan.core.places import KEYS, Artefact, Place
from kervan.deploy.targets.applying import applying
from kervan.deploy.targets.commands import find, run, run_unless_gone
from kervan.deploy.targets.google import limits
from kervan.deploy.targets.google.gcloud import (
    GoogleSettings,
    check_account,
    check_keys,
    check_settings,
    command,
    facts,
)
from kervan.deploy.targets.staged import BEGIN, staged
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import Note, applied_note, forget, note_of, read_note, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Workload

# The package is loaded by the first request: the framework forks after it has imported this.
MAIN = f"""{BEGIN}
from kervan.serve.function import google


def predict(request):
    return google(request)
"""
_REQUIREMENTS = "# Everything lies beside this file already.\n"
_FILES = ("main.py", "requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudFunctionsSettings(GoogleSettings):
    """`concurrency` is how many requests an instance answers at once, `timeout` how long one may take.

    With `public` Google asks callers for no identity, and Kervan asks for keys, which `keys_secret` of Secret
    Manager holds. `bucket` is where the source is staged, "" for Google's own.
    """

    concurrency: int = 1
    timeout: int = 60
    public: bool = False
    keys_secret: str = ""
    bucket: str = ""
    python: str = "python312"


class CloudFunctionsTarget:
    """Google Cloud Functions, second generation."""

    about = Place(
        title="Google Cloud Functions",
        artefact=Artefact.ZIP,
        tool="gcloud",
        checked="Google's discovery document, unknown fields refused; flags by gcloud's own parser",
        proved="main.py answers on Google's functions framework; the calls of gcloud against a stand-in",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `main.py`, its requirements, and the function as the API takes it."""
        settings = settings_of(plan, CloudFunctionsSettings)
        workload = workload_of(serving, replace(plan, platform=not settings.public))
        if len(workload.units) > 1:
            raise Refused(
                "Cloud Functions has one version of a function at a time",
                hint="release at once, or use the target cloud-run",
            )
        made = msgspec.json.format(msgspec.json.encode(_function(workload, settings)), indent=2).decode()
        note = note_of(
            workload,
            "cloud-functions",
            facts={**facts(settings), "bucket": settings.bucket},
        )
        texts = {"main.py": MAIN, "requirements.txt": _REQUIREMENTS, "function.json": made + "\n"}
        return with_note({PurePath(name): text for name, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Cloud Functions would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, CloudFunctionsSettings)
        note = read_note(folder)
        found = [*check_settings(settings), *limits.of_cloud_run(note, plan, settings.concurrency)]
        account = list(check_account(settings))
        secret = _secret(note.name, settings) if settings.public else ""
        return [*found, *account, *(() if account else check_keys(note, secret))]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Deploy the function, and return its URL; what ran before goes on where that fails."""
        find("gcloud")
        note = read_note(folder)
        body = msgspec.json.decode((folder / "function.json").read_bytes())
        version = note.parts[0].version
        with (
            applying(folder, lambda before: _again(before, note)),
            staged(folder, version, _FILES) as source,
        ):
            run(command(note, "functions", "deploy", note.name, *_flags(body, note, source)), seconds=1800)
        return run(command(note, "functions", "describe", note.name, "--format=value(url)")).strip()

    def remove(self, folder: Path) -> None:
        """Delete the function."""
        note = applied_note(folder)
        if note is not None:
            run_unless_gone(command(note, "functions", "delete", note.name, "--gen2"))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the function is there and active."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            words = ("functions", "describe", note.name, "--format=value(state)")
            return run(command(note, *words), seconds=60).strip() == "ACTIVE"
        except ServerFailed:
            return False

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of all instances."""
        note = applied_note(folder) or read_note(folder)
        words = ("functions", "logs", "read", note.name, "--gen2", f"--limit={lines}")
        return run(command(note, *words)).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """There is no shell."""
        raise Refused("a function has no shell", hint="functions-framework runs main.py here")


def _secret(name: str, settings: CloudFunctionsSettings) -> str:
    return settings.keys_secret or f"{name}-keys"


def _function(workload: Workload, settings: CloudFunctionsSettings) -> dict[str, Any]:
    """Return the function as version 2 of the API takes it."""
    plan = workload.plan
    values = {**told(workload), "KERVAN_RECORDS": "log"}
    service: dict[str, Any] = {
        "environmentVariables": {**values, **({"KERVAN_KEYS": KEYS} if settings.public else {})},
        "availableMemory": f"{ceil((plan.memory or 512 << 20) / 2**20)}Mi",
        "availableCpu": f"{plan.cpu or 1:g}",
        "timeoutSeconds": settings.timeout,
        "minInstanceCount": 0 if plan.idle else plan.workers,
        "maxInstanceCount": max(plan.most_workers, plan.workers),
        "maxInstanceRequestConcurrency": settings.concurrency,
    }
    if settings.account:
        service["serviceAccountEmail"] = settings.account
    if settings.public:
        folder, _, name = KEYS.rpartition("/")
        versions = [{"version": "latest", "path": name}]
        service["secretVolumes"] = [
            {"mountPath": folder, "secret": _secret(workload.name, settings), "versions": versions}
        ]
    return {
        "environment": "GEN_2",
        "labels": {"managed-by": "kervan"},
        "buildConfig": {"runtime": settings.python, "entryPoint": "predict"},
        "serviceConfig": service,
    }


def _flags(body: dict[str, Any], note: Note, source: Path) -> list[str]:
    service, build = body["serviceConfig"], body["buildConfig"]
    values = "^|^" + "|".join(f"{name}={text}" for name, text in service["environmentVariables"].items())
    flags = [
        "--gen2",
        "--trigger-http",
        f"--source={source}",
        f"--runtime={build['runtime']}",
        f"--entry-point={build['entryPoint']}",
        f"--memory={service['availableMemory']}",
        f"--cpu={service['availableCpu']}",
        f"--timeout={service['timeoutSeconds']}",
        f"--min-instances={service['minInstanceCount']}",
        f"--max-instances={service['maxInstanceCount']}",
        f"--concurrency={service['maxInstanceRequestConcurrency']}",
        f"--set-env-vars={values}",
        "--allow-unauthenticated" if "secretVolumes" in service else "--no-allow-unauthenticated",
    ]
    flags += [
        f"--set-secrets={each['mountPath']}/access.json={each['secret']}:latest"
        for each in service.get("secretVolumes", [])
    ]
    if "serviceAccountEmail" in service:
        flags.append(f"--service-account={service['serviceAccountEmail']}")
    if note.facts["bucket"]:
        flags.append(f"--stage-bucket={note.facts['bucket']}")
    return flags


def _again(before: Path | None, note: Note) -> None:
    """Take away what came first; a function that was there goes on, since its revision failed."""
    if before is None:
        run_unless_gone(command(note, "functions", "delete", note.name, "--gen2"))
