"""Where a model fails and why it answers so, asked as users ask: of a model, a run, a row, a prediction."""

from __future__ import annotations

import json
import shutil

import pytest

import kervan as kv
from journeys.home import SETTINGS, Home, as_csv, customers

ROW = {"yaş": 30, "şehir": "Ankara", "gelir": 9_000.5, "0": None}
WITHOUT_RELEASE = SETTINGS.partition("[release]")[0]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A project that was trained, which nobody changes."""
    found = Home(tmp_path_factory.mktemp("trained"))
    found.start(rows=900, settings=WITHOUT_RELEASE + 'groups = ["şehir"]\n')
    found.ask("run", "--quiet")
    return found


@pytest.fixture
def trained(home: Home, once: Home) -> Home:
    """A copy of it."""
    shutil.copytree(once.folder, home.folder, dirs_exist_ok=True)
    return home


def test_errors_are_on_record_and_shown_as_text_json_and_page(trained: Home) -> None:
    runs = trained.ask("runs", "--json").json
    found = trained.ask("errors", "--json").json
    errors = found["look"]["errors"]
    assert errors["rows"] == errors["looked"] > 50
    assert {each["column"] for each in errors["groups"]} == {"şehir"}
    assert all(not each["values"] for each in errors["examples"])
    text = trained.ask("errors", "müşteri-kaybı@1.0.0").out
    for wanted in ("Worst segments", "Calibration", "Groups by şehir", "Inputs", "roc_auc"):
        assert wanted in text
    trained.ask("errors", "--html", "sayfa.html")
    page = (trained.folder / "sayfa.html").read_text(encoding="utf-8")
    assert "müşteri-kaybı@1.0.0" in page
    assert "Why it answers as it does" in page
    assert trained.ask("runs", "--json").json == runs  # nothing was looked at anew


def test_what_is_not_on_record_is_looked_at_now_and_then_known(home: Home) -> None:
    home.start(rows=900, settings=WITHOUT_RELEASE + "analyse = false\n")
    home.ask("run", "--quiet")
    assert len(home.ask("runs", "--json").json) == 1
    first = home.ask("errors", "--json").json
    assert len(home.ask("runs", "--json").json) == 2
    assert home.ask("errors", "--json").json == first
    assert len(home.ask("runs", "--json").json) == 2
    home.write("kervan.toml", WITHOUT_RELEASE + "examples = true\n")
    shown = home.ask("errors", "--json").json["look"]["errors"]["examples"]
    assert set(shown[0]["values"]) == {"yaş", "şehir", "gelir", "0"}


def test_a_learning_curve_is_drawn_when_somebody_asks(trained: Home) -> None:
    assert trained.ask("errors", "--json").json["learning"] is None
    found = trained.ask("errors", "--learning-curve", "--json").json["learning"]
    sizes = [each["rows"] for each in found["points"]]
    assert sizes == sorted(sizes)
    assert len(sizes) == 5
    assert found["low"] <= found["doubled"] <= found["high"]
    assert trained.ask("errors", "--json").json["learning"] == found


def test_the_candidate_of_a_run_is_looked_at_too(trained: Home) -> None:
    run = trained.ask("runs", "--json").json[0]["id"]
    found = trained.ask("errors", run, "--json").json
    assert found["subject"]["name"] == f"run {run}"
    assert "0" * 26 in trained.ask("errors", "0" * 26, code=3).err


def test_groups_must_be_columns_that_are_there(trained: Home) -> None:
    trained.write("kervan.toml", WITHOUT_RELEASE + 'groups = ["sehir"]\n')
    problem = trained.ask("errors", "--json", code=2).problem
    assert "no column 'sehir'" in problem["message"]
    assert "şehir" in problem["hint"]


def test_the_contributions_of_a_row_add_up_to_its_answer(trained: Home) -> None:
    (found,) = trained.ask("explain", "--row", json.dumps(ROW), "--json").json
    why = found["reasons"]
    total = why["base"] + sum(each["amount"] for each in why["contributions"])
    assert total == pytest.approx(why["answer"], abs=1e-6)
    assert {each["name"] for each in why["contributions"]} == {"yaş", "şehir", "gelir", "0"}
    text = trained.ask("explain", "--row", json.dumps(ROW)).out
    assert "mean answer" in text
    assert "Ankara" in text


def test_rows_of_a_file_are_explained_and_mistakes_named(trained: Home) -> None:
    trained.write("satırlar.csv", as_csv(customers(3, seed=9)))
    assert [each["row"] for each in trained.ask("explain", "-f", "satırlar.csv", "--json").json] == [1, 2, 3]
    trained.write("çok.csv", as_csv(customers(101, seed=9)))
    assert "at most 100" in trained.ask("explain", "-f", "çok.csv", "--json", code=2).problem["hint"]
    problem = trained.ask("explain", "--row", json.dumps({**ROW, "yaş": "genç"}), "--json", code=2).problem
    assert "row 1, 'yaş'" in problem["message"]
    assert trained.ask("explain", code=2).err.count("give one row by --row JSON") == 1


def test_a_recorded_prediction_is_explained_by_the_model_that_gave_it(home: Home) -> None:
    home.start(rows=300)
    home.ask("run", "--quiet")
    answer = home.ask("predict", "üretim", "--row", json.dumps(ROW), "--json").json[0]
    (found,) = home.ask("explain", "--prediction", answer["id"], "--json").json
    assert found["model"] == "müşteri-kaybı@1.0.0"
    assert found["reasons"]["about"] == answer["label"]
    assert found["reasons"]["answer"] == pytest.approx(answer["probabilities"][answer["label"]])
    assert home.ask("explain", "müşteri-kaybı", "--prediction", answer["id"], code=2).err


def test_python_gives_the_same(trained: Home) -> None:
    with kv.open(trained.folder) as workspace:
        model = workspace.model("müşteri-kaybı")
        seen = model.error_analysis()
        assert seen.errors.looked == seen.errors.rows
        assert seen.learning_curve is None
        assert "iframe" in seen._repr_html_()
        assert "Errors of müşteri-kaybı@1.0.0" in repr(seen.show())
        why = model.explain(ROW)
        assert sum(why.contributions.values()) == pytest.approx(
            why.reasons.answer - why.reasons.base, abs=1e-6
        )
        assert "svg" in why._repr_html_()
