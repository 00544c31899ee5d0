"""What each version answered over time, whatever form the records have."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from benchmarks.recorded import record_many

from kervan.app import over_time as counting
from kervan.app.over_time import OverTime, over_time
from kervan.app.records import predictions
from kervan.core.errors import InvalidInput
from kervan.core.observed import STEP

if TYPE_CHECKING:
    from journeys.home import Home
    from kervan.app.over_time import Version

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}
DAY = 86_400.0


def total(version: Version) -> int:
    return sum(version.requests)


def test_two_versions_are_told_apart_bucket_by_bucket(grown: Home) -> None:
    grown.predict(ROW)
    with grown.opened() as project:
        record_many(project, "üretim", 400, days=4, until=time.time() - 4 * DAY, entities=9)
    grown.ask("release", "müşteri-kaybı@1.0.1", "--why", "yeni", "--quiet")
    grown.predict(ROW)
    grown.ask("release", "--stop")
    with grown.opened() as project:
        record_many(project, "üretim", 300, days=2, entities=9)
        known = list(predictions(project, "üretim"))
        found = over_time(project, "üretim")
        old, new = found.versions
        assert {each.model: total(each) for each in found.versions} == Counter(each.model for each in known)
        assert (old.model, new.model) == ("müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1")
        assert 60 <= len(found.times) <= 120
        for place, begin in enumerate(found.times):
            inside = [each for each in known if begin <= each.time < begin + found.step]
            for version in found.versions:
                own = sorted(each.seconds for each in inside if each.model == version.model)
                assert version.requests[place] == len(own)
                if not own:
                    assert version.p99[place] is None
                    continue
                median = own[(len(own) - 1) // 2]
                assert median <= (version.p50[place] or 0) <= median * STEP * 1.0001
                assert (version.p50[place] or 0) <= (version.p90[place] or 0) <= (version.p99[place] or 0)
        late = over_time(project, "üretim", since=time.time() - DAY, until=time.time() - DAY / 2)
        middle = [each for each in known if time.time() - DAY <= each.time < time.time() - DAY / 2]
        assert abs(sum(map(total, late.versions)) - len(middle)) <= 2
        with pytest.raises(InvalidInput, match="ends before it begins"):
            over_time(project, "üretim", since=2.0, until=1.0)
    told = grown.ask("traffic", "üretim", "--json").json
    assert [each["model"] for each in told["versions"]] == [old.model, new.model]
    assert "p99 ms" in grown.ask("traffic", "müşteri-kaybı", "--since", "12h").out


def test_an_answer_that_could_not_be_given_counts_as_failed(lived: Home) -> None:
    lived.ask("release")
    for _ in range(3):
        answer = lived.predict(ROW)
    with lived.opened() as project:
        assert [total(each) for each in over_time(project, "üretim").versions] == [3]
        assert over_time(project, "başka") == OverTime(environment="başka")
    (segment,) = lived.folder.glob(".kervan/predictions/üretim/*.jsonl")
    lines = segment.read_text(encoding="utf-8").splitlines()
    broken = json.loads(lines[-1]) | {"outputs": []}
    lines[-1] = json.dumps(broken, ensure_ascii=False, separators=(",", ":"))
    segment.write_text("\n".join([*lines, ""]), encoding="utf-8")
    with lived.opened() as project:
        (version,) = over_time(project, "üretim").versions
    assert (sum(version.requests), sum(version.failed)) == (3, 1)
    assert answer["model"] == version.model


def test_of_too_much_the_newest_is_counted_and_that_is_said(
    lived: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.ask("release")
    lived.predict(ROW)
    lived.ask("release", "--stop")
    with lived.opened() as project:
        for ago in (20, 10, 0):
            record_many(project, "üretim", 50, days=5, until=time.time() - ago * DAY, entities=3)
        monkeypatch.setattr(counting, "_MOST", 40)
        found = over_time(project, "üretim")
        (version,) = found.versions
        assert found.looked is not None
        assert found.looked < found.times[0] + found.step
        assert total(version) < len(list(predictions(project, "üretim")))
