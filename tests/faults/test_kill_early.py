"""`kill -9` in the first half of a run; beside `test_kill_late.py`, so that two processes share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.killing import RUNS, kill_runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_early_is_finished_by_the_next(tmp_path: Path) -> None:
    kill_runs(tmp_path, range(RUNS // 2))
