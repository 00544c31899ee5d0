"""Whether a server in a container is ready, seen from outside."""

from __future__ import annotations

import urllib.request


def answers(url: str) -> bool:
    """Say whether the server at a URL of this machine takes requests."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - of this machine
            return bool(answer.status == 200)
    except OSError:
        return False
