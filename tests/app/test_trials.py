"""A search on record: trials are runs, one that was cut off goes on, what fails is named and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from journeys.home import SETTINGS
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

FEW = SETTINGS.replace('["linear"]', '["linear", "tree"]').partition("[release]")[0]


def searching(more: str) -> str:
    return FEW.replace("folds = 2", f"folds = 2\n{more}")


def trials_of(home: Home) -> list[Run]:
    with home.opened() as project:
        runs = [run for run in project.store.catalog.all(Run) if "trial" in run.parameters]
    return sorted(runs, key=lambda run: int(run.parameters["trial"]))


def test_trials_are_runs_and_a_larger_search_goes_on(home: Home) -> None:
    home.start(200, searching("search = { trials = 4 }"))
    first = home.ask("train", "--json").json
    before = trials_of(home)
    assert [run.parameters["trial"] for run in before] == [0, 1, 2, 3]
    assert {run.parameters["family"] for run in before} <= {"linear", "tree"}
    assert all(run.metrics or run.parameters["given_up"] for run in before)
    main = first["run"]
    assert all(run.parents[0].parent == main for run in before)
    home.ask("audit", "verify")

    home.write("kervan.toml", searching("search = { trials = 6 }"))
    again = home.ask("train", "--json")
    after = trials_of(home)
    assert [run.parameters["trial"] for run in after] == [0, 1, 2, 3, 4, 5], (
        "none is lost, none is done twice"
    )
    assert {run.id for run in before} <= {run.id for run in after}
    names = {each["name"] for each in again.json["candidates"]}
    kept = {f"{run.parameters['family']} {run.parameters['trial']}" for run in after if run.metrics}
    assert names >= {name for name in kept if name in names} | {"baseline", "linear", "tree"}
    home.ask("train", "--json")
    assert len(trials_of(home)) == 6


def test_a_family_of_ones_own_is_compared_and_what_fails_is_left_out(home: Home) -> None:
    home.write(
        "mine.py",
        "from sklearn.linear_model import LogisticRegression\n"
        "def plain(C=1.0):\n    return LogisticRegression(C=C)\n"
        "class Own(LogisticRegression):\n    pass\n"
        "def broken():\n    found = LogisticRegression()\n    found.fit = fail\n    return found\n"
        "def fail(matrix, truth):\n    raise ValueError('bozuk')\n",
    )
    families = '["tree", "mine:plain", "mine:broken", "mine:Own"]'
    found = home.start(200, FEW.replace('["linear", "tree"]', families)).ask("train", "--json")
    assert {each["name"] for each in found.json["candidates"]} == {"baseline", "tree", "mine:plain"}
    assert "mine:broken: it failed: " in found.err
    assert "bozuk" in found.err
    assert "mine:Own: Own is a class of that file, and no format can hold its objects" in found.err
    alone = FEW.replace('["linear", "tree"]', '["mine:Own"]')
    assert "no format can hold its objects" in home.start(200, alone).ask("train", code=4).err
    alone = FEW.replace('["linear", "tree"]', '["mine:broken"]')
    assert "mine:broken: it failed: bozuk" in home.start(200, alone).ask("train", code=2).err


def test_a_candidate_that_takes_too_long_is_left_out(home: Home) -> None:
    home.write(
        "slow.py",
        "import time\nfrom sklearn.tree import DecisionTreeClassifier\n"
        "def slow():\n    found = DecisionTreeClassifier()\n    found.fit = sleep\n    return found\n"
        "def sleep(matrix, truth):\n    time.sleep(600)\n",
    )
    settings = FEW.replace('["linear", "tree"]', '["tree", "slow:slow"]')
    found = home.start(200, settings.replace("folds = 2", 'folds = 2\nsearch = { each = "20s" }'))
    reply = found.ask("train", "--json")
    assert {each["name"] for each in reply.json["candidates"]} == {"baseline", "tree"}
    assert "slow:slow: it was not done after 2" in reply.err


def test_candidates_can_be_given_whole(home: Home) -> None:
    given = """families = []
candidates = [
  { family = "tree", parameters = { max_depth = 2 } },
  { family = "vote", members = [{ family = "linear" }, { family = "tree" }], weights = [0.7, 0.3] },
]"""
    found = home.start(200, FEW.replace('families = ["linear", "tree"]', given)).ask("train", "--json").json
    names = {each["name"] for each in found["candidates"]}
    assert names == {"baseline", "tree(max_depth=2)", "vote(0.7 × linear, 0.3 × tree)"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"families": '["naive_bayes", "treee"]'}, "there is no model family 'treee'"),
        ({"families": '["mine:nothing"]'}, "there is no file"),
        ({"families": "[]"}, "no model family is named"),
        ({"families": '["baseline"]'}, "no model family is named beside the baseline"),
        ({"candidates": '[{ family = "vote" }]'}, "an ensemble needs members"),
        ({"candidates": '[{ family = "tree", members = [{ family = "tree" }] }]'}, "this is no ensemble"),
        (
            {
                "candidates": '[{ family = "vote", members = [{ family = "tree" }, { family = "linear" }], '
                "weights = [-1, 2] }]"
            },
            "are no weights",
        ),
        ({"search": '{ budget = "0s" }'}, "leaves no time"),
        ({"search": "{ trials = -1 }"}, "trials = -1"),
    ],
)
def test_bad_settings_are_refused_before_training(home: Home, settings: dict[str, str], words: str) -> None:
    said: dict[str, Any] = {"families": '["tree"]', **settings}
    lines = "\n".join(f"{name} = {value}" for name, value in said.items())
    home.start(200, FEW.replace('families = ["linear", "tree"]', lines))
    reply = home.ask("train", code=None)
    assert reply.code in {2, 3}
    assert words in reply.err
    assert "compare_candidate" not in reply.err


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("{ depth = 3 }", "there is no parameter 'depth'"),
        ('{ max_depth = "deep" }', "[[model.candidates]] tree: The 'max_depth' parameter"),
    ],
)
def test_parameters_that_a_family_does_not_have_are_refused(home: Home, parameters: str, words: str) -> None:
    given = f'families = []\ncandidates = [{{ family = "tree", parameters = {parameters} }}]'
    home.start(200, FEW.replace('families = ["linear", "tree"]', given))
    reply = home.ask("train", code=2)
    assert words in reply.err
    assert "compare_candidate" not in reply.err
