"""A model that misses its goal is not registered, on validation or on the sealed part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS

if TYPE_CHECKING:
    from journeys.home import Home


def with_goal(bound: str) -> str:
    return SETTINGS.replace("folds = 2", f'folds = 2\ngoal = {{ metric = "roc_auc", {bound} }}')


def test_a_goal_that_is_missed_registers_nothing(home: Home) -> None:
    reply = home.start(200, with_goal("at_least = 0.9999")).ask("run", "--quiet", "--json", code=4)
    assert reply.problem["error"] == "GoalMissed"
    assert "the goal is roc_auc ≥ 0.9999" in reply.problem["message"]
    assert reply.problem["hint"]
    for command in ("models", "releases"):
        assert home.ask(command, "--json").json == []
    actions = {event["action"] for event in home.ask("audit", "--json").json}
    assert "opened test" not in actions  # what fails on validation does not use up the test part
    assert {finding["verdict"] for finding in home.ask("doctor", "--json").json} == {"passed"}
    home.write("kervan.toml", with_goal("at_least = 0.5"))
    again = home.ask("run", "--json")
    assert again.json["model"] == "müşteri-kaybı@1.0.0"
    assert "✓ compare_candidate" not in again.err  # only the bound changed


@pytest.mark.parametrize(
    ("metric", "target", "words"),
    [
        ("mape", "{number}", "'mape' needs other values than 0, and 'y' has others in the train part"),
        ("rmsle", "-{number}", "'rmsle' needs values above -1"),
        ("gamma_deviance", "{number}", "'gamma_deviance' needs values above 0"),
        ("poisson_deviance", "-{number}", "'poisson_deviance' needs values of 0 or more"),
        (
            "rmsle",
            "{power}",
            "the answers of no candidate tell rmsle in every fold (rmsle needs values",
        ),
        ("rmse", "{number}e300", "is beyond ±3.4e+38"),
        ("neg_mean_squared_error", "{number}", "here it is 'rmse'"),
        ("neg_log_loss", "{number}", "here it is 'log_loss'"),
        ("r2_score", "{number}", "here it is 'r2'"),
    ],
)
def test_a_metric_that_the_target_has_no_value_of_is_refused(
    home: Home, metric: str, target: str, words: str
) -> None:
    rows = (f"{n},k,{target.format(number=n, power=2.0 ** (n / 4))}\n" for n in range(120))
    home.write("t.csv", "a,b,y\n" + "".join(rows))
    home.write(
        "kervan.toml",
        '[project]\nname = "p"\n[data]\nsource = "t.csv"\ntarget = "y"\n'
        f'[model]\nfamilies = ["linear"]\nfolds = 2\ngoal = {{ metric = "{metric}" }}\n',
    )
    assert words in home.ask("run", code=2).err


def test_a_goal_from_above_is_kept_too(home: Home) -> None:
    settings = SETTINGS.replace("folds = 2", 'folds = 2\ngoal = { metric = "log_loss", at_most = 0.001 }')
    assert "log_loss ≤ 0.001" in home.start(200, settings).ask("run", "--quiet", code=4).err


def test_a_model_that_was_registered_stays_when_the_next_one_fails(lived: Home) -> None:
    lived.ask("release")
    lived.write("kervan.toml", with_goal("at_least = 0.9999").replace('["linear"]', '["tree"]'))
    lived.ask("run", "--quiet", code=4)
    assert [model["version"] for model in lived.ask("models", "--json").json] == ["1.0.0"]
    assert lived.predict({"yaş": 30, "şehir": "Ankara", "gelir": 1.0})["model"] == "müşteri-kaybı@1.0.0"
