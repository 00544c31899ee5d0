"""Files that are made to do harm: none runs, none is loaded, and none costs more than it may."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .hostile import collection

LOOK = Path(__file__).with_name("look.py")
TESTS = Path(__file__).parents[1]
MOST_KIB = 50 * 1024  # that one file may cost above what the process has anyway
HOSTILE = sorted(collection(Path("marker")))
LOADERS = ["pickle", "joblib", "native", "onnx"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the whole collection; `ran` beside it must never appear."""
    home = tmp_path_factory.mktemp("hostile")
    folder = home / "files"
    folder.mkdir()
    for name, content in collection(home / "ran").items():
        (folder / name).write_bytes(content)
    return folder


def look(folder: Path, how: str) -> dict[str, Any]:
    """Let another process act on each file; return what became of each."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", str(LOOK), str(folder), how],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {line["name"]: line for line in map(json.loads, ended.stdout.splitlines())}


@pytest.fixture(scope="module")
def inspected(hostile: Path) -> dict[str, Any]:
    """What became of each hostile file."""
    return look(hostile, "inspect")


def test_the_collection_is_large() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_costs_little(name: str, inspected: dict[str, Any]) -> None:
    found = inspected[name]
    assert found["outcome"] in {"Refused", "Corrupted"}, found
    assert found["message"].split(" | ")[1], "there is no hint"
    assert name in found["message"]
    assert found["used"] <= MOST_KIB, found


@pytest.mark.parametrize("how", LOADERS)
def test_a_hostile_file_is_loaded_by_no_format(how: str, hostile: Path) -> None:
    found = look(hostile, how)
    assert sorted(found) == HOSTILE
    for entry in found.values():
        assert entry["outcome"] in {"Refused", "Corrupted"}, entry
        assert entry["used"] <= MOST_KIB, entry
    assert not (hostile.parent / "ran").exists()


def test_a_hostile_archive_is_not_unpacked(hostile: Path, tmp_path: Path) -> None:
    traps = tmp_path / "traps"
    traps.mkdir()
    kinds = ("slip", "symlink", "hardlink", "device", "pipe", "bomb.", "overlapping", "many-members")
    for path in hostile.iterdir():
        if path.name.startswith(kinds):
            (traps / path.name).symlink_to(path)
    for entry in look(traps, "unpack").values():
        assert entry["outcome"] in {"Refused", "Corrupted"}, entry
        assert entry["used"] <= MOST_KIB, entry


def test_nothing_was_run(hostile: Path, inspected: dict[str, Any]) -> None:
    assert inspected
    assert sorted(path.name for path in hostile.parent.iterdir()) == ["files"]
