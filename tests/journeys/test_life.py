"""A project over time: only what changed runs again, versions tell the truth, letters stay letters."""

from __future__ import annotations

import json
import random
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from journeys.home import CITIES, HEADER, SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

UNRELEASED = SETTINGS.partition("[release]")[0]
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


def test_the_whole_life_of_a_project_in_turkish(home: Home) -> None:
    home.environ["KERVAN_WORKSPACE_ACTOR"] = "Işıl Öğüt"
    first = home.start().run("run", "--json", "--why", "ilk sürüm")
    assert first.json["model"] == "müşteri-kaybı@1.0.0"
    assert first.json["environment"] == "üretim"

    again = home.run("run", "--json")
    steps = [line for line in again.err.splitlines() if re.search(r"\d of \d", line)]
    assert {line.split()[1] for line in steps} >= {"describe", "compare_candidate[linear]", "fit_candidate"}
    assert all(line.startswith("· ") and "known" in line for line in steps)
    assert again.json["model"] == first.json["model"]
    assert again.json["address"] == first.json["address"]
    assert len(home.ask("releases", "--json").json) == 1

    rows = [{**ROW, "şehir": city, "yaş": 20 + place % 60} for place, city in enumerate(CITIES * 50)]
    home.write("istek.csv", as_csv([[row[name] or "" for name in HEADER[1:5]] for row in rows], HEADER[1:5]))
    answers = home.run("predict", "üretim", "-f", "istek.csv", "--json").json
    assert len(answers) == 200
    assert {answer["label"] for answer in answers} == {"evet", "hayır"}
    assert "evet" in home.run("predict", "üretim", "-f", "istek.csv").out
    assert "şehir" in home.run("drift", "üretim", "--html", "kayma.html").out
    assert "şehir" in (home.folder / "kayma.html").read_text(encoding="utf-8")
    traced = home.run("trace", answers[3]["id"]).out
    for part in ("ısparta", "müşteriler.csv", "Işıl Öğüt", "ilk sürüm", "müşteri-kaybı@1.0.0", "üretim"):
        assert part in traced
    trail = home.run("audit").out
    assert "Işıl Öğüt" in trail
    assert "ilk sürüm" in trail
    assert "holds" in home.run("audit", "verify").out
    for page in (home.folder / ".kervan" / "reports").iterdir():
        assert "müşteri-kaybı" in page.name
        assert "yaş" in page.read_text(encoding="utf-8") or "evet" in page.read_text(encoding="utf-8")


