"""Finds the programs that check what targets render: those of `make setup-tools`, else what is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def tool(name: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails where services are required."""
    folders = [os.environ.get("KERVAN_TOOLS", ""), str(ROOT / ".tools")]
    for folder in filter(None, folders):
        found = shutil.which(name, path=str(Path(folder) / "bin"))
        if found:
            return found
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return found
    reason = f"{name} is not installed: `make setup-tools`, or your system's package"
    if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
