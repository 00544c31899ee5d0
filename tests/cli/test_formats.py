from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home

MODEL = "müşteri-kaybı"


def test_every_format_is_tried_on_a_registered_model(lived: Home) -> None:
    asked = lived.ask("package", "formats", MODEL, "--only", "python", "--only", "sqlite")
    told = asked.out
    assert [line.split()[0] for line in told.splitlines()[1:]] == ["python", "sqlite"]
    assert told.count("proved") == 2
    progress = [line.split()[1:] for line in asked.err.splitlines()]
    assert progress == [["python", "proved"], ["sqlite", "proved"]]
    values = json.loads(lived.ask("package", "formats", MODEL, "--only", "sqlite", "--json").out)
    assert values[0]["support"] == "proved"
    assert values[0]["about"]["text"] is True
    assert 0 <= values[0]["largest"] <= 1e-12
    assert values[0]["seconds"] > 0


def test_a_model_is_written_in_one_format_proved_before_it_is_there(lived: Home, tmp_path: Path) -> None:
    place = tmp_path / "sorgu ı"
    told = lived.ask("package", "write", MODEL, "sqlite", str(place)).out
    assert f"@1.0.0 is in {place}" in told
    assert "sqlite: largest difference" in told
    assert (place / "model.sql").read_text(encoding="utf-8").startswith("-- Scores the table")
    again = lived.ask("package", "write", MODEL, "sqlite", str(place), code=5)
    assert "is already there" in again.err


@pytest.mark.parametrize("command", [("formats", MODEL, "--only"), ("write", MODEL)])
def test_a_format_that_does_not_exist_is_named(command: tuple[str, ...], lived: Home, tmp_path: Path) -> None:
    to = [str(tmp_path / "x")] if command[0] == "write" else []
    asked = lived.ask("package", *command, "sqlit", *to, code=3)
    assert "there is no format 'sqlit'" in asked.err
    assert 'did you mean "sqlite"?' in asked.err


def test_a_format_that_is_not_there_says_why(lived: Home, tmp_path: Path) -> None:
    for command in (("formats", MODEL, "--only", "mleap"), ("write", MODEL, "mleap", str(tmp_path / "x"))):
        said = lived.ask("package", *command, code=4).err
        assert "mleap is not written: its package on PyPI has no runtime" in said


def test_a_format_is_tried_once_however_often_it_is_named(lived: Home) -> None:
    told = lived.ask("package", "formats", MODEL, "--only", "python", "--only", "python").out
    assert len(told.splitlines()) == 2


def test_a_table_keeps_to_its_lines(home: Home) -> None:
    """A name of a column may hold a line's end, and the reason may name the column."""
    text = as_csv(customers(120), ("müşteri", '"yaş\nyıl"', "şehir", "gelir", "0", "ayrıldı"))
    home.start(settings=SETTINGS.partition("[release]")[0]).write("müşteriler.csv", text)
    home.ask("run")
    asked = home.ask("package", "formats", "--only", "mojo", "--only", "c")
    assert len(asked.out.splitlines()) == 3
    assert len(asked.err.splitlines()) == 2


def test_without_the_native_format_the_original_is_gone(home: Home) -> None:
    home.start(settings=SETTINGS.replace("[release]", '[package]\nformats = ["onnx"]\n[release]'))
    home.ask("run")
    asked = home.ask("package", "formats", code=4)
    assert "has no native format" in asked.err
    assert "train again" in asked.err


def test_narrower_numbers_are_measured_and_written_if_they_pay(lived: Home, tmp_path: Path) -> None:
    told = lived.ask("package", "optimise", MODEL).out
    assert [line.split()[0] for line in told.splitlines()[1:]] == [
        "original",
        "float64",
        "folded",
        "float32",
        "float16",
        "int8",
    ]
    assert told.splitlines()[0].split() == [
        *("graph", "size", "roc_auc", "difference", "labels", "1", "row", "1,000", "rows")
    ]
    assert told.splitlines()[2].count("×") == 2
    values = {each["name"]: each for each in lived.ask("package", "optimise", MODEL, "--json").json}
    assert {each["metric"] for each in values.values()} == {"roc_auc"}
    assert values["float64"]["speedup_many"] > 0
    assert values["int8"]["speedup_many"] is None
    assert not values["int8"]["pays"]
    assert values["float32"]["size"] < values["float64"]["size"]
    refused = lived.ask("package", "optimise", MODEL, "--write", "int8", "--to", str(tmp_path / "x"), code=4)
    assert "int8 does not pay" in refused.err
    assert not (tmp_path / "x").exists()
    assert lived.ask("package", "optimise", MODEL, "--write", "int8", code=2).err