CHANGES = {
    "more rows": ("1.0.1", HEADER, UNRELEASED),
    "another setting": ("1.0.1", HEADER, UNRELEASED.replace("folds = 2", "folds = 2\nseed = 7")),
    "a column less": ("2.0.0", tuple(name for name in HEADER if name != "gelir"), UNRELEASED),
    "an optional column more": ("1.1.0", (*HEADER[:5], "puan", HEADER[5]), UNRELEASED),
    "a column renamed": (
        "2.0.0",
        tuple("kazanç" if name == "gelir" else name for name in HEADER),
        UNRELEASED,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_version_rises_as_far_as_callers_feel_it(lived: Home, change: str) -> None:
    version, header, settings = CHANGES[change]
    rows = [*customers(200), *customers(60, seed=5)]
    table = [dict(zip(HEADER, row, strict=True)) for row in rows]
    for place, row in enumerate(table):
        row["puan"] = "" if place % 3 else place / 100
        row["kazanç"] = row["gelir"]
    lived.write("müşteriler.csv", as_csv([[row[name] for name in header] for row in table], header))
    lived.write("kervan.toml", settings)
    found = lived.ask("run", "--json", "--why", change)
    assert found.json["model"] == f"müşteri-kaybı@{version}"
    assert found.json["data"] == "müşteri-kaybı:2"
    assert "✓ compare_candidate[linear]" in found.err
    assert lived.ask("run", "--json").json["model"] == f"müşteri-kaybı@{version}"
    lived.ask("audit", "verify")


def test_going_back_to_the_old_table_brings_back_what_is_known(lived: Home) -> None:
    lived.write("kervan.toml", UNRELEASED)
    lived.write("müşteriler.csv", as_csv([*customers(200), *customers(60, seed=5)]))
    lived.ask("run", "--quiet", "--why", "yeni satırlar")
    lived.write("müşteriler.csv", as_csv(customers(200)))
    back = lived.ask("run", "--json", "--why", "geri")
    assert "✓ compare_candidate" not in back.err
    assert back.json["model"] == "müşteri-kaybı@1.0.0"


def test_what_answers_goes_forward_and_back(lived: Home) -> None:
    lived.write("müşteriler.csv", as_csv([*customers(200), *customers(60, seed=5)]))
    lived.ask("run", "--quiet", "--why", "yeni satırlar")
    assert lived.predict(ROW)["model"] == "müşteri-kaybı@1.0.1"
    lived.ask("release", "müşteri-kaybı@1.0.0", "--why", "geri dönüş")
    assert lived.predict(ROW)["model"] == "müşteri-kaybı@1.0.0"
    found = lived.ask("releases", "--json").json
    assert [each["why"] for each in found] == ["geri dönüş", "yeni satırlar", ""]
    assert lived.ask("releases").out.count("●") == 1


def test_two_environments_answer_side_by_side(lived: Home) -> None:
    lived.ask("release")
    lived.ask("release", "müşteri-kaybı@1.0.0", "--to", "deneme", "--port", "0")
    one, two = (
        lived.ask("predict", name, "--row", '{"yaş": 30, "şehir": "İstanbul", "gelir": 1}', "--json")
        for name in ("üretim", "deneme")
    )
    assert one.json[0]["probabilities"] == two.json[0]["probabilities"]
    lived.ask("release", "--stop", "--to", "deneme")
    lived.ask("predict", "deneme", "--row", "{}", code=8)
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}


def test_what_was_released_answers_for_packages_of_its_project_alone(lived: Home) -> None:
    told = lived.ask("package", "key", "--json").json
    [wanted] = lived.folder.glob(".kervan/environments/üretim/serving.json")
    assert json.loads(wanted.read_bytes())["trusted"] == [told["key_id"]]


def test_dates_and_times_live_too(home: Home) -> None:
    """Tickets sell on weekends and in the evening: only who reads the calendar can tell."""
    start = datetime(2023, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    moments = [start + timedelta(minutes=97 * place) for place in range(900)]
    rows = [[at.date(), at, 100 * (at.weekday() >= 5) + 5 * at.hour] for at in moments]
    home.write("bilet.csv", as_csv(rows, ("gün", "an", "satış")))
    lines = (
        "[data]",
        'source = "bilet.csv"',
        'target = "satış"',
        "[model]",
        'families = ["tree"]',
        "folds = 2",
    )
    home.write(
        "kervan.toml",
        "\n".join(['[project]\nname = "bilet"', *lines, "[release]", 'to = "production"', "port = 0"]),
    )
    home.ask("run", "--quiet")
    rows = [
        {"gün": "2023-02-25", "an": "2023-02-25T20:00:00"},
        {"gün": "2023-02-22", "an": "2023-02-22 20:00"},
    ]
    weekend, weekday = (home.ask("predict", "-r", json.dumps(row), "--json").json[0]["value"] for row in rows)
    assert abs(weekend - 200) < 10
    assert abs(weekday - 100) < 10
    answers = home.ask("predict", "-f", "bilet.csv", "--json").json
    assert len(answers) == 900
    assert (
        "'an': yarın is no time"
        in home.ask("predict", "-r", '{"gün": "2023-02-25", "an": "yarın"}', code=2).err
    )
    assert home.ask("drift", "--json").json["body"]["columns"] == []


def test_free_texts_live_too(home: Home) -> None:
    """Who complains leaves: only who reads the words can tell."""
    dice = random.Random(0)
    common = ["kargo", "paket", "geldi", "ve", "🎉"]
    ends = {"kaldı": ("ŞAHANE", "İyi!"), "gitti": ("berbat", "Kötü")}
    said = [
        [place, " ".join([*dice.sample(common, 3), dice.choice(ends[sign])]), sign]
        for place, sign in enumerate(["gitti", "kaldı"] * 150)
    ]
    home.write("yorum.csv", as_csv(said, ("no", "yorum", "sonuç")))
    settings = """project = { name = "yorum" }
data = { source = "yorum.csv", target = "sonuç" }
model = { families = ["linear"], folds = 2, texts = ["yorum"], goal = { metric = "f1", at_least = 0.95 } }
package = { formats = ["onnx", "c"] }
release = { to = "production", port = 0 }
"""
    home.write("kervan.toml", settings.replace('"yorum"]', '"yorm"]'))
    assert 'did you mean "yorum"' in home.ask("run", "--quiet", code=2).err
    home.write("kervan.toml", settings)
    address = home.ask("run", "--quiet", "--json").json["address"]

    def label(text: str) -> str:
        row = json.dumps({"no": 7, "yorum": text})
        [answer] = home.ask("predict", "-r", row, "--json").json
        return str(answer["label"])

    assert label("paket ve kargo iyi") == label("sahane mi? ŞAHANE!") == "kaldı"
    assert label("KÖTÜ, kötü…") == label("Berbat.") == "gitti"
    assert "takes" in home.ask("predict", "-r", '{"no": 7}', code=2).err
    answers = home.ask("predict", "-f", "yorum.csv", "--json").json
    assert [answer["label"] for answer in answers] == [row[2] for row in said]
    tensors = [
        {"name": "no", "shape": [1, 1], "datatype": "INT64", "data": [7]},
        {"name": "yorum", "shape": [1, 1], "datatype": "BYTES", "data": ["iyi"]},
    ]
    request = urllib.request.Request(
        f"{address}/v2/models/yorum/infer",
        json.dumps({"inputs": tensors}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert "kaldı" in response.read().decode()
    assert [each["name"] for each in home.ask("drift", "--json").json["body"]["columns"]] == ["no"]
    assert home.ask("trace", answers[0]["id"], "--json").json["asked"]["inputs"]["yorum"] == said[0][1]
