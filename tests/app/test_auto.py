"""From a table alone to an accepted model, and a project that repeats it."""

from __future__ import annotations

import json
import random
import tomllib
from typing import TYPE_CHECKING

import pytest
from sklearn.datasets import load_wine

import kervan as kv
from kervan.core.errors import Conflict

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home


def test_a_table_is_enough(home: Home) -> None:
    frame = load_wine(as_frame=True).frame.rename(columns={"target": "class"})
    frame["class"] = frame["class"].map({0: "bir", 1: "iki", 2: "üç"})
    home.write("wine.csv", frame.to_csv(index=False))
    found = home.ask("auto", "wine.csv", "--budget", "30s", "--into", "şarap", "--json")
    assert "it is 'class'" in found.err
    told = found.json
    assert told["model"] == "şarap@1.0.0"
    story = " ".join(told["story"])
    for words in ("178 rows", "candidates of", "On the sealed rows, opened once", "şarap@1.0.0"):
        assert words in story
    folder = home.folder / "şarap"
    settings = tomllib.loads((folder / "kervan.toml").read_text(encoding="utf-8"))
    assert settings["model"]["families"] == []
    assert len(settings["model"]["candidates"]) == 1
    assert "şarap" in (folder / "model-card.md").read_text(encoding="utf-8")
    again = home.ask("run", "-C", "şarap", "--json")
    assert again.json["model"] == "şarap@1.0.0", "the same model, so the same version"
    written = (folder / "kervan.toml").read_bytes()
    assert (
        "about 'class' of '../wine.csv'"
        in home.ask("auto", "wine.csv", "--target", "ash", "--into", "şarap", code=None).err
    )
    further = home.ask("auto", "wine.csv", "--budget", "15s", "--into", "şarap", "--json").json
    if further["is_new"]:
        assert "opened once more, as şarap@1.0.0 was there before" in " ".join(further["story"])
    else:
        assert further["model"] == "şarap@1.0.0"
        assert further["story"][-1].startswith("şarap@1.0.0 stays: ")
        assert (folder / "kervan.toml").read_bytes() == written
    with kv.open(folder) as ws:
        model = ws.model("şarap")
        families = {each.family for each in model.leaderboard()}
        assert settings["model"]["candidates"][0]["family"] in families
        assert len(families) > 1
        assert model.reproduce().is_same


def test_texts_that_are_numbers_or_dates_are_read_so_and_asked_so(home: Home) -> None:
    dice = random.Random(2)
    rows = []
    for number in range(200):
        area, day, month = dice.randint(40, 200), dice.randint(1, 28), dice.randint(1, 12)
        price = f"{area * 1_000 + dice.gauss(0, 9_000):,.2f}".translate(str.maketrans(",.", ".,"))
        code = f"{dice.randint(1, 12):02}/{dice.randint(1, 12):02}/2025"  # nobody can tell the day
        seen = f"{day:02}.{month:02}.2025 0{number % 9}:30" if number % 9 else "yok"
        note = ("iyi", "12 kg", "none")[number % 3]
        ready = ("unknown", "boş")[number % 2]  # words alone are categories
        rows.append(f"{area} m²;{day:02}.{month:02}.2025;{code};{price} TL;{note};{seen};{ready};\n")
    home.write("evler.csv", "alan;ilan;kod;fiyat;not;görüldü;hazır;hiç\n" + "".join(rows))
    told = home.ask("auto", "evler.csv", "--target", "fiyat", "--budget", "10s", "--into", "ev", "--json")
    story = " ".join(told.json["story"])
    assert "Read as numbers: 'alan', 'fiyat'" in story
    assert "Read as dates: 'ilan'" in story
    assert "which number 'fiyat' has" in story
    settings = tomllib.loads((home.folder / "ev" / "kervan.toml").read_text(encoding="utf-8"))
    assert settings["data"]["steps"] == [
        {"parse": ["alan", "fiyat"], "to": "number"},
        {"parse": ["ilan"], "to": "date"},
        {"parse": ["görüldü"], "to": "datetime"},
    ]
    assert "Read as missing: 'yok'." in story
    assert settings["data"]["missing"][-1] == "yok"
    home.ask("release", "--quiet", "-C", "ev")
    rest = {"kod": "01/02/2025", "not": "iyi", "görüldü": "yok", "hazır": "boş"}
    alike, same = (
        home.ask("predict", "-C", "ev", "--row", json.dumps({**rest, **row}), "--json").json[0]["value"]
        for row in ({"alan": "120 m²", "ilan": "31.12.2025"}, {"alan": 120, "ilan": "2025-12-31"})
    )
    home.ask("release", "--stop", "-C", "ev")
    assert alike == same


def test_a_source_is_written_as_it_is_seen_from_the_folder(home: Home) -> None:
    assert "there is no file yok.csv" in home.ask("auto", "yok.csv", "--into", "x", code=3).err
    assert not (home.folder / "x").exists()
    for part in ("a", "b"):
        rows = "".join(f"{place},{place % 7},{place % 2}\n" for place in range(60))
        home.write(f"parts/{part}.csv", "n,m,y\n" + rows)
    home.ask("auto", "parts/*.csv", "--target", "y", "--metric", "log_loss", "--budget", "4s", "--into", "p")
    settings = tomllib.loads((home.folder / "p" / "kervan.toml").read_text(encoding="utf-8"))
    assert settings["data"]["source"] == "../parts/*.csv"


