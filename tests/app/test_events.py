"""The audit trail is searched and taken along, on each database alike."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import msgspec
import pytest

from kervan.app.events import Sought, export_events, find_events, list_events
from kervan.app.project import Project
from kervan.core.config import Config
from kervan.core.errors import InvalidInput
from kervan.core.nouns import Event, Workspace
from kervan.store.events import Entry, check_chain
from kervan.store.open import Store
from store.make import make_model, make_run

pytestmark = pytest.mark.sampled

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def project(store: Store) -> Project:
    """Six events: a model, a run, an alias and three others, one of them by somebody else."""
    with store.catalog.transaction() as transaction:
        transaction.put(make_model("gelir", "1.0.0"), action="registered", why="ilk %100")
        transaction.put(make_run("koşu"), action="started")
        transaction.point("environment", "üretim", "D1", why="hazır")
        transaction.event(Entry(action="opened", subject=HOSTILE, why="=1+1", body={"purpose": "bakış"}))
    other = Workspace(
        root=store.root, catalog=store.workspace.catalog, blobs=store.workspace.blobs, actor="mehmet"
    )
    second = Store(other)
    with second.catalog.transaction() as transaction:
        transaction.event(Entry(action="opened model", subject="S", body={}))
        transaction.event(Entry(action="openedly", subject="S", body={}))
    second.close()
    return Project(config=Config(), store=store)


@pytest.mark.parametrize(
    ("sought", "numbers"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"actor": "mehmet"}, [6, 5]),
        ({"actor": "mehme"}, []),
        ({"action": "opened"}, [5, 4]),
        ({"action": "registered model"}, [1]),
        ({"subject": "gelir@1.0.0"}, [1]),
        ({"subject": "üretim"}, [3]),
        ({"subject": "S"}, [6, 5]),
        ({"text": "%100"}, [1]),
        ({"text": "BAK"}, [4]),
        ({"text": "onerror"}, [4]),
        ({"text": "r_p"}, []),
        ({"text": "yo\0k"}, []),
        ({"actor": "mehmet", "action": "opened"}, [5]),
        ({"since": 0.0}, [6, 5, 4, 3, 2, 1]),
        ({"until": 1.0}, []),
        ({"since": time.time() + 3600}, []),
    ],
)
def test_events_are_found_by_what_they_say(sought: Any, numbers: list[int], project: Project) -> None:
    found = find_events(project, Sought(**sought))
    assert [event.sequence for event in found.events] == numbers
    assert found.total == len(numbers)
    assert [event.sequence for event in list_events(project, Sought(**sought))] == numbers[::-1]


def test_events_come_in_pages_newest_first(project: Project) -> None:
    found = find_events(project, Sought(), page=2, size=4)
    assert ([event.sequence for event in found.events], found.total) == ([2, 1], 6)
    beyond = find_events(project, Sought(), page=9, size=4)
    assert (beyond.events, beyond.total) == ((), 6)
    assert found.actors == ("ayşe", "mehmet")
    assert set(found.actions) >= {"opened", "started run", "registered model", "pointed environment"}
    assert [event.sequence for event in list_events(project, Sought(), newest=2)] == [5, 6]


@pytest.mark.parametrize("asked", [{"page": 0}, {"size": 0}, {"page": 10**30}, {"size": 10**9}])
def test_what_is_no_page_is_refused(asked: dict[str, int], project: Project) -> None:
    with pytest.raises(InvalidInput, match="there is no page"):
        find_events(project, Sought(), **asked)


def test_json_lines_are_the_chain_itself(project: Project) -> None:
    lines = b"".join(export_events(project, Sought(), "jsonl")).splitlines()
    events = [msgspec.json.decode(line, type=Event) for line in lines]
    assert check_chain(events) == events[-1] == project.store.catalog.head()
    assert events == list(project.store.catalog.events())


def test_more_events_than_are_read_at_once_are_all_exported(local_store: Store) -> None:
    with local_store.catalog.transaction() as transaction:
        for number in range(4_500):
            transaction.event(Entry(action="counted", subject=str(number), body={}))
    project = Project(config=Config(), store=local_store)
    assert len(b"".join(export_events(project, Sought(), "jsonl")).splitlines()) == 4_500
    rows = list(csv.DictReader(io.StringIO(b"".join(export_events(project, Sought(), "csv")).decode())))
    assert [row["subject"] for row in rows] == [str(number) for number in range(4_500)]
    assert len(list_events(project, Sought())) == 4_500


def test_a_spreadsheet_runs_nothing_of_it(project: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(export_events(project, Sought(), "csv")).decode())))
    assert [row["event"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert (rows[3]["subject"], rows[3]["why"]) == (HOSTILE, "'=1+1")
    assert rows[3]["time"].endswith("+00:00")
    nothing = b"".join(export_events(project, Sought(actor="yok"), "csv")).decode()
    assert nothing == "event,time,actor,action,subject,why,details,hash\n"


def test_a_form_that_nobody_knows_is_refused(project: Project) -> None:
    with pytest.raises(InvalidInput, match="not written as 'xls'"):
        export_events(project, Sought(), "xls")
