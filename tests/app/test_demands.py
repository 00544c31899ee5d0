"""What a project demands besides one metric: costs, a threshold, limits, behaviour, beating production."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import kervan as kv
from journeys.home import SETTINGS
from kervan.app.model import model_view
from kervan.app.model_page import page_of
from ui.visitor import visiting

if TYPE_CHECKING:
    from journeys.home import Home

COSTS = '[model.costs]\ncurrency = "TRY"\nfalse_positive = 5\nfalse_negative = 1\n'
LOST = """\
import kervan as kv

@kv.metric(task="classification", higher_is_better=False)
def lost(truth, labels):
    return ((truth == "evet") & (labels == "hayır")).mean()
"""
NO_RELEASE = SETTINGS.partition("[release]")[0]


def model(more: str, tables: str = "") -> str:
    return NO_RELEASE.replace("folds = 2", f"folds = 2\n{more}") + tables


def test_costs_choose_the_threshold_that_the_server_names_classes_by(home: Home) -> None:
    goal = 'folds = 2\ncalibrate = "isotonic"\ngoal = { metric = "cost", at_most = 1.0 }'
    goals = '[[model.goals]]\nmetric = "roc_auc"\n[[model.goals]]\nmetric = "log_loss"\n'
    home.start(400, SETTINGS.replace("folds = 2", goal) + COSTS + goals)
    found = home.ask("run", "--json").json
    shown = home.ask("models", found["model"], "--json").json
    threshold = shown["signature"]["threshold"]
    assert 0.5 < threshold < 1  # an alarm costs five times as much: the last class needs to be likely
    for age in (20, 55, 88):
        answer = home.predict({"yaş": age, "şehir": "Ankara", "gelir": 20_000.0})
        wanted = "hayır" if answer["probabilities"]["hayır"] >= threshold else "evet"
        assert answer["label"] == wanted

    with visiting(home.folder) as visitor:
        page = visitor.get(f"/models/{found['model']}?show=quality")
    assert "Cost of a row by threshold" in page
    assert f"from a probability of {threshold:g} on" in page
    assert page.count("less is better</text>") == 4  # three pairs: cost twice, log_loss twice
    assert page.count("Before and after calibration") == 1
    told = home.ask("models", found["model"]).out
    assert f"from a probability of {threshold:g} on, which gives the best cost on" in told
    assert "by isotonic: brier" in told
    assert "on the sealed test part they are not" in told
    with kv.open(home.folder) as workspace:
        assert workspace.model(found["model"]).front == ("linear",)
        card = next(each.text for each in model_view(workspace.project, found["model"]).cards)
        report = page_of(workspace.project, found["model"])
    assert "## Which class it names" in card
    assert "Its probabilities were calibrated by isotonic: brier" in card
    assert "Before and after calibration (isotonic)" in report
    assert report.count("Several goals") == 3
    assert "a little too good on these rows" in report


def test_candidates_are_not_tried_again_where_what_compares_them_stays(home: Home) -> None:
    def steps(more: str, costs: str) -> dict[str, bool]:
        home.write("kervan.toml", model(more, costs))
        run = home.ask("train", "--json").json["run"]
        found = home.ask("runs", "--show", run, "--json").json["steps"]
        return {each["name"]: each["cached"] for each in found}

    home.start(200)
    assert not any(cached for name, cached in steps("", COSTS).items() if name.startswith("compare_c"))
    written = '[package]\nformats = ["onnx", "c"]\n'
    calibrated = steps('calibrate = "sigmoid"', COSTS.replace("TRY", "EUR") + written)
    assert calibrated["compare_candidate[linear]"]
    assert calibrated["compare_candidate[baseline]"]
    assert not calibrated["fit_candidate"]


@pytest.mark.parametrize(
    ("more", "tables"),
    [
        ("", ""),
        ("", COSTS.replace("= 5", "= 50")),
        ('goal = { metric = "log_loss" }', '[[model.goals]]\nmetric = "f1"\n'),
        ("threshold = 0.3", ""),
        ('goal = { metric = "my_metrics:lost" }', ""),
    ],
)
def test_known_answers_are_measured_again_by_other_demands(home: Home, more: str, tables: str) -> None:
    def metrics(more: str, tables: str) -> tuple[dict[str, float], bool]:
        home.write("kervan.toml", model(more, tables))
        run = home.ask("train", "--json").json["run"]
        found = home.ask("runs", "--show", run, "--json").json
        tried = [each["cached"] for each in found["steps"] if each["name"].startswith("compare_c")]
        assert len(set(tried)) == 1
        return {name: value for name, value in found["metrics"].items() if name.startswith("cv.")}, tried[0]

    home.start(200)
    home.write("my_metrics.py", LOST)
    before, is_known = metrics("", COSTS)
    assert not is_known
    again, is_known = metrics(more, tables)
    assert is_known
    assert again != before
    shutil.rmtree(home.folder / ".kervan")
    afresh, is_known = metrics(more, tables)
    assert not is_known
    assert again == pytest.approx(afresh, rel=1e-12)


@pytest.mark.parametrize(
    ("more", "tables", "told"),
    [
        ('threshold = "cost"', "", "needs to know what answers cost"),
        ('threshold = "f3"', "", "nothing that a threshold is chosen by"),
        ("threshold = 1.5", "", "1.5 is no probability"),
        ('goal = { metric = "cost" }', "", "needs to know what answers cost"),
        ("", "[model.costs]\ntoo_high = 3\n", "are costs of numbers, and the target has classes"),
        ("", '[model.costs]\nclasses = ["evet", "yok"]\nmatrix = [[0, 1], [1, 0]]\n', "no class 'yok'"),
        ("", '[model.limits]\nlatency = "fast"\n', "'fast' is no time"),
        ("", '[model.limits]\nsize = "small"\n', "[model.limits] size"),
        ("", '[model.limits]\nmonotone = { "yas" = "up" }\n', "the model takes no column 'yas'"),
        ("", '[model.limits]\nmonotone = { "şehir" = "up" }\n', "is category: no order"),
        ("", '[model.limits]\nfairness = { column = "cinsiyet" }\n', "there is no column 'cinsiyet'"),
        (
            "",
            '[model.limits]\nfairness = { column = "şehir", metric = "rmse" }\n',
            "does not fit a classification",
        ),
        ("", '[[model.tests]]\nchange = { "şehir" = ["Bursa"] }\n', "no category 'Bursa'"),
        ("", '[[model.tests]]\nincrease = "yaş"\nexpect = "more"\n', "'more' is no direction"),
        ("", '[[model.tests]]\nincrease = "yaş"\nby = 5\nexpect = "up"\nof = "belki"\n', "no class 'belki'"),
        ("", '[[model.tests]]\nname = "x"\n', "a test has one of change, increase"),
        ("", '[[model.tests]]\nfile = "yok.csv"\n', "there is no file yok.csv"),
        ('tests_from = ["yok.py"]', "", "there is no file"),
        (
            "",
            '[package]\nformats = ["onnx", "postgresql"]\n',
            "'postgresql' cannot be proved here: there is no",
        ),
        ("", '[package]\nformats = ["c", "onnx", "cobol"]\n', "there is no format 'cobol'"),
        ('calibrate = "platt"', "", "'platt' is none of sigmoid, isotonic"),
        ('accept_if = "better"', "", "'better' is none of not worse than production"),
        ('goal = { metric = "my_metrics:gain" }', "", "my_metrics.py"),
    ],
)
def test_what_cannot_be_demanded_is_refused_before_training(
    home: Home, more: str, tables: str, told: str
) -> None:
    reply = home.start(100, model(more, tables)).ask("run", "--quiet", "--json", code=None)
    assert reply.code
    assert told in reply.problem["message"]
    assert reply.problem["hint"]
    assert "compare" not in reply.err


def test_a_metric_of_ones_own_is_the_goal(home: Home) -> None:
    home.write("my_metrics.py", LOST)
    home.start(200, model('goal = { metric = "my_metrics:lost", at_most = 0.3 }')).ask("run", "--quiet")
    (found,) = home.ask("models", "--json").json
    assert 0 <= found["metrics"]["my_metrics:lost (less is better)"] <= 0.3
    written = (home.folder / "my_metrics.py").read_text()
    home.write("my_metrics.py", written.replace("mean()", "missing()"))
    told = home.ask("run", "--quiet", code=2).err
    assert "my_metrics.py:5: the metric my_metrics:lost" in told


def test_a_model_that_misbehaves_is_not_registered_and_leaves_the_sealed_part_closed(home: Home) -> None:
    tests = """
