from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import Conflict, InvalidConfig, MissingExtra, NotFound, StorageFailed
from kervan.core.identity import Bump, Ref
from kervan.core.nouns import Dataset, Link, Model, Report, Run, Status
from kervan.store.catalog import Catalog
from kervan.store.events import Entry, check_chain
from kervan.store.points import Point
from store.make import (
    make_dataset,
    make_deployment,
    make_model,
    make_package,
    make_report,
    make_run,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.nouns import Record
    from kervan.store.open import Store


def put(store: Store, *records: Record) -> None:
    with store.catalog.transaction() as transaction:
        for record in records:
            transaction.put(record)


@pytest.mark.parametrize(
    "make", [make_report, make_run, make_dataset, make_model, make_package, make_deployment]
)
def test_every_kind_of_record_comes_back_as_it_was(make: Any, store: Store) -> None:
    record = make(parents=(Link(parent="01J", role="girdi ı"),))
    put(store, record)
    assert store.catalog.get(type(record), record.id) == record
    assert store.catalog.record(record.id) == record
    assert store.catalog.all(type(record)) == [record]


def test_versions_of_a_name_count_from_one_and_the_last_is_found(store: Store) -> None:
    for number in range(1, 13):
        with store.catalog.transaction() as transaction:
            version = transaction.next_number(Dataset, "şehirler")
            assert version == str(number)
            transaction.put(make_dataset("şehirler", version))
    put(store, make_dataset("başka", "1"))
    assert store.catalog.find(Dataset, Ref("şehirler")).version == "12"
    assert store.catalog.find(Dataset, Ref("şehirler", "9")).version == "9"
    assert [dataset.version for dataset in store.catalog.all(Dataset, name="şehirler", limit=3)] == [
        "12",
        "11",
        "10",
    ]


def test_semantic_versions_follow_the_newest(store: Store) -> None:
    given = []
    for bump in (Bump.MAJOR, Bump.PATCH, Bump.MINOR, Bump.PATCH, Bump.MAJOR):
        with store.catalog.transaction() as transaction:
            version = transaction.next_version("gelir", lambda _, bump=bump: bump)
            transaction.put(make_model("gelir", str(version)))
            given.append(str(version))
    assert given == ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "2.0.0"]
    newest = store.catalog.newest(Model, "gelir")
    assert newest is not None
    assert newest.version == "2.0.0"
    assert store.catalog.newest(Model, "yok") is None


def test_the_step_sees_the_newest_model(store: Store) -> None:
    put(store, make_model("gelir", "1.9.0"), make_model("gelir", "1.10.0"))
    seen = []
    with store.catalog.transaction() as transaction:
        transaction.next_version("gelir", lambda model: seen.append(model.version) or Bump.PATCH)
    assert seen == ["1.10.0"]


def test_a_version_can_be_had_once(store: Store) -> None:
    put(store, make_model("gelir", "1.0.0"))
    with pytest.raises(Conflict, match=r"model gelir@1\.0\.0 exists already"):
        put(store, make_model("gelir", "1.0.0"))
    put(store, make_package("gelir", "1.0.0"), make_model("Gelir", "1.0.0"))
    assert len(store.catalog.all(Model)) == 2


def test_records_without_versions_share_a_name(store: Store) -> None:
    first, second = make_report(), make_report()
    put(store, first, second)
    assert store.catalog.find(Report, Ref("rapor")) == second


def test_what_is_not_there_is_said_with_a_hint(store: Store) -> None:
    put(store, make_dataset("şehirler", "1"), make_model("gelir", "1.9.0"), make_model("gelir", "1.10.0"))
    with pytest.raises(NotFound, match="no dataset 'sehirler'") as caught:
        store.catalog.find(Dataset, Ref("sehirler"))
    assert caught.value.hint == 'did you mean "şehirler"?'
    with pytest.raises(NotFound, match=r"model 'gelir' has no version 2\.0\.0") as caught:
        store.catalog.find(Model, Ref("gelir", "2.0.0"))
    assert caught.value.hint == "known: 1.9.0, 1.10.0"
    with pytest.raises(NotFound, match="no run 01J"):
        store.catalog.get(Run, "01J")
    with pytest.raises(NotFound, match="no record 01J"):
        store.catalog.record("01J")


def test_an_id_is_of_one_kind(store: Store) -> None:
    report = make_report()
    put(store, report)
    with pytest.raises(NotFound, match="no run"):
        store.catalog.get(Run, report.id)


