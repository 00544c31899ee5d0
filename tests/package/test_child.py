"""Scorers in a process of their own: what they answer, what they say, and whatever they die of."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kervan.package.writing.child import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Child]

# The word that it is started with says how it scores; the first number of a row, what happens to it.
MODULE = """
import faulthandler, os, signal, sys, time
from kervan.package.writing.child import serve

def load():
    word = sys.argv[1]
    if word == "broken":
        raise ValueError("no such file")
    print("loaded", word, flush=True)
    print(os.getpid(), file=open(sys.argv[2], "w"))
    return globals()[word]

def doubled(rows):
    print("scoring")
    if rows[0, 0] == 1:
        raise ZeroDivisionError("bir satır")
    if rows[0, 0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if rows[0, 0] == 3:
        sys.exit("the library gives up")
    if rows[0, 0] == 4:
        time.sleep(60)
    if rows[0, 0] == 5:
        os._exit(7)
    return rows * 2

def summed(rows):
    return rows.sum(axis=1)

def one(rows):
    return rows[:1]

def asked(rows):
    return rows * float(os.environ["KERVAN_TEST_FACTOR"])

if __name__ == "__main__":
    serve(load)
"""


@pytest.fixture
def child(tmp_path: Path) -> Make:
    (tmp_path / "scorer_of_a_test.py").write_text(MODULE, encoding="utf-8")

    def make(word: str, *, seconds: float = 60, **environ: str) -> Child:
        environ["PYTHONPATH"] = str(tmp_path)
        return Child("scorer_of_a_test", word, str(tmp_path / "pid"), environ=environ, seconds=seconds)

    return make


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def rows(first: float) -> np.ndarray:
    return np.array([[first, 0.25, np.nan], [-0.0, 1e-320, np.inf]])


def test_it_answers_what_it_is_asked_until_it_is_let_go(child: Make, tmp_path: Path) -> None:
    scorer = child("doubled")
    for _ in range(2):
        np.testing.assert_array_equal(scorer(rows(9)), rows(9) * 2)
    many = np.random.default_rng(0).normal(size=(50_000, 7))
    np.testing.assert_array_equal(scorer(many), many * 2)
    process = int((tmp_path / "pid").read_text(encoding="utf-8"))
    assert is_there(process)
    del scorer
    gc.collect()
    assert not is_there(process)


def test_a_number_for_each_row_is_a_column(child: Make) -> None:
    assert child("summed")(np.ones((5, 3))).tolist() == [[3.0]] * 5


def test_it_sees_the_environment_that_it_is_given(child: Make) -> None:
    assert child("asked", KERVAN_TEST_FACTOR="4")(np.ones((1, 1))).item() == 4


def test_what_it_says_of_rows_is_told_and_it_goes_on(child: Make) -> None:
    scorer = child("doubled")
    with pytest.raises(ValueError, match="ZeroDivisionError: bir satır"):
        scorer(rows(1))
    assert scorer(rows(0))[0, 1] == 0.5


@pytest.mark.parametrize("size", [2, 100_000])
def test_what_it_says_of_what_it_loads_is_told_each_time(child: Make, size: int) -> None:
    scorer = child("broken")
    for _ in range(2):
        with pytest.raises(ValueError, match="no such file"):
            scorer(np.zeros((size, 3)))


def test_answers_to_other_rows_are_none(child: Make) -> None:
    with pytest.raises(ValueError, match="reshape"):
        child("one")(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("first", "why"),
    [(2, "died of SIGKILL"), (3, "exit code 1: the library gives up"), (5, "exit code 7: scoring")],
)
def test_how_it_died_is_told_each_time(child: Make, first: float, why: str) -> None:
    scorer = child("doubled")
    scorer(rows(0))
    for _ in range(2):
        with pytest.raises(ChildProcessError, match=why):
            scorer(rows(first))


def test_a_module_that_is_none_is_named() -> None:
    with pytest.raises(ChildProcessError, match="No module named"):
        Child("kervan.no_such_module")(rows(0))


def test_it_is_ended_when_it_takes_too_long(child: Make, tmp_path: Path) -> None:
    scorer = child("doubled", seconds=3)
    scorer(rows(0))
    with pytest.raises(ChildProcessError, match="takes more than 3 seconds"):
        scorer(rows(4))
    assert not is_there(int((tmp_path / "pid").read_text(encoding="utf-8")))
