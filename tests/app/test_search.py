"""Predictions are found by id, entity, model, environment and time, newest first, page by page."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.recorded import record_many

from journeys.home import SETTINGS
from kervan.app import search as searching
from kervan.app.project import open_project
from kervan.app.records import predictions
from kervan.app.search import Found, Wanted, search
from kervan.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from kervan.app.project import Project

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}
ENTITY = SETTINGS.replace("[model]", 'entity = "kim"\n[model]')


@pytest.fixture
def crowded(lived: Home) -> Iterator[Project]:
    """A project with 3,000 predictions about 200 people over ten days, of which the newest lie in lines."""
    lived.write("kervan.toml", ENTITY)
    lived.ask("release")
    for whose in ("Ayşe", "Can"):
        lived.predict({**ROW, "kim": whose})
    lived.ask("release", "--stop")
    project = open_project(lived.folder)
    middle = time.time() - 5 * 86_400
    record_many(project, "üretim", 1_500, days=5, until=middle, entities=200)
    record_many(project, "üretim", 1_500, days=5, entities=200)
    yield project
    project.store.close()


def pages(project: Project, wanted: Wanted, limit: int = 50) -> Iterator[Found]:
    """Turn the pages to the last."""
    before = ""
    while True:
        found = search(project, wanted, before=before, limit=limit)
        yield found
        if not found.before:
            return
        assert not before or found.before < before
        before = found.before


def ids(project: Project, limit: int = 50, **wanted: Any) -> list[str]:
    return [each.id for page in pages(project, Wanted(**wanted), limit) for each in page.rows]


def test_every_page_together_is_what_is_on_record(crowded: Project) -> None:
    known = list(predictions(crowded, "üretim"))[::-1]
    assert len(known) == 3_002
    middle = known[1_500].time
    assert ids(crowded, 1_000) == [each.id for each in known]
    assert ids(crowded, 1_000, environment="müşteri-kaybı") == [each.id for each in known]
    assert ids(crowded, 7, entity="C-7") == [each.id for each in known if each.entity == "C-7"]
    assert len(ids(crowded, entity="C-7", model="müşteri-kaybı@1.0.0")) > 5
    assert ids(crowded, model="başka") == ids(crowded, entity="C-77777") == []
    between = ids(crowded, since=middle, until=middle + 3_600)
    inside = [each for each in known if middle <= each.time < middle + 3_600]
    assert between
    assert abs(len(between) - len(inside)) <= 1  # ids tell times by the millisecond
    begin = known[10].id[:7]
    assert ids(crowded, ident=begin.lower()) == [each.id for each in known if each.id.startswith(begin)]


def test_what_is_written_at_the_moment_is_found_among_the_rest(lived: Home) -> None:
    lived.write("kervan.toml", ENTITY)
    lived.ask("release")
    made = [lived.predict({**ROW, "kim": whose})["id"] for whose in ("Ayşe", 17, "17", 'A"ş]e')]
    rows = [{**ROW, "kim": whose} for whose in ("Can", "17", 17.0, "<img src=x onerror=alert(1)>")]
    lived.write("çok.json", json.dumps(rows))
    many = [each["id"] for each in lived.ask("predict", "üretim", "-f", "çok.json", "--json").json]
    request = many[0].partition(".")[0]
    with lived.opened() as project:
        assert ids(project) == [many[0], *made[::-1]]
        assert ids(project, entity="17") == [many[1], made[2], made[1]]
        assert ids(project, entity='A"ş]e') == [made[3]]
        assert ids(project, 2, ident=request) == many
        assert ids(project, ident=many[2]) == [many[2]]
        assert ids(project, ident=made[0]) == [made[0]]
        (seen,) = search(project, Wanted(entity="<img src=x onerror=alert(1)>")).rows
        assert (seen.id, seen.rows, seen.entity) == (many[3], 4, rows[3]["kim"])
        assert seen.inputs == ROW
        assert seen.answer in {"evet", "hayır"}
        assert 0.5 <= (seen.probability or 0) <= 1
    listed = lived.ask("predictions", "--entity", "17", "--json").json
    assert [each["id"] for each in listed["rows"]] == [many[1], made[2], made[1]]
    assert made[0] in lived.ask("predictions", "üretim", "--since", "1d").out
    assert f"--before {made[3]}" in lived.ask("predictions", "--limit", "2").out


def test_the_newest_that_came_back_is_beside_a_prediction(lived: Home) -> None:
    lived.ask("release")
    ids = [lived.predict(ROW)["id"] for _ in range(3)]
    said = [{"id": ids[0], "label": "evet"}, {"id": ids[1], "reward": 2}, {"id": ids[0], "label": "hayır"}]
    lived.write("dönen.json", json.dumps(said))
    lived.ask("feedback", "dönen.json", "üretim")
    with lived.opened() as project:
        found = search(project, Wanted()).rows
    assert [(each.label, each.reward) for each in found] == [(None, None), (None, 2.0), ("hayır", None)]


def test_where_records_hold_pseudonyms_a_name_finds_its_own(lived: Home) -> None:
    lived.write("kervan.toml", f'{ENTITY}[records]\nhash = ["kim"]\n')
    lived.ask("release")
    made = [lived.predict({**ROW, "kim": whose})["id"] for whose in ("Ayşe", "Can")]
    with lived.opened() as project:
        (seen,) = search(project, Wanted(entity="Ayşe")).rows
        assert seen.id == made[0]
        assert seen.entity != "Ayşe"
        assert ids(project, entity=seen.entity) == [made[0]]


def test_what_time_left_out_is_said_and_asked_for_next(
    crowded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = ids(crowded, entity="C-7")
    monkeypatch.setattr(searching, "_SECONDS", -1.0)
    found = list(pages(crowded, Wanted(entity="C-7")))
    assert [each.id for page in found for each in page.rows] == everything
    assert len(found) > 1
    assert found[0].looked is not None
    assert found[0].looked < time.time()
    assert found[-1].looked is None


def test_what_is_no_id_and_what_is_no_page_is_refused(lived: Home) -> None:
    with lived.opened() as project:
        assert search(project, Wanted()) == Found()
        assert search(project, Wanted(ident="01JD4Z8Y7W0000000000000000")) == Found()
        with pytest.raises(InvalidInput, match="begins with"):
            search(project, Wanted(ident="U"))
        with pytest.raises(InvalidInput, match="not a prediction's id"):
            search(project, Wanted(ident="01.x"))
        with pytest.raises(InvalidInput, match="cannot be a page"):
            search(project, Wanted(), limit=0)
