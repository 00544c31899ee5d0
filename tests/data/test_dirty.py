"""Files as people really send them: read, named for what they look like, or refused by row and column."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.shaping import Parse
from kervan.data.columns import infer_schema
from kervan.data.export import write
from kervan.data.ingest import Loaded, load
from kervan.data.steps.shape import Around, shape
from kervan.data.validate import validate

SETTINGS = DataSettings(target="y")


def text(x: Callable[[int], Any], c: Callable[[int], Any] = lambda at: "abc"[at % 3], sep: str = ",") -> str:
    rows = [[at, x(at), c(at), "yes" if at % 2 else "no"] for at in range(60)]
    return "\n".join(sep.join(map(str, row)) for row in [["id", "x", "c", "y"], *rows]) + "\n"


def loaded(folder: Path, content: str | bytes, settings: DataSettings = SETTINGS) -> Loaded:
    (folder / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return load("t.csv", folder, settings)


def cycle(*values: Any) -> Callable[[int], Any]:
    return lambda at: values[at % len(values)]


@pytest.mark.parametrize(
    ("x", "rule", "parse", "first"),
    [
        (cycle("17.244,63", "3,50"), "decimal_comma", {}, 17244.63),
        (cycle("$29.85", "$3.50"), "money", {}, 29.85),
        (cycle("70 kg", "71.5 kg"), "units", {}, 70.0),
        (cycle("12 %", "3 %"), "percent", {}, 12),
        (cycle("2024-01-31", "31/01/2024", "20240131"), "dates", {"to": "date"}, "2024-01-31"),
        (cycle("01-01-2011", "05-06-2012"), "dates", {"to": "date", "day_first": True}, "2011-01-01"),
        (cycle("20140613T000000"), "basic_times", {"to": "datetime"}, "2014-06-13 00:00:00"),
    ],
)
def test_what_texts_look_like_is_told_and_a_step_reads_them(
    x: Callable[[int], Any], rule: str, parse: dict[str, Any], first: Any, tmp_path: Path
) -> None:
    found = loaded(tmp_path, text(x, sep=";"))
    assert [each.rule for each in found.warnings] == [rule]
    assert 'parse = ["x"]' in found.warnings[0].hint
    table = shape(found.table, [Parse(parse=("x",), **parse)], Around()).table
    read = table["x"][0]
    assert (read if isinstance(first, int | float) else str(read)) == first


def test_units_that_differ_are_refused_by_their_counts(tmp_path: Path) -> None:
    found = loaded(tmp_path, text(cycle("12", "n/a yet", "7 kg", "8 lb")))
    assert "numbers with units" in found.warnings[0].message
    with pytest.raises(InvalidData, match="row 2 'n/a yet'"):
        shape(found.table, [Parse(parse=("x",))], Around())


def test_spellings_of_missing_are_named_together(tmp_path: Path) -> None:
    spelled = ["n.a.", "none", "-", "--", "yok", "#N/A", "missing", "unknown", ".", "tbd", "nil", "*"]
    found = loaded(tmp_path, text(cycle(*spelled, "5", "6")))
    warning = next(each for each in found.warnings if each.rule == "mixed")
    assert all(f'"{each}"' in warning.hint for each in spelled)
    again = DataSettings(target="y", missing=(*SETTINGS.missing, *spelled))
    assert loaded(tmp_path, text(cycle(*spelled, "5", "6")), again).table["x"].dtype.is_integer()


def test_identifiers_keep_their_zeros_and_digits(tmp_path: Path) -> None:
    found = loaded(tmp_path, text(lambda at: 2**53 + 1 + at, lambda at: f"0{at:03d}"))
    assert found.table["x"].to_list()[:2] == [2**53 + 1, 2**53 + 2]
    assert found.table["c"][1] == "0001"


def test_letters_that_are_composed_otherwise_are_the_same(tmp_path: Path) -> None:
    forms = (unicodedata.normalize("NFC", "İzmir"), unicodedata.normalize("NFD", "İzmir"))
    assert set(loaded(tmp_path, text(cycle(1, 2), cycle(*forms))).table["c"]) == {"İzmir"}


def test_a_text_in_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    content = text(cycle(1, 2), cycle("İzmir", "Şırnak", "Iğdır")).encode("windows-1254")
    with pytest.raises(InvalidData, match="not UTF-8: byte 0xdd in line 2") as caught:
        loaded(tmp_path, content)
    assert 'encoding = "windows-1254"' in caught.value.hint
    named = DataSettings(target="y", encoding="windows-1254")
    assert loaded(tmp_path, content, named).table["c"].to_list()[:3] == ["İzmir", "Şırnak", "Iğdır"]
    with pytest.raises(InvalidConfig, match="is none"):
        loaded(tmp_path, content, DataSettings(encoding="klingon"))
    with pytest.raises(InvalidData, match="is not in ascii"):
        loaded(tmp_path, content, DataSettings(encoding="ascii"))


def test_rows_that_contradict_each_other_are_counted(tmp_path: Path) -> None:
    rows = [[at // 2, 5, "yes" if at % 2 else "no"] for at in range(40)]
    content = "\n".join(",".join(map(str, row)) for row in [["id", "x", "y"], *rows])
    table = loaded(tmp_path, content).table
    found = [each.message for each in validate(table, SETTINGS) if each.rule == "contradictions"]
    assert found == ["40 rows are equal to a model and differ in the target 'y'"]


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (lambda each: each.replace("\n10,", "\n10,7,", 1), "line 12 has 5 fields", "mend the line"),
        (lambda each: each.replace("\n10,", "\n1\x000,", 1), "zero byte in line 12", "UTF-8"),
        (lambda each: each.replace("\n10,", '\n10,"', 1), "line 12 cannot be read", "must end"),
        (lambda each: each.replace("id,", ",", 1), "column 1 of the header has no name", "index=False"),
        (lambda _: "<!doctype html><html><body>404</body></html>", "an HTML page", "browser"),
    ],
)
def test_what_is_no_table_is_refused_by_its_place(
    change: Callable[[str], str], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidData) as caught:
        loaded(tmp_path, change(text(cycle(1, 2))))
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_times_that_the_clock_skips_are_refused_by_their_row(tmp_path: Path) -> None:
    table = loaded(tmp_path, text(cycle("2024-03-30 02:30", "2024-03-31 02:30"))).table
    step = Parse(parse=("x",), to="datetime", zone="Europe/Berlin")
    with pytest.raises(InvalidData, match="row 2 "):
        shape(table, [step], Around())


def test_texts_that_a_spreadsheet_would_run_come_out_quoted(tmp_path: Path) -> None:
    table = loaded(tmp_path, text(cycle("=1+1", "@SUM(A1)", "+3", "-x"))).table
    write([table], tmp_path / "out.csv")
    assert "'=1+1" in (tmp_path / "out.csv").read_text()
    assert infer_schema(table, SETTINGS)["x"].allowed == ("+3", "-x", "=1+1", "@SUM(A1)")
