"""Names and passwords for registries, where `docker login` or `podman login` put them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCKER_HUB = "https://index.docker.io/v1/"


def credentials_for(host: str) -> tuple[str, str] | None:
    """Return a name and a password for a registry, or None; programs that keep secrets are asked."""
    for config in map(_read, _files()):
        for name in (host, f"https://{host}", *([_DOCKER_HUB] if host == "docker.io" else [])):
            helper = config.get("credHelpers", {}).get(name)
            known = config.get("auths", {}).get(name)
            store = config.get("credsStore") if known is not None else None
            program = str(helper or store or "")
            found = _ask(program, name) if program else None
            if found is None and known and known.get("auth"):
                found = _split(known["auth"])
            if found is not None:
                return found
    return None


def _files() -> Iterator[Path]:
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime) / "containers/auth.json"
    yield Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker")) / "config.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _split(encoded: str) -> tuple[str, str] | None:
    try:
        name, colon, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None


def _ask(helper: str, host: str) -> tuple[str, str] | None:
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        return None
    asked = subprocess.run([program, "get"], input=host.encode(), capture_output=True, check=False)
    try:
        found = json.loads(asked.stdout)
        return found["Username"], found["Secret"]
    except (ValueError, KeyError, TypeError):
        return None
