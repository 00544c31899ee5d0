"""What a record keeps of a request beside its rows: who asked and how, and which version answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.serve.record import FORM

if TYPE_CHECKING:
    from kervan.serve.table import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks and how: what a record keeps of a request beside its rows."""

    protocol: str
    request_id: str = ""
    caller: str = ""
    trace: str = ""


def record_of(loaded: Loaded, asked: Asked) -> dict[str, Any]:
    """Return what all records of one version, protocol and caller have in common."""
    return {
        "version": FORM,
        "environment": loaded.serving.environment,
        "deployment": loaded.serving.deployment,
        "model": loaded.manifest.ref,
        "package": loaded.package,
        "share": loaded.share,
        "role": loaded.role,
        "protocol": asked.protocol,
        "caller": asked.caller,
    }
