"""How right versions were over time, beside what the join of all records and all feedback says."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.recorded import record_many

from journeys.home import SETTINGS
from kervan.app.feedback import labelled
from kervan.app.quality import ACCURACY, Quality, quality
from kervan.app.records import predictions

if TYPE_CHECKING:
    from journeys.home import Home
    from kervan.app.project import Project

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}
ENTITY = SETTINGS.replace("[model]", 'entity = "kim"\n[model]')
DAY = 86_400.0


def expected(project: Project) -> dict[str, tuple[int, int, int, float]]:
    """Count what came back about each version: labels, right ones, rewards, their sum."""
    found: dict[str, tuple[int, int, int, float]] = {}
    for each in labelled(project, "üretim"):
        model = each.prediction.model
        labels, right, rewards, total = found.get(model, (0, 0, 0, 0.0))
        if each.label is not None:
            labels, right = labels + 1, right + (each.outputs["label"] == each.label)
        if each.reward is not None:
            rewards, total = rewards + 1, total + each.reward
        found[model] = (labels, right, rewards, total)
    return found


def counted(found: Quality) -> dict[str, tuple[int, int, int, float]]:
    return {
        each.model: (
            sum(each.labels),
            round(sum(n * f for n, f in zip(each.labels, each.figure, strict=True) if f is not None)),
            sum(each.rewards),
            sum(n * f for n, f in zip(each.rewards, each.reward, strict=True) if f is not None),
        )
        for each in found.versions
    }


def test_labels_and_rewards_are_counted_where_they_belong(grown: Home) -> None:
    grown.write("kervan.toml", ENTITY)
    grown.ask("release", "müşteri-kaybı@1.0.0", "--why", "kim", "--quiet")
    grown.predict({**ROW, "kim": "Ayşe"})
    with grown.opened() as project:
        record_many(project, "üretim", 300, days=4, until=time.time() - 4 * DAY, entities=40)
    grown.ask("release", "müşteri-kaybı@1.0.1", "--why", "yeni", "--quiet")
    grown.write("çok.json", json.dumps([{**ROW, "kim": f"C-{number}"} for number in range(5)]))
    many = [each["id"] for each in grown.ask("predict", "üretim", "-f", "çok.json", "--json").json]
    grown.predict({**ROW, "kim": "Can"})
    with grown.opened() as project:
        record_many(project, "üretim", 300, days=2, entities=40)
        made = [each for each in predictions(project, "üretim") if each.rows == 1]
    dice = random.Random(0)
    said: list[dict[str, Any]] = [
        {"id": f"{each.id}{dice.choice(('', '.0'))}", "label": dice.choice(("evet", "hayır"))}
        for each in dice.sample(made, 200)
    ]
    said += [{"id": dice.choice(made).id, "reward": dice.random()} for _ in range(50)]
    said += [{"id": each, "label": "evet"} for each in (*many, many[0].partition(".")[0])]
    said += [
        {"entity": f"C-{dice.randrange(60)}", "time": time.time() - dice.uniform(0, 9) * DAY, "label": "evet"}
        for _ in range(100)
    ]
    for place in (0, 1):
        grown.write("dönen.json", json.dumps(said[place::2]))
        grown.ask("feedback", "dönen.json", "üretim")
    with grown.opened() as project:
        found, wanted = quality(project, "üretim"), expected(project)
    assert found.figure == ACCURACY
    assert found.returned == len(said)
    assert {model: each[:3] for model, each in counted(found).items()} == {
        model: each[:3] for model, each in wanted.items()
    }
    for model, each in counted(found).items():
        assert each[3] == pytest.approx(wanted[model][3])
    assert [each.model for each in found.versions] == ["müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"]
    assert 30 <= len(found.times) <= 120
    told = grown.ask("quality", "üretim")
    assert "accuracy" in told.out
    assert "müşteri-kaybı@1.0.1" in told.out


def test_only_the_newest_that_came_back_is_looked_at(lived: Home) -> None:
    lived.ask("release")
    ids = [lived.predict(ROW)["id"] for _ in range(3)]
    with lived.opened() as project:
        assert quality(project, "üretim") == Quality(environment="üretim")
    lived.write("dönen.json", json.dumps([{"id": each, "label": "evet"} for each in ids]))
    lived.ask("feedback", "dönen.json", "üretim")
    with lived.opened() as project:
        found = quality(project, "üretim", most=2)
        late = quality(project, "üretim", seconds=-1.0)
    assert (found.returned, found.known, sum(found.versions[0].labels)) == (2, 2, 2)
    assert late.looked is not None
    assert late.versions == ()
