"""Recorded requests answered once more: by another version, and by the one that answered them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, Home, as_csv, customers
from kervan.api.session import open as open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@2.0.0"
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Home]:
    """A project whose first version was asked 300 rows that came back with labels.

    A second one, that learned the contrary and takes no missing values, is there.
    """
    folder = tmp_path_factory.mktemp("tekrar") / "Müşteri Kaybı"
    shutil.copytree(template, folder)
    here = Home(folder)
    try:
        here.ask("release")
        rows = customers(300, seed=7)
        lines = [",".join(map(str, [*row[1:5]])) for row in rows]
        here.write("istek.csv", "\n".join(["yaş,şehir,gelir,0", *lines]) + "\n")
        answers = here.ask("predict", "üretim", "-f", "istek.csv", "--json").json
        labels = [{"id": each["id"], "label": row[5]} for each, row in zip(answers, rows, strict=True)]
        here.write("etiket.json", json.dumps(labels))
        here.ask("feedback", "etiket.json", "üretim")
        flipped = [
            [*row[:4], row[4] or 0.5, "evet" if row[5] == "hayır" else "hayır"]
            for row in customers(260, seed=3)
        ]
        here.write("müşteriler.csv", as_csv(flipped))
        here.write("kervan.toml", SETTINGS.replace('to = "üretim"', 'to = ""'))
        here.ask("run", "--quiet", "--why", "ters etiketler")
        here.write("kervan.toml", SETTINGS)
        yield here
    finally:
        here.stop()


def test_a_version_that_answered_gives_the_same_again(asked: Home) -> None:
    found = asked.ask("replay", OLD, "--environment", "üretim", "--json").json
    assert found["changed"]["rows"] == 300
    assert found["changed"]["changed"] == 0
    assert found["changed"]["examples"] == []
    assert found["against"] == {OLD: 300}
    assert found["left_out"] == []


def test_what_another_version_would_have_answered_is_compared(asked: Home) -> None:
    found = asked.ask(
        "replay", NEW, "--environment", "üretim", "--since", "1d", "-o", "tekrar.html", "--json"
    )
    changed = found.json["changed"]
    (refused,) = found.json["left_out"]
    assert (refused["reason"], refused["column"], refused["example"]) == ("refused", "0", "'0': is missing")
    assert refused["rows"] == sum(row[4] == "" for row in customers(300, seed=7))
    assert changed["rows"] == 300 - refused["rows"]
    assert changed["changed"] > 150
    assert sum(each["rows"] for each in changed["moves"]) == changed["changed"]
    label = next(each for each in changed["shifts"] if each["name"] == "label")
    for side in ("before", "now"):
        assert sum(each[side] for each in label["bins"]) == pytest.approx(1)
    first = changed["examples"][0]
    traced = asked.ask("trace", first["id"], "--json").json["asked"]
    assert traced["outputs"] == first["before"]
    assert first["before"]["label"] != first["after"]["label"]
    accuracy = next(each for each in found.json["quality"] if each["metric"] == "accuracy")
    assert accuracy["rows"] == found.json["labelled"] == changed["rows"]
    assert accuracy["high"] < 0
    page = (asked.folder / "tekrar.html").read_text(encoding="utf-8")
    assert f"Quality on {changed['rows']} rows with labels" in page
    assert "worse" in asked.ask("replay", NEW).out


def test_only_the_newest_requests_count_with_a_limit(asked: Home) -> None:
    before = asked.predict(ROW)
    found = asked.ask("replay", OLD, "--environment", "üretim", "--limit", "1", "--json").json
    assert (found["requests"], found["changed"]["rows"]) == (1, 1)
    with open_workspace(asked.folder) as ws:
        view = ws.replay(OLD, environment="üretim", limit=1)
        assert "0 of 1 answers changed" in repr(view)
        assert "population stability index" in view._repr_html_()
        assert ws.recompute(before["id"]).is_same


def test_one_answer_is_the_same_to_the_last_bit_or_the_command_says_no(asked: Home) -> None:
    answer = asked.predict(ROW)
    same = asked.ask("replay", answer["id"])
    assert "to the last bit" in same.out
    (segment,) = [
        path
        for path in asked.folder.glob(".kervan/predictions/üretim/*.jsonl")
        if answer["id"] in path.read_text(encoding="utf-8")
    ]
    whole = segment.read_text(encoding="utf-8")
    digits = f'"{answer["label"]}":{answer["probabilities"][answer["label"]]}'
    head, line = whole[: whole.index(answer["id"])], whole[whole.index(answer["id"]) :]
    assert digits in line
    segment.write_text(
        head + line.replace(digits, f"{digits[:-1]}{9 - int(digits[-1])}", 1), encoding="utf-8"
    )
    try:
        found = asked.ask("replay", answer["id"], "--json", code=1).json
    finally:
        segment.write_text(whole, encoding="utf-8")
    assert found["is_same"] is False
    assert 0 < found["apart"] < 1e-6


def test_what_was_not_kept_is_named_and_not_answered_again(lived: Home) -> None:
    lived.write("kervan.toml", SETTINGS + '[records]\nleave_out = ["gelir"]\n')
    lived.ask("release")
    answer = lived.predict(ROW)
    refused = lived.ask("replay", answer["id"], "--json", code=2).problem
    assert "gelir" in refused["message"]
    found = lived.ask("replay", OLD, "--environment", "üretim", "--json").json
    assert found["changed"]["rows"] == 0
    (left,) = found["left_out"]
    assert (left["reason"], left["column"], left["rows"]) == ("withheld", "gelir", 1)
    assert "left out: 1 rows, withheld 'gelir'" in lived.ask("replay", OLD, "--environment", "üretim").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("müşteri-kaybı@9.0.0",), 3, "no version 9.0.0"),
        ((OLD, "--environment", "yok"), 3, "nothing was released to 'yok'"),
        ((OLD, "--environment", "üretim", "--since", "dün"), 2, "'dün' is no time"),
        ((OLD, "--environment", "üretim", "--until", "2001-01-01"), 3, "no request to üretim"),
        (("01JD4Z8Y7W0000000000000000",), 3, "there is no prediction"),
    ],
)
def test_mistakes_are_named(asked: Home, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in asked.ask("replay", *arguments, code=code).err
