from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import StorageFailed
from kervan.data.scratch import give_up, private_folder

if TYPE_CHECKING:
    from pathlib import Path

_TAKE = "from kervan.data.scratch import private_folder; print(private_folder(), flush=True); input()"


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_who_comes_next_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "kervan-table-not-ours"
    other.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    left = tmp_path / process.stdout.readline().strip()
    for folder in (left, other):
        os.utime(folder, (0, 0))
    mine = private_folder()
    assert sorted(tmp_path.iterdir()) == sorted([left, other, mine])  # it lives
    process.kill()
    process.communicate()
    give_up(private_folder())
    assert sorted(tmp_path.iterdir()) == sorted([other, mine])
    give_up(mine)
    give_up(mine)
    assert list(tmp_path.iterdir()) == [other]


def test_where_no_folder_can_be_made_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(StorageFailed, match="cannot make a temporary folder"):
        private_folder()
