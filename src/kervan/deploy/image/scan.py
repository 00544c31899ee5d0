"""Known vulnerabilities of what an image holds, by advisories that lie here: nothing is asked over a network.

Advisories are in the OSV format (https://ossf.github.io/osv-schema/), as PyPI's and Debian's `all.zip` hold
them. Debian's speak of source packages, so that is what its packages are looked up by.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kervan.core.errors import InvalidInput, NotFound
from kervan.core.plugins import extras_named
from kervan.deploy.image.bill import RELEASE, SOURCE, SOURCE_VERSION
from kervan.deploy.image.debian import is_older
from kervan.deploy.image.needs import plain
from kervan.deploy.image.severity import LEVELS, severity_of

_PYPI, _DEBIAN = "PyPI", "Debian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """A package of an image in a version that an advisory names; `fixed` is the first without, or ""."""

    id: str
    package: str
    version: str
    fixed: str
    severity: str
    summary: str
    aliases: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """How bad it is: 0 is the worst."""
        return LEVELS.index(self.severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What was found, worst first, among how many packages, by how many advisories."""

    found: tuple[Vulnerability, ...]
    packages: int
    advisories: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A package as advisories know it; `shown` is what it is called in the image."""

    ecosystem: str
    name: str
    version: str
    shown: str


def scan(bill: bytes, advisories: Path) -> Scan:
    """Look up all packages of a bill of materials in a folder, a ZIP or a file of advisories.

    Raises `NotFound` if there are no advisories, `InvalidInput` if one is broken.
    """
    parts: dict[tuple[str, str], list[_Part]] = {}
    for part in _parts(json.loads(bill)):
        parts.setdefault((part.ecosystem.partition(":")[0], part.name), []).append(part)
    found: set[Vulnerability] = set()
    count = 0
    for advisory in _read(advisories):
        count += 1
        if "withdrawn" not in advisory:
            found.update(_matches(advisory, parts))
    if not count:
        raise NotFound(f"{advisories} holds no advisory", hint="it takes OSV files, such as PyPI's all.zip")
    ordered = sorted(found, key=lambda each: (each.rank, each.package, each.id))
    return Scan(found=tuple(ordered), packages=sum(map(len, parts.values())), advisories=count)


def _parts(bill: Mapping[str, Any]) -> Iterator[_Part]:
    for each in bill.get("components", ()):
        purl, version = str(each.get("purl", "")), str(each.get("version", ""))
        told = {entry["name"]: entry["value"] for entry in each.get("properties", ())}
        if purl.startswith("pkg:pypi/"):
            yield _Part(_PYPI, plain(each["name"]), version, each["name"])
        elif purl.startswith("pkg:deb/debian/"):
            release = str(told.get(RELEASE, "")).partition(":")[2]
            ecosystem = f"{_DEBIAN}:{release}" if release else _DEBIAN
            source = str(told.get(SOURCE, each["name"]))
            yield _Part(ecosystem, source, str(told.get(SOURCE_VERSION, version)), each["name"])


def _read(place: Path) -> Iterator[dict[str, Any]]:
    if place.is_dir():
        for path in sorted((*place.rglob("*.json"), *place.rglob("*.zip"))):
            yield from _read(path)
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield _parsed(archive.read(name), f"{place}: {name}")
    elif place.is_file():
        yield _parsed(place.read_bytes(), str(place))
    else:
        raise NotFound(f"there is no {place}", hint="name a folder, ZIP or file of OSV advisories")


def _parsed(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
        if isinstance(found, dict) and "id" in found:
            return found
    except ValueError:
        pass
    raise InvalidInput(f"{where} is no advisory in the OSV format", hint="https://ossf.github.io/osv-schema/")


def _matches(
    advisory: Mapping[str, Any], parts: Mapping[tuple[str, str], list[_Part]]
) -> Iterator[Vulnerability]:
    for affected in advisory.get("affected", ()):
        package = affected.get("package") or {}
        ecosystem, name = str(package.get("ecosystem", "")), str(package.get("name", ""))
        kind = ecosystem.partition(":")[0]
        for part in parts.get((kind, plain(name) if kind == _PYPI else name), ()):
            is_meant = ":" not in ecosystem or ":" not in part.ecosystem or ecosystem == part.ecosystem
            if is_meant and (fixed := _hit(affected, part)) is not None:
                yield Vulnerability(
                    id=str(advisory["id"]),
                    package=part.shown,
                    version=part.version,
                    fixed=fixed,
                    severity=severity_of(advisory, affected),
                    summary=str(advisory.get("summary") or advisory.get("details", "")).strip()[:200],
                    aliases=tuple(sorted(map(str, advisory.get("aliases", ())))),
                )


def _hit(affected: Mapping[str, Any], part: _Part) -> str | None:
    """Return the version that mends what a package has, "" if there is none; None if it has nothing."""
    for each in affected.get("ranges", ()):
        if each.get("type") in {"ECOSYSTEM", "SEMVER"}:
            fixed = _in_range(each.get("events", ()), part)
            if fixed is not None:
                return fixed
    return "" if part.version in affected.get("versions", ()) else None


def _in_range(events: Any, part: _Part) -> str | None:
    """Walk through the events in the order of their versions, as the schema's algorithm says."""
    is_in, fixed = False, ""
    for event in events:
        ((kind, version),) = event.items()
        if kind == "introduced" and (version == "0" or not _before(part, version)):
            is_in, fixed = True, ""
        elif kind == "fixed" and is_in:
            if not _before(part, version):
                is_in = False
            elif not fixed:
                fixed = version
        elif kind == "last_affected" and is_in and _after(part, version):
            is_in = False
    return fixed if is_in else None


def _before(part: _Part, version: str) -> bool:
    if part.ecosystem != _PYPI:
        return is_older(part.version, version)
    with extras_named():
        from packaging.version import InvalidVersion, Version
    try:
        return Version(part.version) < Version(version)
    except InvalidVersion:
        return False


def _after(part: _Part, version: str) -> bool:
    return part.version != version and not _before(part, version)
