"""What the places of Google Cloud have in common: where they are, who we are there, and stable numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import KervanError
from kervan.deploy.targets.commands import check_installed, run
from kervan.deploy.targets.findings import failed, warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan
    from kervan.deploy.targets.written import Note

REGION = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")
PROJECT = re.compile(r"([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleSettings:
    """Where in Google Cloud: `project` ("": that of gcloud), `region`; replicas act as `account`."""

    project: str = ""
    region: str = "europe-west1"
    account: str = ""


def command(note: Note, *words: str, has_region: bool = True) -> list[str]:
    """Return a command of gcloud for the project and region of a note, which asks nothing."""
    project, region = note.facts["project"], note.facts["region"]
    where = [f"--region={region}"] if has_region else []
    return ["gcloud", *words, *where, *([f"--project={project}"] if project else []), "--quiet"]


def facts(settings: GoogleSettings) -> dict[str, str]:
    """Return what a note keeps of the settings."""
    return {"project": settings.project, "region": settings.region}


def fingerprint(made: object) -> str:
    """Return six letters that differ where what is made differs: versions there never change.

    >>> fingerprint({"a": 1}) == fingerprint({"a": 1})
    True
    """
    return sha256(msgspec.json.encode(made)).hexdigest()[:6]


def number_of(text: str) -> str:
    """Return ten digits that stand for a text, where a place takes only numbers.

    >>> len(number_of("income-production")), number_of("a") == number_of("a")
    (10, True)
    """
    return str(int(sha256(text.encode()).hexdigest()[:12], 16) % 9_000_000_000 + 1_000_000_000)


def check_settings(settings: GoogleSettings) -> Iterator[Finding]:
    """Find a project or region that cannot be."""
    if not REGION.fullmatch(settings.region):
        yield failed("name", "region", f"{settings.region!r} is no region", "such as europe-west1")
    if settings.project and not PROJECT.fullmatch(settings.project):
        yield failed(
            "name",
            "project",
            f"{settings.project!r} is no id of a project",
            "`gcloud projects list` has them",
        )


def check_image(plan: Plan) -> Iterator[Finding]:
    """Find an image that Google's places do not pull or do not run."""
    if plan.image.platform != "linux/amd64":
        yield failed(
            "architecture",
            "platform",
            f"{plan.image.platform} does not run there",
            'platform = "linux/amd64"',
        )
    if plan.image.registry and not plan.image.registry.split("/")[0].endswith(("-docker.pkg.dev", "gcr.io")):
        yield warned(
            "registry",
            plan.image.registry,
            "Google pulls from Artifact Registry: another registry has to be behind a remote repository",
            'registry = "REGION-docker.pkg.dev/PROJECT/REPOSITORY"',
        )


def check_account(settings: GoogleSettings) -> Iterator[Finding]:
    """Find out whether gcloud is there, who we are, and which project it is for."""
    missing = check_installed("gcloud")
    if missing:
        yield from missing
        return
    try:
        words = ["gcloud", "auth", "list", "--filter=status:ACTIVE", "--format=value(account)"]
        if not run(words, seconds=60).strip():
            yield failed("credentials", "account", "gcloud is not logged in", "gcloud auth login")
        elif not settings.project and not _project():
            yield failed(
                "credentials", "project", "no project is named", "set project, or `gcloud config set project`"
            )
    except KervanError as error:
        yield failed("credentials", "gcloud", str(error), "gcloud auth login")


def _project() -> str:
    return run(["gcloud", "config", "get-value", "project", "--quiet"], seconds=60).strip()


def check_keys(note: Note, secret: str) -> Iterator[Finding]:
    """Find out whether Secret Manager has the keys of those who may ask."""
    if not secret:
        return
    try:
        run(
            command(note, "secrets", "describe", secret, "--format=value(name)", has_region=False), seconds=60
        )
    except KervanError as error:
        yield failed(
            "credentials",
            secret,
            f"Secret Manager does not show the keys of those who may ask: {error}",
            f"gcloud secrets create {secret} --data-file=.kervan/access.json",
        )
