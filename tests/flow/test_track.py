from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import InvalidInput
from kervan.core.nouns import Host, Run, Status, StepRun
from kervan.flow.live import Live
from kervan.flow.surroundings import is_alive, this_host
from kervan.flow.track import Tracker, mark_interrupted
from store.make import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.store.open import Store


def test_a_run_is_on_record_from_its_first_second(store: Store, tmp_path: Path) -> None:
    with Tracker(store, "eğitim", folder=tmp_path, parameters={"seed": 1}) as tracker:
        [running] = store.catalog.all(Run)
        assert (running.name, running.status, running.parameters) == ("eğitim", Status.RUNNING, {"seed": 1})
        assert running.host.process == this_host().process
        assert "msgspec" in running.environment
        tracker.log_parameter("şehir", "İzmir")
    [ended] = store.catalog.all(Run)
    assert (ended.status, ended.parameters) == (Status.FINISHED, {"seed": 1, "şehir": "İzmir"})
    assert ended.ended is not None
    assert ended.ended >= ended.time
    assert [event.action for event in store.catalog.events()] == ["started run", "finished run"]


def test_metrics_keep_their_history_and_their_last_value(store: Store, tmp_path: Path) -> None:
    with Tracker(store, "a", folder=tmp_path) as tracker:
        for value in (0.5, 0.7):
            tracker.log_metric("doğruluk", value)
        tracker.log_metric("kayıp", 3, step=10)
        tracker.log_metric("kayıp", 2)
        tracker.log_metric("kayıp", 4, step=10)
    ident = tracker.run.id
    history = [(point.step, point.value) for point in store.catalog.metric(ident, "doğruluk")]
    assert history == [(0, 0.5), (1, 0.7)]
    assert [(point.step, point.value) for point in store.catalog.metric(ident, "kayıp")] == [(10, 4), (11, 2)]
    assert store.catalog.get(Run, ident).metrics == {"doğruluk": 0.7, "kayıp": 4.0}
    assert [(run.id, value) for run, value in store.catalog.search_runs("doğruluk")] == [(ident, 0.7)]


def test_many_points_are_written_in_between(store: Store, tmp_path: Path) -> None:
    with Tracker(store, "a", folder=tmp_path) as tracker:
        for number in range(5_001):
            tracker.log_metric("x", number)
        assert len(store.catalog.metric(tracker.run.id, "x")) >= 5_000
    assert len(store.catalog.metric(tracker.run.id, "x")) == 5_001


def test_a_metric_that_is_no_number_is_kept_but_never_the_best(store: Store, tmp_path: Path) -> None:
    """Training that diverges logs such losses; the run must not be lost with them."""
    with Tracker(store, "a", folder=tmp_path) as tracker:
        for value in (0.5, math.nan, math.inf, -math.inf):
            tracker.log_metric("kayıp", value)
        tracker.log_metric("hep", math.nan)
    ident = tracker.run.id
    values = [point.value for point in store.catalog.metric(ident, "kayıp")]
    assert values[0] == 0.5
    assert math.isnan(values[1])
    assert values[2:] == [math.inf, -math.inf]
    assert store.catalog.get(Run, ident).metrics == {"kayıp": 0.5}
    assert [value for _, value in store.catalog.search_runs("kayıp")] == [0.5]
    assert store.catalog.search_runs("hep") == []


def fail_with(error: BaseException, store: Store, folder: Path) -> None:
    with Tracker(store, "a", folder=folder) as tracker:
        tracker.log_metric("m", 1.0)
        raise error


