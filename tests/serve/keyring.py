"""Keys as `kervan key` issues and publishes them, without a project."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.access import Grant, Grants, Secret
from kervan.core.identity import new_id
from kervan.core.private import write_private

if TYPE_CHECKING:
    from pathlib import Path


def issue(*scopes: str, until: float | None = None, **fields: Any) -> tuple[Grant, str]:
    """A key, and the token that opens it."""
    ident, secret = new_id(), secrets.token_urlsafe(24)
    kept = Secret(sha256=hashlib.sha256(secret.encode()).hexdigest(), until=until)
    return Grant(id=ident, scopes=scopes, secrets=(kept,), **fields), f"kv_{ident}_{secret}"


def publish(file: Path, *grants: Grant) -> None:
    write_private(file, msgspec.json.encode(Grants(keys=grants)))