def test_lineage_is_walked_in_both_directions(store: Store) -> None:
    dataset = make_dataset(parents=(Link(parent=f"sha256:{'a' * 64}", role="table"),))
    run = make_run(parents=(Link(parent=dataset.id, role="data"),))
    model = make_model(parents=(Link(parent=run.id, role="run"), Link(parent=dataset.id, role="data")))
    put(store, dataset, run, model)
    assert sorted(store.catalog.children(dataset.id)) == sorted([(run.id, "data"), (model.id, "data")])
    assert store.catalog.children(model.id) == []
    assert store.catalog.blobs() == {"a" * 64}


def test_a_run_grows_and_keeps_its_edges(store: Store) -> None:
    run = make_run()
    put(store, run)
    assert [found.id for found in store.catalog.running()] == [run.id]
    grown = make_run(
        id=run.id,
        status=Status.FINISHED,
        parents=(Link(parent="01J", role="a"), Link(parent="01J", role="b")),
    )
    with store.catalog.transaction() as transaction:
        transaction.update(grown, action="finished")
    assert store.catalog.get(Run, run.id).status is Status.FINISHED
    assert store.catalog.running() == []
    assert sorted(role for _, role in store.catalog.children("01J")) == ["a", "b"]
    with pytest.raises(NotFound), store.catalog.transaction() as transaction:
        transaction.update(make_run(), action="finished")


def test_aliases_remember_what_they_pointed_to(store: Store) -> None:
    assert store.catalog.alias("environment", "üretim") is None
    before = time.time()
    times = []
    for target, why in (("D1", "ilk"), ("D2", "daha iyi"), ("D1", "geri")):
        with store.catalog.transaction() as transaction:
            transaction.point("environment", "üretim", target, why=why)
            transaction.point("environment", "staging", "S", why="")
        times.append(time.time())
        time.sleep(0.002)
    now = store.catalog.alias("environment", "üretim")
    assert now is not None
    assert (now.target, now.actor, now.why) == ("D1", "ayşe", "geri")
    then = [store.catalog.alias("environment", "üretim", at=moment) for moment in times]
    assert [change and change.target for change in then] == ["D1", "D2", "D1"]
    assert store.catalog.alias("environment", "üretim", at=before - 1) is None
    history = store.catalog.alias_history("environment", "üretim")
    assert [change.target for change in history] == ["D1", "D2", "D1"]
    assert len(store.catalog.alias_history("environment")) == 6
    assert store.catalog.alias("another", "üretim") is None


def point(name: str, step: int, value: float) -> Point:
    return Point(name=name, step=step, value=value, time=1.0)


def test_metrics_come_back_in_order_of_their_steps(store: Store) -> None:
    run = make_run()
    put(store, run)
    store.catalog.log_metrics(run.id, [point("kayıp", step, 1 / (step + 1)) for step in (2, 0, 1)])
    store.catalog.log_metrics(run.id, [point("kayıp", 1, 9.0), point("doğruluk", 0, 0.5)])
    store.catalog.log_metrics(run.id, [])
    assert [(entry.step, entry.value) for entry in store.catalog.metric(run.id, "kayıp")] == [
        (0, 1.0),
        (1, 9.0),
        (2, pytest.approx(1 / 3)),
    ]
    assert store.catalog.metric(run.id, "yok") == []


def test_runs_are_searched_by_the_last_value_of_a_metric(store: Store) -> None:
    runs = [make_run(name) for name in ("a", "b", "c", "d")]
    put(store, *runs)
    for run, values in zip(runs, ([0.9, 0.1], [0.2], [0.3, 0.5], []), strict=True):
        for step, value in enumerate(values):
            store.catalog.log_metrics(run.id, [point("auc", step, value)])
    best = store.catalog.search_runs("auc")
    assert [(run.name, value) for run, value in best] == [("c", 0.5), ("b", 0.2), ("a", 0.1)]
    worst = store.catalog.search_runs("auc", ascending=True, limit=2)
    assert [run.name for run, _ in worst] == ["a", "b"]
    assert store.catalog.search_runs("yok") == []


def test_content_is_found_again_by_its_hash(store: Store) -> None:
    put(
        store, make_dataset("a", "1", hash="x"), make_dataset("a", "2", hash="x"), make_dataset("b", hash="x")
    )
    found = store.catalog.with_hash(Dataset, "x", name="a")
    assert found is not None
    assert found.version == "2"
    assert store.catalog.with_hash(Dataset, "y", name="a") is None


