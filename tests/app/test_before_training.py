"""What cannot come to a good end is said before anything is trained, in the words of the user's own file."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from journeys.home import Home

HEAD = """\
[project]
name = "p"
[data]
source = "t.csv"
target = "y"
[model]
families = ["linear"]
folds = 2
"""
OWN = """\
from kervan import metric
@metric(task="classification")
def nothing(truth, answers):
    return float("nan")
def none():
    return None
"""


def ready(home: Home, lines: str, target: str = "") -> Home:
    dice = random.Random(3)
    rows = (
        f"{dice.random():.3f},{dice.choice('abc')},{target.format(place) or dice.choice('uv')}\n"
        for place in range(120)
    )
    home.write("t.csv", "a,b,y\n" + "".join(rows))
    home.write("kervan.toml", HEAD + lines)
    home.write("own.py", OWN)
    return home


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("costs = { matrix = [[0, 1e300], [1, 0]] }", "[model.costs] matrix: 1e+300 is no cost"),
        ("threshold = 2", "[model] threshold: 2 is no probability"),
        ("shortlist = -1", "[model] shortlist: -1 is no number of candidates"),
        ('goal = { metric = "accuracy", at_least = 0.9, at_most = 0.1 }', "at_least 0.9 and at_most 0.1"),
        ('goal = { metric = "own:nothing" }', "own:nothing returned no finite number"),
        ('features = [{ impute = { b = "mean" } }]', "[[model.features]] impute: fill b by mean: 'b' holds"),
        ('tests = [{ rows = [{ a = 1, b = "a" }] }]', "row 1 does not say what is expected"),
        ('tests = [{ where = { b = "a" }, at_least = 7 }]', "accuracy never is 7"),
        ('tests = [{ change = { b = ["a", "b"] }, may_move = -1 }]', "may_move = -1 is no distance"),
        ('tests = [{ change = { b = ["a", "b"] }, at_least = 2 }]', "at_least = 2 is no share of rows"),
        ('tests = [{ where = { b = "nowhere" }, at_least = 0.5 }]', "'b' has no category 'nowhere'"),
        ('tests = [{ change = { a = ["x"] } }]', "column 'a' holds numbers, not 'x'"),
        (
            'tests = [{ rows = [{ a = 1, b = "a", y = "w" }] }]',
            "row 1 expects 'w', and 'y' has no such class",
        ),
        ("limits = { milliseconds = 5 }", "known: fairness, latency, monotone, size"),
        ('costs = { table = "x" }', "known here: currency, false_positive"),
    ],
)
def test_a_setting_that_cannot_be_kept_is_refused(home: Home, lines: str, words: str) -> None:
    assert words in ready(home, lines + "\n").ask("train", code=2).err


def test_a_slice_where_less_is_better_is_told_as_it_is(home: Home) -> None:
    lines = 'tests = [{{ where = {{ b = "a" }}, metric = "log_loss", at_least = {} }}]\n'
    refused = ready(home, lines.format(0.01)).ask("run", code=4).err
    assert "wanted is 0.01" in refused
    assert ": -" not in refused
    assert ready(home, lines.format(5)).ask("run", "--json").json["model"] == "p@1.0.0"


def test_a_family_that_gives_no_estimator_is_told_what_it_may_give(home: Home) -> None:
    ready(home, "").write("kervan.toml", HEAD.replace('"linear"', '"own:none"'))
    assert "let a function return an estimator of scikit-learn" in home.ask("train", code=2).err


def test_a_target_of_tiny_numbers_has_figures_and_no_interval(home: Home) -> None:
    told = ready(home, "", target="{}e-300").ask("run", "--json").json
    assert told["model"] == "p@1.0.0"


def test_a_target_that_loses_digits_is_told(home: Home) -> None:
    far = ready(home, "").write(
        "t.csv", "a,b,y\n" + "".join(f"{place},k,{2**60 + place * 10}\n" for place in range(120))
    )
    assert far.exists()
    assert "whole numbers beyond 2^53 are rounded" in home.ask("train").err


def test_features_without_a_column_of_their_own_are_told(home: Home) -> None:
    ready(home, 'features = [{ impute = { a = "mode" } }]\n').ask("data", "ingest", "--quiet")
    assert "no feature has a column of its own" in home.ask("features").out
