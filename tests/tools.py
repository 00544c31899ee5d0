"""Finds the programs that check what targets render: those of `make setup-tools`, else what is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import NoReturn

ROOT = Path(__file__).parents[1]


def tool(name: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails where services are required."""
    for folder in _folders():
        found = shutil.which(name, path=str(folder / "bin"))
        if found:
            return found
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or _without(name)


def tool_file(name: str) -> Path:
    """Return the path of a file that `make setup-tools` brings; without it as for a program."""
    found = next((path for folder in _folders() if (path := folder / name).is_file()), None)
    return found or Path(_without(name))


def _folders() -> list[Path]:
    return [Path(each) for each in (os.environ.get("KERVAN_TOOLS", ""), str(ROOT / ".tools")) if each]


def _without(name: str) -> NoReturn:
    reason = f"{name} is not installed: `make setup-tools`, or your system's package"
    if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