def test_an_exception_inside_leaves_nothing(store: Store) -> None:
    put(store, make_report("önce"))
    head = store.catalog.head()
    report = make_report("yarım", parents=(Link(parent=f"sha256:{'b' * 64}", role="x"),))

    def write_and_fail() -> None:
        with store.catalog.transaction() as transaction:
            transaction.put(report)
            transaction.point("environment", "üretim", "D", why="")
            transaction.event(Entry(action="did", subject="s", body={}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert [found.name for found in store.catalog.all(Report)] == ["önce"]
    assert store.catalog.blobs() == set()
    assert store.catalog.alias_history("environment") == []
    assert store.catalog.head() == head


def test_a_conflict_leaves_nothing_of_its_transaction(store: Store) -> None:
    put(store, make_model("gelir", "1.0.0"))
    head = store.catalog.head()
    with pytest.raises(Conflict):
        put(store, make_report(), make_model("gelir", "1.0.0"))
    assert store.catalog.all(Report) == []
    assert store.catalog.head() == head


def test_events_are_chained_and_say_who_did_what(store: Store) -> None:
    report = make_report()
    with store.catalog.transaction() as transaction:
        transaction.put(report, why="çünkü")
        made = transaction.event(Entry(action="baktı", subject="test ı", body={"n": 1.5, "liste": [1, None]}))
    events = list(store.catalog.events())
    assert [(event.sequence, event.actor, event.action, event.why) for event in events] == [
        (1, "ayşe", "created report", "çünkü"),
        (2, "ayşe", "baktı", ""),
    ]
    assert check_chain(events) == events[-1] == made == store.catalog.head()
    assert list(store.catalog.events(subject=report.id)) == events[:1]
    assert list(store.catalog.events(after=1)) == events[1:]


def test_a_long_trail_is_read_in_pages(store: Store) -> None:
    with store.catalog.transaction() as transaction:
        for number in range(4_100):
            transaction.event(Entry(action="did", subject=str(number % 2), body={}))
    last = check_chain(store.catalog.events())
    assert last is not None
    assert last.sequence == 4_100
    assert len(list(store.catalog.events(subject="1"))) == 2_050


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    put(store, make_report("eski"))
    with store.catalog.transaction() as transaction:
        transaction.put(make_report("yeni"))
        seen: list[str] = []

        def look() -> None:
            seen.extend(report.name for report in store.catalog.all(Report))

        reader = threading.Thread(target=look, daemon=True)
        reader.start()
        reader.join(timeout=20)
        assert seen == ["eski"]
    assert [report.name for report in store.catalog.all(Report)] == ["yeni", "eski"]


def test_memories_are_kept_once_and_can_be_forgotten(store: Store) -> None:
    first, second = make_report(version="k", hash="1"), make_report(version="k", hash="2")
    for memory in (first, second):
        with store.catalog.transaction() as transaction:
            transaction.remember(memory)
    assert store.catalog.recall(Report, "k") == first
    with store.catalog.transaction() as transaction:
        transaction.forget(Report, first.id)
    assert store.catalog.recall(Report, "k") is None
    assert store.catalog.head() is None


def test_an_absent_database_server_is_named_without_its_password(tmp_path: Path) -> None:
    catalog = Catalog("postgresql+psycopg://u:gizli@127.0.0.1:1/x", actor="a", folder=tmp_path)
    with pytest.raises(StorageFailed, match=r"127\.0\.0\.1:1/x") as caught:
        catalog.head()
    assert "gizli" not in str(caught.value)
    assert "running and reachable" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["nonsense", "", "oracle+nonsense://x", "mongodb://x/y", "postgresql://h:x/y"]
)
def test_a_catalog_that_is_no_database_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="catalog") as caught:
        Catalog(url, actor="a", folder=tmp_path)
    assert "sqlite:///" in caught.value.hint


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra) as caught:
        Catalog("postgresql://h/x", actor="a", folder=tmp_path)
    assert "kervan[postgres]" in caught.value.hint


def test_what_is_no_database_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(StorageFailed, match=r"catalog\.sqlite.*not a database") as caught:
        Catalog(f"sqlite:///{path}", actor="a", folder=tmp_path).head()
    assert "backup" in caught.value.hint


def test_records_come_by_their_places_newest_first_with_their_number(store: Store) -> None:
    put(store, *(make_dataset(version=str(number)) for number in range(1, 6)), make_model())
    found, count = store.catalog.some(Dataset, slice(1, 3))
    assert ([each.version for each in found], count) == (["4", "3"], 5)
    assert store.catalog.some(Dataset, slice(50, 100)) == ([], 5)


def test_what_came_of_a_record_is_found_by_its_kind(store: Store) -> None:
    data = make_dataset()
    link = (Link(parent=data.id, role="data"),)
    runs = [make_run(parents=link) for _ in range(3)]
    model = make_model(parents=link)
    put(store, data, *runs, make_run(), model)
    assert store.catalog.descendants(Run, data.id, limit=2) == ([runs[2], runs[1]], 3)
    assert store.catalog.descendants(Model, data.id, limit=9) == ([model], 1)
    with store.catalog.transaction() as transaction:
        transaction.retire(model, why="eski")
    assert store.catalog.descendants(Model, data.id, limit=9) == ([], 0)
