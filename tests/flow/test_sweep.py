from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kervan.flow.step import report, step
from kervan.flow.sweep import Ended, Heard, Sweep
from kervan.flow.values import CACHE, Value, load, save

if TYPE_CHECKING:
    from kervan.store.open import Store


@step
def count_to(number: int, pause: float = 0.0) -> int:
    """Report every number on the way."""
    for each in range(number):
        report(each)
        time.sleep(pause)
    return number


@step
def file_of(folder: Path, time: int) -> str:
    """Tell what a folder holds, and which process read it."""
    (file,) = folder.iterdir()
    return f"{file.read_text()} {file.stat().st_ino} {os.getpid()} {time}"


@step
def fail(how: str) -> int:
    """End as it is told."""
    if how == "killed":
        os._exit(9)
    raise ValueError(how)


@step
def wait_long(seconds: float) -> int:
    """Report which process waits."""
    report(os.getpid())
    time.sleep(seconds)
    return 0


def test_a_worker_ends_without_a_word_at_ctrl_c(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    with Sweep(wait_long, store, workers=1) as sweep:
        sweep.start("one", {"seconds": 60.0})
        (heard,) = sweep.next()
        assert isinstance(heard, Heard)
        sweep.answer("one", go_on=True)
        os.kill(heard.value, signal.SIGINT)
        (ended,) = sweep.next()
        assert isinstance(ended, Ended)
        assert ended.error is not None
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_calls_report_and_are_known_the_second_time(store: Store) -> None:
    heard: list[int] = []
    with Sweep(count_to, store, workers=2) as sweep:
        for number in (2, 3):
            sweep.start(f"to {number}", {"number": number, "pause": 0.0})
        assert not sweep.has_room
        ended: dict[str, Ended] = {}
        while sweep.is_busy:
            for said in sweep.next():
                if isinstance(said, Heard):
                    heard.append(said.value)
                    sweep.answer(said.name, go_on=True)
                else:
                    ended[said.name] = said
        assert sorted(heard) == [0, 0, 1, 1, 2]
        assert {name: load(each.value, store) for name, each in ended.items() if each.value} == {
            "to 2": 2,
            "to 3": 3,
        }
        sweep.start("again", {"number": 3, "pause": 0.0})
        (again,) = sweep.next()
        assert isinstance(again, Ended)
        assert again.cached
        assert again.key == ended["to 3"].key


def test_what_is_as_good_as_a_call_is_kept_as_its_own(store: Store) -> None:
    asked = []

    def otherwise() -> Value | None:
        asked.append(True)
        return save(7, store)

    def unable() -> Value | None:
        raise ValueError("nothing is as good")

    with Sweep(count_to, store, workers=1) as sweep:
        for _ in range(2):
            sweep.start("one", {"number": 7, "pause": 9.0}, otherwise=otherwise)
            (ended,) = sweep.next()
            assert isinstance(ended, Ended)
            assert ended.cached
            assert ended.value == save(7, store)
        assert len(asked) == 1
        sweep.start("other", {"number": 8, "pause": 9.0}, otherwise=unable)
        (failed,) = sweep.next()
        assert isinstance(failed, Ended)
        assert str(failed.error) == "nothing is as good"
        assert not sweep.is_busy


def test_a_call_is_given_up_or_ended_when_its_time_is_over(store: Store) -> None:
    with Sweep(count_to, store, workers=1) as sweep:
        sweep.start("one", {"number": 5, "pause": 0.0})
        (heard,) = sweep.next()
        sweep.answer("one", go_on=False)
        (ended,) = sweep.next()
        assert isinstance(ended, Ended)
        assert ended.given_up
        assert ended.value is None
        sweep.start("two", {"number": 1, "pause": 60.0}, until=time.monotonic() + 0.5)
        (heard,) = sweep.next()
        assert isinstance(heard, Heard)
        sweep.answer("two", go_on=True)
        (ended,) = sweep.next()
        assert isinstance(ended, Ended)
        assert ended.out_of_time
        sweep.start("three", {"number": 0, "pause": 0.0})
        (ended,) = sweep.next()
        assert isinstance(ended, Ended)
        assert ended.value is not None, "another process took the place of the one that was ended"


def test_a_folder_is_laid_out_again_if_it_went(store: Store, tmp_path: Path) -> None:
    (tmp_path / "satır.txt").write_text("bir")
    given = {"folder": save(tmp_path, store)}
    told = []
    with Sweep(file_of, store, workers=1) as sweep:
        for time in range(3):
            sweep.start("read", {**given, "time": time})
            (ended,) = sweep.next()
            assert isinstance(ended, Ended)
            assert ended.value is not None, ended.told
            told.append(load(ended.value, store).split())
            if time == 1:
                shutil.rmtree(store.root / CACHE)
    assert {each[0] for each in told} == {"bir"}
    assert len({each[2] for each in told}) == 1, "one process did all"
    assert told[0][1] == told[1][1]


@pytest.mark.parametrize(
    ("how", "words"),
    [("no luck", "no luck"), ("killed", "the process that computed it was ended from outside")],
)
def test_what_fails_is_told(store: Store, how: str, words: str) -> None:
    with Sweep(fail, store, workers=1) as sweep:
        sweep.start("bad", {"how": how})
        (ended,) = sweep.next()
        assert isinstance(ended, Ended)
        assert words in str(ended.error)
        assert not sweep.is_busy