def test_a_failure_and_an_interruption_are_told_apart(local_store: Store, tmp_path: Path) -> None:
    for error in (ValueError("yanlış"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail_with(error, local_store, tmp_path)
    interrupted, failed = local_store.catalog.all(Run)
    assert (failed.status, failed.error) == (Status.FAILED, "ValueError: yanlış")
    assert (interrupted.status, interrupted.error) == (Status.INTERRUPTED, "KeyboardInterrupt: ")
    assert failed.metrics == interrupted.metrics == {"m": 1.0}


def test_what_is_logged_meanwhile_is_kept(local_store: Store, tmp_path: Path) -> None:
    logger = logging.getLogger("proje")
    with Tracker(local_store, "a", folder=tmp_path) as tracker:
        tracker.log("bir satır ı")
        logger.warning("uyarı %s", "İ")
    logger.warning("after")
    log = local_store.blobs.read_bytes(tracker.run.log).decode()
    assert "bir satır ı" in log
    assert "WARNING proje: uyarı İ" in log
    assert "after" not in log
    assert tracker.run.log in local_store.catalog.blobs()


def test_those_who_watch_see_the_log_and_the_steps_of_a_run(store: Store, tmp_path: Path) -> None:
    step = StepRun(name="a", key="1", status=Status.RUNNING, cached=False, seconds=0.0)
    with Tracker(store, "a", folder=tmp_path) as tracker:
        live = Live(store.root, tracker.run.id)
        assert (live.log(), live.steps()) == ("", ())
        tracker.log("ilk satır")
        tracker.begin_step(step)
        assert live.steps() == (step,)
        done = replace(step, status=Status.FINISHED, seconds=2.0)
        tracker.add_step(done)
        logging.getLogger("proje").warning("dikkat")
        assert live.log().splitlines()[0].endswith("ilk satır")
        assert "dikkat" in live.log()
        assert live.steps() == (done,)
    assert (live.log(), live.steps()) == ("", ())
    assert list((store.root / "runs").iterdir()) == []


def test_what_a_killed_run_said_is_put_on_record(local_store: Store) -> None:
    here = this_host()
    gone = replace(here, started=here.started - 999)
    run = make_run(host=gone)
    with local_store.catalog.transaction() as transaction:
        transaction.put(run)
    live = Live(local_store.root, run.id)
    live.line("son satır ı")
    done = StepRun(name="a", key="1", status=Status.FINISHED, cached=True, seconds=1.0)
    live.step(done)
    live.step(replace(done, name="b", key="2", status=Status.RUNNING, cached=False))
    with (local_store.root / "runs" / f"{run.id}.steps").open("a") as file:
        file.write('{"name": "c", "ke')
    [marked] = mark_interrupted(local_store)
    found = local_store.catalog.get(Run, run.id)
    assert [(step.name, step.status) for step in found.steps] == [
        ("a", Status.FINISHED),
        ("b", Status.INTERRUPTED),
    ]
    assert local_store.blobs.read_bytes(found.log).decode() == "son satır ı\n"
    assert found.log in local_store.catalog.blobs()
    assert live.log() == ""
    assert marked.id == run.id


def test_files_of_runs_that_have_ended_are_taken_away(local_store: Store, tmp_path: Path) -> None:
    with Tracker(local_store, "a", folder=tmp_path) as going:
        going.log("sürüyor")
        Live(local_store.root, "01M7XE67HTCS3Z0XT54D3Q2HZ9").line("bitmişti")
        assert mark_interrupted(local_store) == []
        assert Live.left(local_store.root) == {going.run.id}


def test_a_log_that_cannot_be_shown_meanwhile_does_not_stop_a_run(local_store: Store, tmp_path: Path) -> None:
    with Tracker(local_store, "a", folder=tmp_path) as tracker:
        (local_store.root / "runs").write_text("no folder")
        tracker.log("bir satır")
    assert "bir satır" in local_store.blobs.read_bytes(tracker.run.log).decode()


def test_only_runs_whose_process_is_gone_are_marked(local_store: Store) -> None:
    here = this_host()
    gone = Host(
        name=here.name, platform="", python="", cores=1, process=here.process, started=here.started - 999
    )
    elsewhere = Host(name="başka", platform="", python="", cores=1, process=here.process, started=1.0)
    runs = [make_run(host=host) for host in (here, gone, elsewhere)]
    with local_store.catalog.transaction() as transaction:
        for run in runs:
            transaction.put(run)
    assert [is_alive(run.host) for run in runs] == [True, False, True]
    assert [run.id for run in mark_interrupted(local_store)] == [runs[1].id]
    assert mark_interrupted(local_store) == []
    assert local_store.catalog.get(Run, runs[1].id).status is Status.INTERRUPTED


def test_a_run_that_has_ended_takes_no_more_metrics(store: Store, tmp_path: Path) -> None:
    with Tracker(store, "a", folder=tmp_path) as tracker:
        tracker.log_metric("auc", 0.9)
    with pytest.raises(InvalidInput, match="has ended"):
        tracker.log_metric("auc", 0.99)
