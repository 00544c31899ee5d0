"""Containers that end by themselves, and what they say."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from containers import running

if TYPE_CHECKING:
    from containers import Podman


def first_line(podman: Podman, image: str, *options: str, **told: str) -> dict[str, str]:
    """Run a container until it ends by itself, and return what it said first."""
    with running(podman, image, *options, **told) as container:
        deadline = time.monotonic() + 60
        while podman("inspect", "--format", "{{.State.Running}}", container.ident) == "true":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert podman("inspect", "--format", "{{.State.ExitCode}}", container.ident) == "1"
        found: dict[str, str] = json.loads(podman.run("logs", container.ident).stderr.splitlines()[0])
        return found
