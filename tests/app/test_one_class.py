"""A part with rows of one class alone: it can be looked at, and trained on where the goal asks no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

HEADER = ("gün", "yaş", "gelir", "ayrıldı")
BY_TIME = 'split = { by = "time", column = "gün", train = 0.6, validation = 0.2, test = 0.2 }'


def late(home: Home, part: str, model: str = "") -> Home:
    """Write customers in the order of days, of whom all in the part stay; train on them as `model` says."""
    rows = customers(300)
    first, last = {"validation": (180, 240), "test": (240, 300)}[part]
    told = []
    for place, (_, age, _, income, _, leaves) in enumerate(rows):
        label = "hayır" if first - 10 <= place < last + 10 else leaves
        told.append([f"2026-{1 + place // 28:02d}-{1 + place % 28:02d}", age, income, label])
    home.write("müşteriler.csv", as_csv(told, HEADER))
    settings = SETTINGS.replace('protect = { "müşteri" = "hash" }', BY_TIME)
    home.write("kervan.toml", settings.partition("[release]")[0] + model)
    return home


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_dataset_is_kept_with_a_warning_and_training_for_the_usual_goal_is_refused(
    home: Home, part: str
) -> None:
    words = f"the {part} part has one class of 'ayrıldı' only, 'hayır': nothing tells there"
    reply = late(home, part).ask("data", "ingest")
    assert words in reply.err
    (dataset,) = home.ask("data", "--json").json
    assert dataset["version"] == "1"
    refused = home.ask("run", "--json", code=None)
    assert refused.problem["error"] == "InvalidData"
    assert words in refused.problem["message"]
    assert "stratified" in refused.problem["hint"]
    assert "compare_candidate" not in refused.err


@pytest.mark.parametrize(
    ("part", "model"),
    [
        ("test", 'goal = { metric = "accuracy", at_least = 0.5 }\nshortlist = 2\nlearning_curve = true\n'),
        ("validation", 'goal = { metric = "log_loss" }\ncalibrate = "sigmoid"\n'),
        (
            "test",
            'goal = { metric = "cost" }\n[model.costs]\nfalse_positive = 5\nfalse_negative = 1\n',
        ),
    ],
)
def test_a_goal_that_one_class_tells_is_trained_for(home: Home, part: str, model: str) -> None:
    reply = late(home, part, model).ask("run", "--json")
    assert reply.json["model"] == "müşteri-kaybı@1.0.0"
    assert f"the {part} part has one class of 'ayrıldı' only" in reply.err
    assert "accuracy" in home.ask("models", "müşteri-kaybı").out
    home.ask("errors", "müşteri-kaybı", "--html", "page.html")


@pytest.mark.parametrize(
    "model",
    [
        'goal = { metric = "accuracy" }\nthreshold = "f1"\n',
        'goal = { metric = "accuracy" }\n[model.costs]\nfalse_positive = 5\nfalse_negative = 1\n',
        'goal = { metric = "f1" }\n',
        'goal = { metric = "d2_log_loss" }\n',
    ],
)
def test_no_threshold_is_chosen_on_one_class_and_no_other_goal_set_on_it(home: Home, model: str) -> None:
    refused = late(home, "validation", model).ask("run", "--json", code=None)
    assert "the validation part has one class of 'ayrıldı' only" in refused.problem["message"]
    assert "compare_candidate" not in refused.err


def test_a_metric_of_ones_own_that_cannot_be_told_is_no_figure(home: Home) -> None:
    home.write(
        "my_metrics.py",
        """\
import kervan as kv

@kv.metric(task="classification")
def found(truth, labels):
    return (labels[truth == "evet"] == "evet").mean() if (truth == "evet").any() else float("nan")
""",
    )
    refused = late(home, "validation", 'goal = { metric = "my_metrics:found" }\n').ask(
        "train", "--json", code=None
    )
    assert "do not tell my_metrics:found" in refused.problem["message"]
