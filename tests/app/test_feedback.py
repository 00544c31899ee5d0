"""Labels come back: by the id or by whom a prediction was about, from a server's callers and from files."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import polars as pl
import pytest

from journeys.home import SETTINGS
from kervan.app.feedback import count_feedback, labelled
from kervan.app.project import open_project
from kervan.app.records import predictions
from kervan.core.identity import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from journeys.home import Home
    from kervan.app.feedback import Labelled
    from kervan.app.project import Project

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}
ENTITY = SETTINGS.replace('target = "ayrıldı"\n', 'target = "ayrıldı"\nentity = "müşteri"\n')
LATER = "2200-01-01T00:00:00Z"


@pytest.fixture
def answering(lived: Home) -> Home:
    """A project whose records say whom rows are about, with its server."""
    lived.write("kervan.toml", ENTITY)
    lived.ask("release")
    return lived


@contextmanager
def opened(home: Home) -> Iterator[Project]:
    project = open_project(home.folder)
    yield project
    project.store.close()


def joined(home: Home, **options: Any) -> list[Labelled]:
    with opened(home) as project:
        return list(labelled(project, "üretim", **options))


def asked(home: Home, *customers: str) -> list[str]:
    """Ask for a row of each customer by itself, and return the ids of the answers."""
    return [home.predict({**ROW, "müşteri": each})["id"] for each in customers]


def give(home: Home, content: str, name: str = "etiket.csv", code: int = 0) -> Any:
    home.write(name, content)
    return home.ask("feedback", name, "üretim", "--json", code=code)


def test_labels_of_a_file_join_their_predictions_and_a_trace_shows_them(answering: Home) -> None:
    first, second = asked(answering, "A", "B")
    unknown = new_id()
    told = give(answering, f"id,label\n{first},evet\n{second},hayır\n{unknown},evet\n").json
    assert (told["rows"], told["all"]) == (3, {"taken": 3, "known": 2, "unknown": 1})
    assert [(each.id, each.label) for each in joined(answering)] == [(first, "evet"), (second, "hayır")]
    found = answering.ask("trace", first, "--json").json["asked"]
    assert (found["label"], found["entity"], found["flags"]["missing"]) == ("evet", "A", ["0"])
    give(
        answering, json.dumps({"prediction": f"{first}.0", "ayrıldı": "hayır", "reward": 0.5}), "yine.ndjson"
    )
    (again, other) = joined(answering)
    assert (again.label, again.reward, other.label) == ("hayır", 0.5, "hayır")
    assert [each.label for each in again.feedback] == ["evet", "hayır"]
    text = answering.ask("trace", first).out
    assert "label hayır, reward 0.5" in text
    assert "0 missing" in text
    assert "files of prediction records hold" in answering.ask("audit", "verify").out


def test_a_label_finds_the_newest_prediction_about_somebody_by_then(answering: Home) -> None:
    before, _other, after = asked(answering, "A", "B", "A")
    with opened(answering) as project:
        times = {each.id: each.time for each in predictions(project, "üretim")}
    between = (times[before] + times[after]) / 2
    rows = [
        {"entity": "A", "time": between, "label": "evet"},
        {"müşteri": "A", "time": LATER, "label": "hayır"},
        {"entity": "A", "time": 1.0, "label": "evet"},  # there was none yet
        {"entity": "C", "time": LATER, "label": "evet"},
    ]
    told = give(answering, json.dumps(rows), "etiket.json").json["all"]
    assert told == {"taken": 4, "known": 2, "unknown": 2}
    assert [(each.id, each.label) for each in joined(answering)] == [(before, "evet"), (after, "hayır")]
    for ident, label in ((before, "evet"), (after, "hayır")):
        assert answering.ask("trace", ident, "--json").json["asked"]["label"] == label


def test_rows_of_one_request_have_labels_of_their_own(answering: Home) -> None:
    rows = [{**ROW, "müşteri": each} for each in "ABC"]
    answering.write("çok.json", json.dumps(rows))
    ids = [each["id"] for each in answering.ask("predict", "üretim", "-f", "çok.json", "--json").json]
    record = ids[0].partition(".")[0]
    table = pl.DataFrame({"id": [ids[1], record, ids[0]], "label": ["evet", "evet", "hayır"]})
    table.write_parquet(answering.folder / "etiket.parquet")
    told = answering.ask("feedback", "etiket.parquet", "üretim", "--json").json["all"]
    assert told == {"taken": 3, "known": 2, "unknown": 1}  # which row of the request is not said
    assert [(each.row, each.label, each.prediction.about(each.row)) for each in joined(answering)] == [
        (0, "hayır", "A"),
        (1, "evet", "B"),
    ]
    assert joined(answering, model="müşteri-kaybı@9.0.0") == []


def test_a_caller_gives_back_what_was_true(answering: Home) -> None:
    (ident,) = asked(answering, "A")
    address = answering.ask("releases", "--json").json[0]["endpoint"]
    for label in ("hayır", "evet"):
        body = json.dumps({"entity": "A", "time": LATER, "label": label}).encode()
        with urlopen(Request(f"{address}/feedback", body, {"content-type": "application/json"})) as reply:
            assert reply.status == 202
    answering.ask("release", "--stop")  # all is written then
    (found,) = joined(answering)
    assert (found.id, found.label, len(found.feedback)) == (ident, "evet", 2)
    with opened(answering) as project:
        assert count_feedback(project, "üretim").unknown == 0
    answering.ask("audit", "verify")
    (segment,) = answering.folder.glob(".kervan/predictions/üretim/feedback/*.jsonl")
    altered = segment.read_text().replace("hayır", "belki")
    segment.write_text(altered)
    assert segment.name in answering.ask("audit", "verify", code=6).err
    segment.unlink()
    assert "was removed" in answering.ask("audit", "verify", code=6).err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,label\n{0},evet\nyok,evet\n", "row 2, 'id': 'yok' is not a prediction's id"),
        ("id,etiket\n{0},evet\n", "row 1, 'etiket': has no meaning here"),
        ("id,label\n{0},\n", "row 1, 'label': is missing"),
        ("entity,time,label\nA,dün,evet\n", "row 1, 'time': 'dün' is no time"),
    ],
)
def test_a_file_with_a_row_that_cannot_be_is_refused_whole(answering: Home, content: str, said: str) -> None:
    told = give(answering, content.format(new_id()), code=2).problem
    assert said in told["message"]
    assert "etiket.csv" in told["message"]
    assert told["hint"]
    with opened(answering) as project:
        assert count_feedback(project, "üretim").taken == 0


def test_pseudonyms_stand_for_names_in_records_and_feedback(lived: Home) -> None:
    rules = '[records]\nhash = ["müşteri", "şehir"]\nleave_out = ["gelir"]\n'
    lived.write("kervan.toml", ENTITY + rules)
    lived.ask("release")
    (ident,) = asked(lived, "Ada Lovelace")
    give(lived, "entity,time,label\nAda Lovelace,2200-01-01,evet\n")
    found = lived.ask("trace", ident, "--json").json
    assert found["asked"]["label"] == "evet"
    assert found["prediction"]["withheld"] == ["gelir", "şehir"]
    assert "gelir" not in found["asked"]["inputs"]
    assert found["asked"]["flags"] == {"unseen": [], "missing": ["0"]}
    assert not _holds(lived.folder / ".kervan" / "predictions", "Lovelace", "ısparta")


def _holds(folder: Path, *texts: str) -> bool:
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return any(text.encode() in each for text in texts for each in written)
