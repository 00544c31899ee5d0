"""Rows to predict, as users send them: good, odd and broken, by `kervan predict`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cli.person import PERSON
from journeys.home import Home, as_csv, customers

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Reply

NAMES = ("yaş", "şehir", "gelir", "0")


def predict(shop: Home, folder: Path, rows: Any, code: int = 0) -> Reply:
    file = folder / "satırlar.json"
    file.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return shop.ask("predict", "üretim", "-f", str(file), "--json", code=code)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PERSON.items() if key != name}


BROKEN = {
    "missing column": (without("yaş"), "row 1, 'yaş': is missing", "integer"),
    "misspelt column": ({**without("yaş"), "yas": 3}, "row 1, 'yaş': is missing", "yas"),
    "list for a number": (
        {**PERSON, "yaş": [1]},
        "row 1, 'yaş': [1] is a list, not a whole number",
        "number",
    ),
    "number as text": ({**PERSON, "yaş": "39"}, "row 1, 'yaş': 39 is a text", 'send 39, not "39"'),
    "number for a text": ({**PERSON, "şehir": 3}, "row 1, 'şehir': 3 is a number, not a text", 'send "3"'),
    "missing integer": ({**PERSON, "yaş": None}, "row 1, 'yaş': is missing", "integer"),
    "half an integer": ({**PERSON, "yaş": 3.5}, "row 1, 'yaş': 3.5 is not a whole number", "integer"),
    "third of three": ([PERSON, PERSON, {**PERSON, "yaş": "x"}], "row 3, 'yaş': x is a text", "whole number"),
    "NaN in JSON": (json.dumps({**PERSON, "gelir": float("nan")}), "JSON is malformed", "an object"),
    "no JSON": ("{", "satırlar.json: ", "an object"),
    "numbers for rows": ([1, 2], "Expected `object`", "an object"),
    "empty file": ("", "satırlar.json: ", "an object"),
    "empty list": ([], "there are no rows to predict", "at least one row"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rows_that_cannot_be_used_are_refused_with_their_place(shop: Home, tmp_path: Path, case: str) -> None:
    rows, message, hint = BROKEN[case]
    reply = predict(shop, tmp_path, rows, code=2)
    assert reply.out == ""
    assert message in reply.problem["message"]
    assert hint in reply.problem["hint"]
    if "row" in message and rows:
        assert "satırlar.json" in reply.problem["message"]


@pytest.mark.parametrize(
    "row",
    [
        PERSON,
        {**PERSON, "fazla": "sütun", "ayrıldı": "evet"},
        {**PERSON, "şehir": "Sivas"},
        {**PERSON, "0": None},
        without("0"),
    ],
    ids=[
        "whole",
        "more columns",
        "unseen category",
        "null where missing was seen",
        "left out where missing was",
    ],
)
def test_rows_that_can_be_answered_are(shop: Home, tmp_path: Path, row: dict[str, Any]) -> None:
    (answer,) = predict(shop, tmp_path, row).json
    assert answer["label"] in {"evet", "hayır"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert answer["model"] == "müşteri-kaybı@1.0.0"


def test_a_column_called_0_is_a_column(shop: Home, tmp_path: Path) -> None:
    rows = [{**PERSON, "0": value} for value in (0.0, 1.0)]
    low, high = (answer["probabilities"]["evet"] for answer in predict(shop, tmp_path, rows).json)
    assert low != high


def test_one_row_on_the_command_line(shop: Home) -> None:
    reply = shop.ask("predict", "üretim", "--row", json.dumps(PERSON, ensure_ascii=False), "--json")
    assert reply.json[0]["label"] in {"evet", "hayır"}
    refused = shop.ask("predict", "üretim", "--row", "[1]", code=2)
    assert "the row is no JSON object" in refused.err
    assert "row 1, 'yaş': is missing" in shop.ask("predict", "üretim", "--row", "{}", code=2).err
    assert "give rows by -f FILE" in shop.ask("predict", "üretim", code=2).err


def test_ten_thousand_rows_of_a_file_are_answered_in_order(shop: Home, tmp_path: Path) -> None:
    people = [row[1:5] for row in customers(10_000, seed=3)]
    (tmp_path / "çok.csv").write_text(as_csv(people, NAMES), encoding="utf-8")
    found = shop.ask("predict", "üretim", "-f", str(tmp_path / "çok.csv"), "--json").json
    assert len(found) == 10_000
    assert len({answer["id"] for answer in found}) == 10_000
    few = [dict(zip(NAMES, people[place], strict=True)) for place in (0, 4_321, 9_999)]
    for row in few:
        row["0"] = None if row["0"] == "" else row["0"]
    alone = predict(shop, tmp_path, few).json
    for place, answer in zip((0, 4_321, 9_999), alone, strict=True):
        assert found[place]["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-6)


def test_csv_parquet_and_json_lines_ask_the_same(shop: Home, tmp_path: Path) -> None:
    table = pl.DataFrame(
        [{**PERSON, "0": None}, {**PERSON, "şehir": "ısparta"}], schema_overrides={"0": pl.Float64}
    )
    table.write_csv(tmp_path / "a.csv")
    table.write_parquet(tmp_path / "a.parquet")
    table.write_ndjson(tmp_path / "a.jsonl")
    found = [
        [each["probabilities"] for each in shop.ask("predict", "üretim", "-f", str(file), "--json").json]
        for file in sorted(tmp_path.iterdir())
    ]
    assert found[0] == found[1] == found[2]


BROKEN_FILES = {
    "missing integer": ("yaş,şehir,gelir,0\n3,Ankara,1,1\n,Ankara,1,1\n", "a.csv: row 2, 'yaş': is missing"),
    "NaN": ("yaş,şehir,gelir,0\n3,Ankara,NaN,1\n", "a.csv: row 1, 'gelir': is missing"),
    "text": ("yaş,şehir,gelir,0\nkırk,Ankara,1,1\n", "a.csv: row 1, 'yaş': kırk is a text"),
    "header only": ("yaş,şehir,gelir,0\n", "there are no rows to predict"),
    "empty": ("", "a.csv is empty"),
    "column missing": ("şehir,gelir\nAnkara,1\n", "a.csv: row 1, 'yaş': is missing"),
    "short row": (
        "yaş,şehir,gelir,0\n3,Ankara,1,1\n3,Ankara\n",
        "a.csv: line 3 has 2 fields, the header has 4",
    ),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_files_that_cannot_be_used_are_refused(shop: Home, tmp_path: Path, case: str) -> None:
    content, message = BROKEN_FILES[case]
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    reply = shop.ask("predict", "üretim", "-f", str(tmp_path / "a.csv"), code=2)
    assert message in reply.err
    assert " hint: " in reply.err


def test_json_lines_name_the_line(shop: Home, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(PERSON) + "\n\n{\n", encoding="utf-8")
    assert "a.jsonl, line 3: " in shop.ask("predict", "üretim", "-f", str(tmp_path / "a.jsonl"), code=2).err


@pytest.mark.parametrize("name", ["yok.csv", "yok.parquet", "yok.json", "yok.xlsx"])
def test_a_file_that_is_not_there_is_not_found(shop: Home, name: str) -> None:
    assert f"there is no file {name}" in shop.ask("predict", "üretim", "-f", name, code=3).err


def test_category_values_of_a_file_are_asked_as_they_are_written(home: Home) -> None:
    codes = ["06", "1.50", "true", "A1", "1e3", "2026-05-01T12:00", "ı", "İ"]
    rows = [[place / 800, codes[place % 8], "çift" if place % 2 == 0 else "tek"] for place in range(800)]
    home.write("m.csv", as_csv(rows, ("x", "kod", "y")))
    home.write(
        "kervan.toml",
        '[project]\nname = "kod"\n[data]\nsource = "m.csv"\ntarget = "y"\naccept = ["kod"]\n'
        '[model]\nfamilies = ["tree"]\nfolds = 2\n[release]\nto = "production"\nport = 0\n',
    )
    home.ask("run", "--quiet")
    for place, code in enumerate(codes):
        home.write("r.csv", f"x,kod\n0.5,{code}\n")
        (answer,) = home.ask("predict", "-f", "r.csv", "--json").json
        assert answer["label"] == ("çift" if place % 2 == 0 else "tek"), code


def test_a_stopped_server_is_named(home: Home) -> None:
    home.start(150).ask("run", "--quiet")
    home.ask("release", "--stop")
    assert (
        "no server answers at http://127.0.0.1:" in home.ask("predict", "üretim", "--row", "{}", code=8).err
    )
    wrong = home.ask("predict", "uretim", "--row", "{}", code=3).err
    assert "nothing was released to 'uretim'" in wrong
    assert 'did you mean "üretim"?' in wrong


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_a_second_row_is_not_left_out_in_silence(command: str, tmp_path: Path) -> None:
    found = Home(tmp_path).ask(command, "--row", "{}", "--row", "{}", code=2)
    assert "write several as a list into a file" in found.err
