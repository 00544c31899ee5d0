"""A model that misses its goal is not registered, on validation or on the sealed part."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def test_a_goal_from_above_is_kept_too(home: Home) -> None:
    settings = SETTINGS.replace("folds = 2", 'folds = 2\ngoal = { metric = "log_loss", at_most = 0.001 }')
    assert "log_loss ≤ 0.001" in home.start(200, settings).ask("run", "--quiet", code=4).err


def test_a_model_that_was_registered_stays_when_the_next_one_fails(lived: Home) -> None:
    lived.ask("release")
    lived.write("kervan.toml", with_goal("at_least = 0.9999").replace('["linear"]', '["tree"]'))
    lived.ask("run", "--quiet", code=4)
    assert [model["version"] for model in lived.ask("models", "--json").json] == ["1.0.0"]
    assert lived.predict({"yaş": 30, "şehir": "Ankara", "gelir": 1.0})["model"] == "müşteri-kaybı@1.0.0"
