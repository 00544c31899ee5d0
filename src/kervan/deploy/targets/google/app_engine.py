"""App Engine's flexible environment as a target: each version one of a service, which splits the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import ServerFailed
from kervan.core.places import Artefact, Place
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
    from kervan.deploy.workload import Workload


class AppEngineTarget:
    """Google App Engine, flexible environment, with our image as a custom runtime."""

    about = Place(
        title="Google App Engine",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "ab"),
        tool="gcloud",
        checked="Google's discovery document, unknown fields refused; flags by gcloud's own parser",
        proved="rendered and checked; the calls of gcloud against a stand-in that records them",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return an `app.yaml` for each version."""
        settings = settings_of(plan, AppEngineSettings)
        workload = workload_of(serving, plan)
        shares = percents(workload)
        texts: dict[PurePath, str] = {}
        names: dict[str, str] = {}
        for unit in workload.units:
            made = _version(workload, settings)
            names[unit.label] = f"{unit.label}-{fingerprint([made, unit.image])}"
            made["env_variables"]["KERVAN_DEPLOYMENT"] = names[unit.label]
            texts[PurePath(f"app-{unit.label}.yaml")] = yaml_text(made)
        note = note_of(
            workload,
            "app-engine",
            objects=tuple(names.values()),
            facts={
                **facts(settings),
                "service": settings.service or workload.name,
                "split": ",".join(
                    f"{names[each]}={share / 100:g}" for each, share in shares.items() if share
                ),
            },
        )
        return with_note(texts, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what App Engine would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, AppEngineSettings)
        return [
            *check_settings(settings),
            *check_image(plan),
            *limits.of_app_engine(plan),
            *check_account(settings),
        ]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Deploy the versions that are not there yet, move the traffic, and return the service's URL."""
        find("gcloud")
        note = read_note(folder)
        with applying(folder, lambda before: _again(before, note)):
            present = _present(note)
            for part, name in zip(note.parts, note.objects, strict=True):
                if name not in present:
                    file = str(folder / f"app-{part.label}.yaml")
                    deploy = (
                        "app",
                        "deploy",
                        file,
                        f"--image-url={part.image}",
                        f"--version={name}",
                        "--no-promote",
                    )
                    run(command(note, *deploy, has_region=False), seconds=1800)
            _split(note)
            _delete(note, [each for each in present if each not in note.objects])
        words = ("app", "browse", f"--service={note.facts['service']}", "--no-launch-browser")
        return run(command(note, *words, has_region=False)).strip()

    def remove(self, folder: Path) -> None:
        """Delete the service with its versions."""
        note = applied_note(folder)
        if note is not None:
            words = ("app", "services", "delete", note.facts["service"])
            run_unless_gone(command(note, *words, has_region=False))
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the versions of the release are there."""
        note = applied_note(folder)
        if note is None:
            return False
        try:
            return set(note.objects) <= set(_present(note))
        except ServerFailed:
            return False

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of all instances."""
        note = applied_note(folder) or read_note(folder)
        words = ("app", "logs", "read", f"--service={note.facts['service']}", f"--limit={lines}")
        return run(command(note, *words, has_region=False)).splitlines()[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell on an instance's machine."""
        note = applied_note(folder) or read_note(folder)
        words = ("app", "instances", "ssh", f"--service={note.facts['service']}")
        return command(note, *words, f"--version={note.objects[0]}", has_region=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEngineSettings(GoogleSettings):
    """`service` is the service of the app, "" for one that is called like the release; `disk` is in GB."""

    service: str = ""
    disk: int = 10


def _version(workload: Workload, settings: AppEngineSettings) -> dict[str, Any]:
    plan = workload.plan
    values = {name: text for name, text in told(workload).items() if name != "KERVAN_DEPLOYMENT"}
    resources: dict[str, Any] = {"disk_size_gb": settings.disk}
    if plan.cpu:
        resources["cpu"] = int(plan.cpu) if plan.cpu >= 1 else 1
    if plan.memory:
        resources["memory_gb"] = round(plan.memory / 1e9, 2)
    most = max(plan.most_workers, plan.workers)
    made: dict[str, Any] = {
        "runtime": "custom",
        "env": "flex",
        "service": settings.service or workload.name,
        "resources": resources,
        "liveness_check": {"path": "/livez"},
        "readiness_check": {"path": "/readyz", "app_start_timeout_sec": 300},
        "env_variables": values,
    }
    if most > plan.workers:
        made["automatic_scaling"] = {
            "min_num_instances": plan.workers,
            "max_num_instances": most,
            "cpu_utilization": {"target_utilization": 0.7},
        }
    else:
        made["manual_scaling"] = {"instances": plan.workers}
    if settings.account:
        made["service_account"] = settings.account
    return made


def _present(note: Note) -> list[str]:
    words = ("app", "versions", "list", f"--service={note.facts['service']}", "--format=value(id)")
    return run_unless_gone(command(note, *words, has_region=False)).split()


def _split(note: Note) -> None:
    words = ("app", "services", "set-traffic", note.facts["service"], f"--splits={note.facts['split']}")
    run(command(note, *words, "--split-by=random", has_region=False))


def _delete(note: Note, versions: Sequence[str]) -> None:
    if versions:
        words = ("app", "versions", "delete", *versions, f"--service={note.facts['service']}")
        run_unless_gone(command(note, *words, has_region=False))


def _again(before: Path | None, note: Note) -> None:
    """Give the traffic back to what had it, and take away what is new."""
    old = read_note(before) if before is not None else None
    if old is None:
        run_unless_gone(command(note, "app", "services", "delete", note.facts["service"], has_region=False))
        return
    _split(old)
    _delete(note, [each for each in _present(note) if each not in old.objects])