[[model.tests]]
name = "the city does not matter"
change = { "şehir" = ["Ankara", "İstanbul"] }
may_move = 0.001
[[model.tests]]
increase = "yaş"
by = 20
expect = "up"
of = "hayır"
[[model.tests]]
where = { "şehir" = ["Ankara", "İstanbul"] }
at_least = 0.4
[[model.tests]]
name = "two that are clear"
rows = [
  { "yaş" = 19, "şehir" = "İstanbul", "gelir" = 9000.0, "ayrıldı" = "evet" },
  { "yaş" = 88, "şehir" = "Ankara", "gelir" = 60000.0, "ayrıldı" = "hayır" },
]
"""
    reply = home.start(300, model("", tests)).ask("run", "--quiet", "--json", code=4)
    assert "fails 1 of 4 tests of behaviour: the city does not matter: " in reply.problem["message"]
    assert "becomes" in reply.problem["message"]
    assert home.ask("models", "--json").json == []
    assert "opened test" not in {event["action"] for event in home.ask("audit", "--json").json}
    home.write("kervan.toml", model("", tests.replace("may_move = 0.001", "may_move = 0.9")))
    found = home.ask("run", "--quiet", "--json").json["model"]
    with visiting(home.folder) as visitor:
        assert "the city does not matter" in visitor.get(f"/models/{found}")


def test_tests_in_python_ask_the_written_model(home: Home) -> None:
    home.write(
        "my_tests.py",
        """\