@pytest.mark.parametrize("depth", [2, 4])
def test_only_a_better_model_becomes_a_version_where_there_was_one(home: Home, depth: int) -> None:
    """A line tells the classes apart: anything is better than two cuts. Of a corner a tree knows all.

    The better one takes missing values too, so that it is a minor version.
    """
    is_better = depth == 2
    cells = [(a, b) for a in range(15) for b in range(15)]
    random.Random(0).shuffle(cells)
    told = ["evet" if (a + b > 14 if is_better else min(a, b) > 7) else "hayır" for a, b in cells]
    home.write("k.csv", "a,b,y\n" + "".join(f"{a},{b},{y}\n" for (a, b), y in zip(cells, told, strict=True)))
    written = home.write(
        "kervan.toml",
        f"""
[project]
name = "köşe"
[data]
source = "k.csv"
target = "y"
split = {{ train = 0.8, validation = 0.1, test = 0.1 }}
[model]
families = []
candidates = [{{ family = "tree", parameters = {{ max_depth = {depth} }} }}]
folds = 3
""",
    )
    before = written.read_bytes()
    assert home.ask("run", "--json").json["model"] == "köşe@1.0.0"
    found = home.ask("auto", "k.csv", "--budget", "5s", "--into", ".", "--json").json
    models = [f"{each['name']}@{each['version']}" for each in home.ask("models", "--json").json]
    if is_better:
        assert (found["model"], found["is_new"], models) == ("köşe@1.1.0", True, ["köşe@1.1.0", "köşe@1.0.0"])
        assert b"max_depth = 2 " not in written.read_bytes()
    else:
        assert (found["model"], found["is_new"], models) == ("köşe@1.0.0", False, ["köşe@1.0.0"])
        assert found["story"][-1].startswith("köşe@1.0.0 stays: roc_auc ")
        assert written.read_bytes() == before


def test_python_asks_alike(home: Home) -> None:
    home.write("kervan.toml", "")
    with pytest.raises(Conflict, match="exists already"):
        kv.auto("wine.csv", into=home.folder, budget="30s")


def test_what_cannot_be_read_leaves_nothing_behind(home: Home) -> None:
    assert "no-such" in home.ask("auto", "no-such.csv", "--into", "yeni", code=3).err
    assert not (home.folder / "yeni" / "kervan.toml").exists()
    assert "leaves no time" in home.ask("auto", "x.csv", "--budget", "0s", "--into", "yeni", code=2).err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project]\nname = 'a'\n[data]\nsource = 'w.csv'\ntarget = 'y'\n[model]\n[release]\n", "says more"),
        (
            "[project]\nname = 'a'\n[data]\nsource = 'w.csv'\ntarget = 'y'\n[model]\ntexts = ['z']\n",
            "says more",
        ),
        ("[project]\nname = 'a'\n[data]\nsource = 'x.csv'\ntarget = 'y'\n[model]\n", "about 'y' of 'x.csv'"),
        ("[project\n", "says more"),
    ],
)
def test_a_project_that_is_another_one_is_left_alone(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "kervan.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Conflict, match=words) as caught:
        kv.auto("w.csv", into=tmp_path, budget="30s")
    assert "--into" in caught.value.hint
    assert (tmp_path / "kervan.toml").read_text(encoding="utf-8") == text


def test_a_row_may_lack_what_no_row_of_the_table_lacked(home: Home) -> None:
    rows = "".join(f"{place % 7},{place % 5},{'yes' if place % 7 > 3 else 'no'}\n" for place in range(90))
    home.write("bought.csv", "x,z,bought\n" + rows)
    home.ask("auto", "bought.csv", "--target", "bought", "--budget", "8s", "--into", "k")
    settings = tomllib.loads((home.folder / "k" / "kervan.toml").read_text(encoding="utf-8"))
    assert settings["model"]["absent"] == "fill"
    with kv.open(home.folder / "k") as ws:
        model = ws.model("k")
        for lacking in ({"x": None, "z": 1}, {"x": 6, "z": None}, {"x": None, "z": None}):
            assert model.explain(lacking)


def test_numbers_are_classes_where_the_metric_is_one_of_classes(home: Home) -> None:
    rows = "".join(f"{place * 0.37 % 11:.3f},{place % 3},{1 + place % 3}\n" for place in range(4000))
    home.write("kinds.csv", "x,z,kind\n" + rows)
    asked = ("auto", "kinds.csv", "--target", "kind", "--metric", "log_loss", "--budget", "8s", "--into", "k")
    assert "which class 'kind' has" in " ".join(home.ask(*asked, "--json").json["story"])
    settings = tomllib.loads((home.folder / "k" / "kervan.toml").read_text(encoding="utf-8"))
    assert settings["model"]["task"] == "classification"
    assert settings["model"]["goal"] == {"metric": "log_loss"}
    assert settings["data"]["split"] == {"train": 0.85, "validation": 0.05, "test": 0.1}


def test_a_column_that_names_its_rows_is_not_what_is_predicted(home: Home) -> None:
    rows = "".join(f"{place % 7},{'yes' if place % 7 > 3 else 'no'},K-{place:04d}\n" for place in range(60))
    home.write("bought.csv", "x,bought,customer\n" + rows)
    assert "it is 'bought'" in home.ask("auto", "bought.csv", "--budget", "5s", "--into", "k", code=None).err
