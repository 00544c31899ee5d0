"""What processes leave behind that are gone is added up, and nothing is lost by that."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from kervan.serve.metrics import Metrics
from kervan.serve.sharing import add_up, read_counts

if TYPE_CHECKING:
    from pathlib import Path


def counted(metrics: Metrics) -> bytes:
    return msgspec.json.encode(metrics.counted())


def totals(folder: Path) -> tuple[int, float, int, float]:
    found = list(read_counts(folder))
    seconds = sum(each.seconds["predict"][1] for each in found)
    cpu = sum(each.process.cpu for each in found)
    return sum(each.rows for each in found), seconds, sum(each.ended for each in found), cpu


def test_many_that_are_gone_become_one(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.count("predict", 200, 0.25)
    metrics.add_run(3, 1, (0.1, 0.2, 0.3))
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            pass
        (tmp_path / f"{gone.pid}.counts").write_bytes(counted(metrics))
    (tmp_path / f"{os.getpid()}.counts").write_bytes(counted(metrics))
    before = totals(tmp_path)
    assert before[:3] == (39, 3.25, 12)
    for _ in range(2):
        add_up(tmp_path)
        assert totals(tmp_path) == pytest.approx(before)  # the disk says in which order files are added up
    assert {path.name for path in tmp_path.glob("*.counts")} == {"past.counts", f"{os.getpid()}.counts"}
    past = next(each for each in read_counts(tmp_path) if each.ended)
    assert replace(past.process, cpu=0.0, since=0.0) == type(past.process)(since=0.0)
