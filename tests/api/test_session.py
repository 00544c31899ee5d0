"""The same life from Python: as a script, step by step, and as a notebook shows it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import kervan as kv
from journeys.home import HEADER, SETTINGS, customers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


@pytest.fixture
def ws(home: Home) -> Iterator[kv.Session]:
    home.start(200)
    with kv.open(home.folder, model={"families": ["linear"], "folds": 2}) as session:
        yield session


def test_a_life_step_by_step_shows_itself(home: Home, ws: kv.Session) -> None:
    data = ws.ingest("müşteriler.csv", target="ayrıldı", name="müşteriler", protect={"müşteri": "drop"})
    assert repr(data) == "<Dataset müşteriler:1: 200 rows, 5 columns>"
    model = ws.train(data, goal=kv.Goal("roc_auc", at_least=0.6), name="kayıp")
    assert model.ref == "kayıp@1.0.0"
    assert model.metrics["roc_auc"] > 0.6
    release = ws.release(model, to="üretim", why="ilk", port=0)
    answer = release.predict(ROW)
    many = release.predict([ROW] * 150)
    assert answer["label"] in {"evet", "hayır"}
    assert len(many) == 150
    assert many[7]["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-6)
    time.sleep(0.3)
    trace, drift = ws.trace(many[7]["id"]), ws.drift(environment="üretim")
    assert trace.trace.dataset.ref == "müşteriler:1"
    assert set(drift.shifted) >= {"yaş", "gelir"}
    shown = [
        data,
        model,
        release,
        trace,
        drift,
        ws.datasets(),
        ws.models(),
        ws.releases(),
        ws.runs(),
        ws.audit(),
    ]
    shown += [ws.doctor(), ws.dataset("müşteriler"), ws.model("kayıp@1.0.0")]
    for each in shown:
        page = each._repr_html_()
        assert page.startswith("<")
        assert "object at 0x" not in page + repr(each)
        assert "MÜŞ-" not in page
    assert "şehir" in data._repr_html_()
    assert "ısparta" in trace._repr_html_()
    assert "kayıp@1.0.0" in ws.models()._repr_html_()
    assert ws.verify().events == len(ws.audit())
    assert {finding.verdict for finding in ws.doctor()} == {"passed"}
    assert ws.collect_garbage(dry_run=True).files == ()
    release.stop()
    with pytest.raises(kv.KervanError, match="no server answers"):
        release.predict(ROW)


def test_html_cannot_be_slipped_in(home: Home) -> None:
    rows = customers(200)
    header = (*HEADER[:2], "<script>alert(1)</script>", *HEADER[3:])
    home.write("k.csv", "\n".join(",".join(map(str, row)) for row in [header, *rows]))
    with kv.open(
        home.folder, data={"source": "k.csv", "target": "ayrıldı"}, project={"name": "k"}
    ) as session:
        assert "<script>alert" not in session.ingest()._repr_html_()


def test_run_does_what_kervan_toml_says(home: Home) -> None:
    home.start(200, SETTINGS)
    with kv.open(str(home.folder)) as session:
        model = session.run(why="betikten")
        assert model.ref == "müşteri-kaybı@1.0.0"
        assert session.releases()[0].why == "betikten"
        assert session.predict(ROW, environment="üretim")["model"] == model.ref
        assert session.run().ref == model.ref


def test_errors_are_the_same_as_on_the_command_line(ws: kv.Session) -> None:
    with pytest.raises(kv.KervanError, match="there is no file") as missing:
        ws.ingest("yok.csv", target="ayrıldı")
    assert missing.value.hint
    with pytest.raises(kv.KervanError, match="there is no model 'yok'"):
        ws.release("yok")
    with pytest.raises(kv.KervanError, match="the goal is roc_auc"):
        ws.train(ws.ingest("müşteriler.csv", target="ayrıldı"), goal=kv.Goal("roc_auc", at_least=0.99999))
    assert len(ws.models()) == 0


def test_own_runs_and_pipelines_are_on_record(home: Home, ws: kv.Session) -> None:
    with ws.track("deneme ı", oran=0.1) as run:
        for step in range(5):
            run.log_metric("kayıp", 1 / (step + 1))
    assert ws.runs("kayıp")[0].name == "deneme ı"
    assert ws.runs()[0].metrics["kayıp"] == pytest.approx(0.2)
    assert ws.execute(whole, count=3) == 6
    assert ws.execute(whole, count=3) == 6
    assert [step.cached for step in ws.runs()[0].steps] == [True, True]


@kv.step
def numbers(count: int) -> list[int]:
    return list(range(count + 1))


@kv.step
def total(values: list[int]) -> int:
    return sum(values)


@kv.pipeline
def whole(count: int) -> int:
    return total(numbers(count))


def test_a_plain_script_trains_without_running_twice(home: Home) -> None:
    """A script has no `if __name__ == "__main__"`: workers must not begin it again."""
    home.start(200)
    home.write(
        "betik.py",
        """
import kervan as kv
print("betik başlıyor")
with kv.open(".", model={"families": ["linear", "tree"], "folds": 2}) as ws:
    data = ws.ingest("müşteriler.csv", target="ayrıldı")
    print(ws.train(data, goal=kv.Goal("roc_auc", at_least=0.5)).ref)
""",
    )
    done = subprocess.run(
        [sys.executable, "betik.py"],
        cwd=home.folder,
        env=home.surroundings(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split("\n") == ["betik başlıyor", "müşteriler@1.0.0", ""]


def test_steps_and_splits_are_given_as_in_the_file(ws: kv.Session) -> None:
    steps = [{"filter": "yaş >= 0"}]
    found = ws.ingest("müşteriler.csv", target="ayrıldı", steps=steps, split={"by": "stratified"}).dataset
    assert [each.step for each in found.steps] == ["filter yaş >= 0"]
    assert found.split.by == "stratified"
    with pytest.raises(kv.KervanError, match=r"ingest: \[data\] steps\.0: there is no such step"):
        ws.ingest("müşteriler.csv", target="ayrıldı", steps=[{"filtre": "yaş >= 0"}])


def test_checks_are_given_as_in_the_file(ws: kv.Session) -> None:
    checks = [kv.Check(column="yaş", least=0), {"column": "yaş", "between": [18, 60], "severity": "reject"}]
    found = ws.ingest("müşteriler.csv", target="ayrıldı", checks=checks)
    ages = found.profile.column("yaş").numbers
    assert ages is not None
    assert (ages.minimum, ages.maximum) >= (18, 60)
    with pytest.raises(kv.KervanError, match=r"ingest: \[checks\.1\] sevrity: unknown setting"):
        ws.ingest("müşteriler.csv", target="ayrıldı", checks=[{"column": "yaş", "sevrity": "stop"}])
