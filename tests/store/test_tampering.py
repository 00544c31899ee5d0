"""Somebody with write access to the database alters it behind our back: the audit names what."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from kervan.app.audit import verify
from kervan.app.project import Project
from kervan.core.config import Config
from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.nouns import Link, Model, Run, Status
from kervan.store.events import Entry, canonical, chain
from kervan.store.open import Store
from store.make import make_dataset, make_model, make_run

pytestmark = pytest.mark.sampled

FORGED_EVENT = """
    INSERT INTO events SELECT 6, time, actor, action, subject, why, body, hash, hash FROM events
    WHERE sequence = 5
"""
FORGED_RECORD = """
    INSERT INTO records
    SELECT 'X' || substr(id, 2), kind, name, '9.9.9', rank, state, hash, creator, time, body
    FROM records WHERE id = :it
"""


@dataclass
class Scene:
    """A project with a short life, and a way behind its back."""

    project: Project
    run: Run
    model: Model

    def sql(self, *statements: str, **values: Any) -> None:
        engine = sa.create_engine(self.project.store.workspace.catalog, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement), values)


@pytest.fixture
def scene(store: Store) -> Scene:
    run = make_run(metrics={"auc": 0.91}, parameters={"lr": 0.1})
    dataset = make_dataset()
    model = make_model(parents=(Link(parent=run.id, role="run"), Link(parent=dataset.id, role="data")))
    with store.catalog.transaction() as transaction:
        transaction.put(dataset)
        transaction.put(run, action="started")
    finished = replace(run, status=Status.FINISHED)
    with store.catalog.transaction() as transaction:
        transaction.update(finished, action="finished")
    with store.catalog.transaction() as transaction:
        transaction.put(model, why="ilk model")
        transaction.point("environment", "üretim", model.id, why="hazır")
    scene = Scene(Project(config=Config(), store=store), finished, model)
    assert verify(scene.project).events == 5
    return scene


def test_an_untouched_catalog_holds(scene: Scene) -> None:
    found = verify(scene.project)
    assert (found.events, found.records) == (5, 3)
    assert found.head.startswith("5:")
    assert verify(scene.project, anchor=found.head) == found


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE events SET why = 'önemsiz' WHERE sequence = 4"], r"event 4 \(created model .* was altered"),
        (["UPDATE events SET actor = 'mehmet' WHERE sequence = 1"], r"event 1 \(created dataset"),
        (["UPDATE events SET time = time - 3600 WHERE sequence = 2"], r"event 2 \(started run"),
        (["UPDATE events SET body = '{}' WHERE sequence = 4"], "event 4 "),
        (["UPDATE events SET hash = previous WHERE sequence = 3"], "event 3 "),
        (["DELETE FROM events WHERE sequence = 1"], "event 1 is missing"),
        (["DELETE FROM events WHERE sequence = 3"], "event 3 is missing"),
        (
            [
                "UPDATE events SET sequence = 99 WHERE sequence = 3",
                "UPDATE events SET sequence = 3 WHERE sequence = 4",
                "UPDATE events SET sequence = 4 WHERE sequence = 99",
            ],
            "event 3 .* was altered",
        ),
        ([FORGED_EVENT], "event 6 .* was altered"),
    ],
)
def test_a_touched_trail_is_named(statements: list[str], words: str, scene: Scene) -> None:
    scene.sql(*statements)
    with pytest.raises(Corrupted, match=words):
        verify(scene.project)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE records SET body = replace(body, '0.5', '0.9') WHERE id = :it", "was altered"),
        ("UPDATE records SET body = 'no JSON' WHERE id = :it", "was altered"),
        ("UPDATE records SET name = 'başka' WHERE id = :it", "was altered"),
        ("UPDATE records SET version = '9.0.0' WHERE id = :it", "was altered"),
        ("UPDATE records SET kind = 'package' WHERE id = :it", "was altered"),
        ("UPDATE records SET hash = 'x' WHERE id = :it", "was altered"),
        ("UPDATE records SET time = time + 9 WHERE id = :it", "was altered"),
        ("DELETE FROM records WHERE id = :it", "was removed"),
    ],
)
def test_a_touched_record_is_named(statement: str, words: str, scene: Scene) -> None:
    scene.sql(statement, it=scene.model.id)
    with pytest.raises(Corrupted, match=f"{scene.model.id} {words}"):
        verify(scene.project)


def test_a_run_put_back_to_an_older_state_is_named(scene: Scene) -> None:
    scene.sql(
        "UPDATE records SET body = replace(body, 'finished', 'running') WHERE id = :it", it=scene.run.id
    )
    with pytest.raises(Corrupted, match=f"{scene.run.id} was altered"):
        verify(scene.project)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE traits SET number = 9", "DELETE FROM traits", "UPDATE traits SET name = 'parameter.x'"],
)
def test_what_runs_are_searched_by_cannot_be_altered(statement: str, scene: Scene) -> None:
    scene.sql(statement)
    with pytest.raises(Corrupted, match=f"{scene.run.id} was altered"):
        verify(scene.project)


def test_a_record_that_nobody_put_there_is_named(scene: Scene) -> None:
    scene.sql(FORGED_RECORD, it=scene.model.id)
    with pytest.raises(Corrupted, match=f"X{scene.model.id[1:]} is not on the audit trail"):
        verify(scene.project)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE aliases SET target = 'başka'", "UPDATE aliases SET actor = 'ali'", "DELETE FROM aliases"],
)
def test_what_an_environment_pointed_to_cannot_be_altered(statement: str, scene: Scene) -> None:
    scene.sql(statement)
    with pytest.raises(Corrupted, match="what an environment pointed to was altered"):
        verify(scene.project)


def test_a_tail_cut_off_shows_against_an_anchor(scene: Scene) -> None:
    anchor = verify(scene.project).head
    scene.sql("DELETE FROM events WHERE sequence = 5")
    scene.sql("DELETE FROM aliases")
    assert verify(scene.project).events == 4
    with pytest.raises(Corrupted, match="does not contain its anchor 5:"):
        verify(scene.project, anchor=anchor)


def test_a_tail_written_anew_shows_against_an_anchor(scene: Scene) -> None:
    anchor = verify(scene.project).head
    events = list(scene.project.store.catalog.events())
    entry = Entry(action=events[4].action, subject=events[4].subject, why="uydurma", body=events[4].body)
    forged = chain(entry, previous=events[3], actor="ayşe", time=time.time())
    scene.sql(
        "UPDATE events SET why = 'uydurma', time = :time, hash = :hash WHERE sequence = 5",
        time=forged.time,
        hash=forged.hash,
    )
    scene.sql("UPDATE aliases SET why = 'uydurma', actor = 'ayşe'")
    assert verify(scene.project).events == 5
    with pytest.raises(Corrupted, match="does not contain its anchor 5:"):
        verify(scene.project, anchor=anchor)


def test_an_older_anchor_still_holds_after_more_events(scene: Scene) -> None:
    anchor = verify(scene.project).head
    with scene.project.store.catalog.transaction() as transaction:
        transaction.event(Entry(action="baktı", subject="x", body={}))
    assert verify(scene.project, anchor=anchor).events == 6


@pytest.mark.parametrize("anchor", ["5", "5:", "x:" + "0" * 64, ":" + "0" * 64, "5:" + "0" * 63])
def test_what_is_no_anchor_is_refused(anchor: str, scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="is no anchor"):
        verify(scene.project, anchor=anchor)


_NEW = {"figures", "sequence", "since"}


def before_they_were_covered(scene: Scene) -> None:
    """Write the chain as a Kervan did that knew less: without metrics, and without the times of aliases."""
    last = None
    for event in list(scene.project.store.catalog.events()):
        body = {
            name: value for name, value in event.body.items() if name not in {"figures", "sequence", "since"}
        }
        entry = Entry(action=event.action, subject=event.subject, why=event.why, body=body)
        last = chain(entry, previous=last, actor=event.actor, time=event.time)
        scene.sql(
            "UPDATE events SET body = :body, previous = :previous, hash = :hash WHERE sequence = :it",
            body=canonical(body).decode(),
            previous=last.previous,
            hash=last.hash,
            it=event.sequence,
        )


def test_what_is_older_than_its_cover_stays_usable_and_is_named(scene: Scene) -> None:
    assert verify(scene.project).uncovered == ()
    before_they_were_covered(scene)
    scene.sql("INSERT INTO results VALUES (:it, 'auc', 0.5)", it=scene.run.id)
    scene.sql("UPDATE aliases SET time = time + 1")
    found = verify(scene.project)
    assert found.records == 3
    assert "the metrics of 1 runs" in found.uncovered[0]
    assert "the times of 1 changes" in found.uncovered[1]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("INSERT INTO results VALUES (:it, 'auc', 0.5)", "the metrics of run .* were altered"),
        ("INSERT INTO metrics VALUES (:it, 'auc', 0, 0.5, 1)", "the metrics of run .* were altered"),
        ("INSERT INTO results VALUES ('kimse', 'auc', 0.5)", "the metrics of kimse are of no run"),
        ("INSERT INTO edges VALUES (:it, 'sha256:x', 'data')", "the lineage of record .* was altered"),
        ("INSERT INTO edges VALUES ('kimse', 'sha256:x', 'data')", "the lineage of kimse is of no record"),
        ("UPDATE records SET creator = 'ali' WHERE id = :it", "was altered"),
        ("UPDATE records SET state = 'failed' WHERE id = :it", "was altered"),
        ("UPDATE records SET rank = 7 WHERE id = :it", "was altered"),
    ],
)
def test_what_is_found_beside_a_run_is_covered(statement: str, words: str, scene: Scene) -> None:
    scene.sql(statement, **({"it": scene.run.id} if ":it" in statement else {}))
    with pytest.raises(Corrupted, match=words):
        verify(scene.project)