import polars as pl
import kervan as kv

@kv.model_test
def test_old_people_stay(model):
    old = model.rows.with_columns(pl.lit(89).cast(pl.Int64).alias("yaş"), pl.lit(90_000.0).alias("gelir"))
    assert set(model.predict(old)) == {"hayır"}, "somebody of 89 leaves"
""",
    )
    home.start(300, model('tests_from = ["my_tests.py"]')).ask("run", "--quiet")
    home.write("my_tests.py", (home.folder / "my_tests.py").read_text().replace('{"hayır"}', '{"evet"}'))
    home.write("kervan.toml", model('tests_from = ["my_tests.py"]\nseed = 1'))
    told = home.ask("run", "--quiet", "--json", "--why", "again", code=4).problem["message"]
    assert "old people stay: 1 of 1 rows fail: somebody of 89 leaves" in told


def test_a_candidate_beside_the_model_before_it_on_the_same_rows(home: Home) -> None:
    home.start(400, model("")).ask("run", "--quiet")
    home.write("kervan.toml", model('accept_if = "better than production"').replace('"linear"', '"tree"'))
    reply = home.ask("run", "--quiet", "--json", "--why", "a tree", code=4)
    assert "müşteri-kaybı@1.0.0 on the same" in reply.problem["message"]
    assert "wanted is: better than production" in reply.problem["message"]
    assert len(home.ask("models", "--json").json) == 1
    home.write("kervan.toml", model("").replace('"linear"', '"tree"'))
    home.ask("run", "--quiet", "--why", "a tree after all")
    with visiting(home.folder) as visitor:
        page = visitor.get("/models/müşteri-kaybı@1.0.1")
    assert "Beside müşteri-kaybı@1.0.0, on the very same rows" in page


def test_a_candidate_that_breaks_limits_is_not_registered(home: Home) -> None:
    limits = """[model.limits]
latency = "1us"
size = "0.001 MB"
fairness = { column = "şehir", metric = "accuracy", gap = 0.0001 }
"""
    reply = home.start(400, model("", limits)).ask("run", "--quiet", "--json", code=4)
    for told in ("the limit is 1us", "the limit is 0.001 MB", "accuracy is", "the gap of"):
        assert told in reply.problem["message"]
    assert home.ask("models", "--json").json == []


def test_families_that_cannot_promise_one_way_are_left_out_by_name(home: Home) -> None:
    limits = '[model.limits]\nmonotone = { "yaş" = "up" }\n'
    settings = model("", limits).replace('["linear"]', '["linear", "tree"]')
    found = home.start(300, settings).ask("run", "--json")
    assert found.json["family"] == "tree"
    assert "linear: linear cannot promise an answer that only goes one way with yaş" in found.err
    home.write("kervan.toml", model("", limits))
    assert "cannot promise" in home.ask("run", "--quiet", "--why", "again", code=4).err
