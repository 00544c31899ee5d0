"""What the places of Azure have in common: where they are, and who we are there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import KervanError
from kervan.deploy.targets.commands import check_installed, run
from kervan.deploy.targets.findings import failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan
    from kervan.deploy.targets.written import Note

_LOCATION = re.compile(r"[a-z]{4,30}[0-9]?")
_GROUP = re.compile(r"[\w.()-]{1,89}[\w()-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """Where in Azure: `subscription` ("" for that of az), `resource_group` and `location`.

    With `connection`, a service connection of Azure DevOps, there is a pipeline that deploys from there.
    """

    subscription: str = ""
    resource_group: str = ""
    location: str = "westeurope"
    connection: str = ""


def command(note: Note, *words: str, has_group: bool = True) -> list[str]:
    """Return a command of az for the resource group and subscription of a note."""
    group, subscription = note.facts["resource_group"], note.facts["subscription"]
    where = [f"--resource-group={group}"] if has_group and group else []
    return ["az", *words, *where, *([f"--subscription={subscription}"] if subscription else [])]


def facts(settings: AzureSettings) -> dict[str, str]:
    """Return what a note keeps of the settings."""
    return {
        "subscription": settings.subscription,
        "resource_group": settings.resource_group,
        "location": settings.location,
    }


def check_settings(settings: AzureSettings) -> Iterator[Finding]:
    """Find a location or resource group that cannot be."""
    if not _LOCATION.fullmatch(settings.location):
        yield failed("name", "location", f"{settings.location!r} is no location", "such as westeurope")
    if not settings.resource_group:
        yield failed("credentials", "resource_group", "no resource group is named", "set resource_group")
    elif not _GROUP.fullmatch(settings.resource_group):
        yield failed(
            "name",
            "resource_group",
            f"{settings.resource_group!r} is no name of a resource group",
            "letters, digits, _ . ( ) and -, 90 at most",
        )


def check_platform(plan: Plan) -> Iterator[Finding]:
    """Find an image that Azure's places do not run."""
    if plan.image.platform != "linux/amd64":
        yield failed(
            "architecture",
            "platform",
            f"{plan.image.platform} does not run there",
            'platform = "linux/amd64"',
        )


def check_account() -> Iterator[Finding]:
    """Find out whether az is there and logged in."""
    missing = check_installed("az")
    if missing:
        yield from missing
        return
    try:
        run(["az", "account", "show", "--output=none"], seconds=60)
    except KervanError as error:
        yield failed("credentials", "az", str(error), "az login")
