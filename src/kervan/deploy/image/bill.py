"""The bill of materials of an image: that of the package, with every wheel and every package of the base."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.deploy.image.base import Base
    from kervan.deploy.image.wheels import Wheel
    from kervan.package.contents.manifest import Manifest

KIND = "application/vnd.cyclonedx+json"
RELEASE, SOURCE, SOURCE_VERSION = "kervan:release", "kervan:source", "kervan:sourceVersion"


def bill_of_image(manifest: Manifest, folder: Path, base: Base, wheels: Sequence[Wheel]) -> bytes:
    """Return CycloneDX 1.6 as JSON: the same bytes for the same package, base and wheels."""
    content = _of_package(manifest, folder)
    parts = [_wheel(each) for each in wheels]
    parts += [_debian(each, base.release) for each in base.packages]
    replaced = {each["bom-ref"].partition("@")[0] for each in parts}
    kept = [each for each in content["components"] if each["bom-ref"].partition("@")[0] not in replaced]
    content["components"] = [*kept, *parts]
    listed = [each["bom-ref"] for each in content["components"]]
    content["dependencies"] = [{"ref": content["metadata"]["component"]["bom-ref"], "dependsOn": listed}]
    content.pop("serialNumber", None)
    known = json.dumps(content, sort_keys=True)
    content["serialNumber"] = f"urn:uuid:{uuid5(NAMESPACE_URL, known)}"
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _of_package(manifest: Manifest, folder: Path) -> dict[str, Any]:
    if manifest.materials:
        found: dict[str, Any] = json.loads((folder / manifest.materials).read_bytes())
        return found
    files = [
        {
            "type": "file",
            "bom-ref": f"file:{each.path}",
            "name": each.path,
            "hashes": [{"alg": "SHA-256", "content": each.sha256}],
        }
        for each in manifest.files
    ]
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": manifest.name,
        "version": manifest.version,
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": model},
        "components": files,
    }


def _wheel(wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
    }


def _debian(package: Any, release: str) -> dict[str, Any]:
    system = release.partition(":")[0] or "debian"
    number = package.version.replace(":", "%3A").replace("+", "%2B")
    purl = f"pkg:deb/{system}/{package.name}@{number}?arch={package.architecture}"
    told = {RELEASE: release, SOURCE: package.source, SOURCE_VERSION: package.source_version}
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "properties": [{"name": name, "value": value} for name, value in told.items()],
    }
