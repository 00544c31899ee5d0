"""Many real processes on one catalog: at once, and killed in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.nouns import Model, Report
from kervan.store.events import check_chain
from kervan.store.open import Store

if TYPE_CHECKING:
    from kervan.core.nouns import Workspace

pytestmark = pytest.mark.sampled

# One interpreter imports everything, then forks: a hundred processes for the price of one import.
PRELUDE = """
import json, os, pathlib, random, signal, sys, time
sys.path.insert(0, sys.argv[1])
from kervan.core.identity import Bump
from kervan.core.nouns import Workspace
from kervan.store.points import Point
from kervan.store.events import check_chain
from kervan.store.open import Store
from make import make_model, make_report, make_run

root, catalog, actor, count = sys.argv[2:]
workspace = Workspace(root=pathlib.Path(root), catalog=catalog, blobs=root + "/blobs", actor=actor)
"""

REGISTER = """
start, go = os.pipe()
children = {}
for number in range(int(count)):
    back, out = os.pipe()
    if os.fork() == 0:
        os.close(go)
        os.read(start, 1)
        store = Store(workspace)
        given = []
        for _ in range(2):
            with store.catalog.transaction() as transaction:
                version = str(transaction.next_version("gelir şehir", lambda _: Bump.PATCH))
                transaction.put(make_model("gelir şehir", version))
            given.append(version)
        os.write(out, json.dumps(given).encode())
        os._exit(0)
    os.close(out)
    children[number] = back
os.close(go)
print(json.dumps([json.loads(os.read(back, 4096) or "null") for back in children.values()]))
"""

KILL = """
random.seed(7)
acknowledged = []
for turn in range(int(count)):
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        store = Store(workspace)
        number = 0
        while True:
            report, run = make_report(f"{turn} ı"), make_run(f"{turn} koşu")
            with store.catalog.transaction() as transaction:
                transaction.put(report)
                transaction.put(run)
                transaction.point("environment", "üretim", report.id, why=str(number))
            store.catalog.log_metrics(run.id, [Point(name="m", step=s, value=s, time=1.0) for s in range(50)])
            os.write(out, report.id.encode())
            number += 1
    os.close(out)
    first = os.read(back, 26)
    time.sleep(random.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    rest = first
    while piece := os.read(back, 65536):
        rest += piece
    acknowledged += [rest[place : place + 26].decode() for place in range(0, len(rest), 26)]
    store = Store(workspace)
    check_chain(store.catalog.events())
    store.close()
print(json.dumps(acknowledged))
"""


def play(script: str, workspace: Workspace, count: int) -> Any:
    arguments = [
        str(Path(__file__).parent),
        str(workspace.root),
        workspace.catalog,
        workspace.actor,
        str(count),
    ]
    command = [sys.executable, "-W", "error", "-c", PRELUDE + script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_hundred_processes_claim_versions_without_gap_or_double(any_workspace: Workspace) -> None:
    """They also all find a catalog that is not there yet."""
    given = play(REGISTER, any_workspace, 100)
    assert all(given)
    claimed = sorted(int(version.split(".")[2]) for versions in given for version in versions)
    assert claimed == list(range(200))
    store = Store(any_workspace)
    assert len(store.catalog.all(Model)) == 200
    last = check_chain(store.catalog.events())
    assert last is not None
    assert last.sequence == 200
    store.close()


def test_what_was_acknowledged_survives_twenty_kills(any_workspace: Workspace) -> None:
    acknowledged = play(KILL, any_workspace, 20)
    store = Store(any_workspace)
    kept = {report.id for report in store.catalog.all(Report)}
    assert len(acknowledged) >= 20
    assert set(acknowledged) <= kept
    # Each record has its event, and each report its alias: a transaction was never half there.
    subjects = [event.subject for event in store.catalog.events()]
    pointed = [change.target for change in store.catalog.alias_history("environment", "üretim")]
    assert set(pointed) == kept
    assert len(subjects) == 3 * len(kept)
    assert kept <= set(subjects)
    store.close()


@pytest.mark.parametrize("count", [2, 3, 4, 5, 20])
def test_processes_that_find_no_catalog_make_one(count: int, workspace: Workspace) -> None:
    given = play(REGISTER, workspace, count)
    assert [len(versions) for versions in given if versions] == [2] * count
