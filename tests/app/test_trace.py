"""From one prediction back to rows, code, run and the person who released it."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, as_csv, customers
from kervan.core.identity import new_id
from kervan.serve.record import FORM

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


def test_single_rows_and_rows_of_a_batch_lead_back(home: Home) -> None:
    home.environ["KERVAN_WORKSPACE_ACTOR"] = "Işıl Öğüt"
    ran = home.start(200).ask("run", "--quiet", "--json", "--why", "ilk sürüm").json
    alone = home.predict(ROW)
    rows = [{**ROW, "yaş": age} for age in (20, 50, 80)]
    batch = json.dumps(rows)
    home.write("çok.json", batch)
    many = home.ask("predict", "üretim", "-f", "çok.json", "--json").json
    for asked, answer in zip([ROW, *rows], [alone, *many], strict=True):
        found = home.ask("trace", answer["id"], "--json").json
        assert found["asked"]["id"] == answer["id"]
        assert found["asked"]["inputs"] == asked
        assert found["asked"]["outputs"]["label"] == answer["label"]
        assert found["run"]["id"] == ran["run"]
        assert found["deployment"]["why"] == "ilk sürüm"
        assert found["deployment"]["creator"] == "Işıl Öğüt"
        assert f"{found['model']['name']}@{found['model']['version']}" == ran["model"]
        assert found["dataset"]["origin"]["source"] == "müşteriler.csv"
    text = home.ask("trace", many[1]["id"]).out
    for part in ("ısparta", "müşteri-kaybı@1.0.0", "ilk sürüm", "Işıl Öğüt", "not in a Git repository"):
        assert part in text


def test_a_prediction_leads_to_the_model_that_made_it_not_to_the_newest(lived: Home) -> None:
    lived.ask("release")
    first = lived.predict(ROW)
    lived.write("müşteriler.csv", as_csv([*customers(200), *customers(100, seed=1)]))
    lived.ask("run", "--quiet", "--why", "yeni satırlar")
    second = lived.predict(ROW)
    assert second["model"] != first["model"]
    for answer, rows in ((first, 200), (second, 300)):
        found = lived.ask("trace", answer["id"], "--json").json
        assert f"müşteri-kaybı@{found['model']['version']}" == answer["model"]
        assert found["dataset"]["rows"] == rows


def test_a_record_that_is_only_now_written_is_waited_for(lived: Home) -> None:
    lived.ask("release")
    answer = lived.predict(ROW)
    (segment,) = lived.folder.glob(".kervan/predictions/üretim/*.jsonl")
    hidden = segment.rename(segment.with_suffix(".hidden"))
    late = threading.Timer(1.0, hidden.rename, [segment])
    late.start()
    assert lived.ask("trace", answer["id"], "--json").json["asked"]["id"] == answer["id"]
    late.join()


def test_a_trace_names_the_commit_and_what_was_not_committed(home: Home) -> None:
    git = ["git", "-c", "user.name=Ayşe", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=ana"]
    home.start(150)
    home.write(".gitignore", ".kervan/\nistek.json\n")

    def commit(*words: str) -> None:
        subprocess.run([*git, *words], cwd=home.folder, check=True, capture_output=True)

    commit("init")
    commit("add", ".")
    commit("commit", "-m", "ilk")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home.folder, capture_output=True, check=True)
    ran = home.ask("run", "--quiet", "--json").json
    answer = home.predict(ROW)
    found = home.ask("trace", answer["id"], "--json").json
    assert found["run"]["code"]["commit"] == head.stdout.decode().strip()
    assert found["run"]["code"]["branch"] == "ana"
    assert found["run"]["code"]["difference"] == ""
    assert head.stdout.decode()[:12] in home.ask("trace", answer["id"]).out

    home.write("kervan.toml", SETTINGS.replace("folds = 2", "folds = 3"))
    changed = home.ask("run", "--quiet", "--json", "--why", "üç kat").json
    assert changed["run"] != ran["run"]
    assert "with uncommitted changes (kept)" in home.ask("runs", "--show", changed["run"]).out


def test_who_released_what_and_why_stays_when_its_server_is_brought_back(lived: Home) -> None:
    (before,) = lived.ask("releases", "--json").json
    lived.environ["KERVAN_WORKSPACE_ACTOR"] = "başkası"
    lived.ask("release")
    (after,) = lived.ask("releases", "--json").json
    assert (before["state"], after["state"]) == ("gone", "running")
    assert {**before, "endpoint": "", "state": ""} == {**after, "endpoint": "", "state": ""}
    assert [event["actor"] for event in lived.ask("audit", "--json").json][-1] == "başkası"
    lived.ask("audit", "verify")


def test_a_row_by_its_number_and_a_request_without_an_answer_are_traced(lived: Home) -> None:
    lived.ask("release")
    alone = lived.predict(ROW)
    assert lived.ask("trace", f"{alone['id']}.0", "--json").json["asked"]["inputs"] == ROW
    assert "there is no prediction" in lived.ask("trace", f"{alone['id']}.1", code=3).err
    (segment,) = lived.folder.glob(".kervan/predictions/üretim/*.jsonl")
    record = json.loads(segment.read_text().splitlines()[-1])
    assert record["version"] == FORM
    # As a server before this form wrote one, of a model that gave no usable answer.
    old = {name: value for name, value in record.items() if name not in {"version", "chain"}}
    old |= {"id": new_id(), "outputs": []}
    line = json.dumps(old, ensure_ascii=False, separators=(",", ":")) + "\n"
    (segment.parent / f"{old['id']}.{'0' * 16}.jsonl").write_text(line, encoding="utf-8")
    for ident in (old["id"], f"{old['id']}.0"):
        found = lived.ask("trace", ident, "--json").json
        assert (found["asked"]["inputs"], found["asked"]["outputs"]) == (ROW, {})
        assert "the model gave no usable answer" in lived.ask("trace", ident).out
    assert "1 files of prediction records from before" in lived.ask("audit", "verify").out
