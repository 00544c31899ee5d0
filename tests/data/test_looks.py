"""Texts that look like something else are named, and words that may be values are asked about."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding
from kervan.data.ingest import Loaded, load
from kervan.data.target import task_of, values_of, why_task

SIZE = 40


def loaded(folder: Path, cells: list[str], **settings: object) -> Loaded:
    lines = [f'"{cell}",{place % 7},{"xyz"[place % 3]}' for place, cell in enumerate(cells)]
    (folder / "t.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return load("t.csv", folder, DataSettings(**settings))  # type: ignore[arg-type]


def finding(folder: Path, cells: list[str]) -> Finding:
    (found,) = loaded(folder, cells).warnings
    assert found.subject == "a"
    assert found.hint
    return found


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("$29.8{}", "amounts of money ('$29.80')"),
        ("29,8{} €", "amounts of money"),
        ("17.244,6{}", "numbers with points between thousands"),
        ("1,234,56{}", "numbers with commas between thousands"),
        ("0{}-01-2011", "dates in an order of day and month that nobody can tell"),
        ("1{}-01-2011", "dates with the day first"),
        ("01/1{}/2011", "dates with the month first"),
        ("2011/01/1{}", "dates"),
        ("2014061{}T000000", "times without separators"),
        ("0x1{}", "numbers in the base of 16"),
        ("1_00{}", "numbers with underscores"),
        ("1{}%", "percentages"),
        ("7,1{}", "numbers with a decimal comma"),
        ("3,58{}", "numbers, and nobody can tell whether the comma parts thousands"),
    ],
)
def test_what_texts_look_like_is_said(tmp_path: Path, cell: str, words: str) -> None:
    found = finding(tmp_path, [cell.format(place % 10) for place in range(SIZE)])
    assert f"looks like {words}" in found.message
    assert "taken as text" in found.message


def test_times_that_name_their_offset_now_and_then_are_not_guessed_at(tmp_path: Path) -> None:
    cells = [f"2024-01-01T08:{place:02}:00" + "Z" * (place % 2) for place in range(SIZE)]
    assert "some with an offset from UTC and some without" in finding(tmp_path, cells).message


@pytest.mark.parametrize("sign", ["-", "inf", "n.a."])
def test_a_sign_among_numbers_is_proposed_as_missing(tmp_path: Path, sign: str) -> None:
    cells = [sign if place % 10 == 3 else f"{place}.5" for place in range(SIZE)]
    found = finding(tmp_path, cells)
    assert f"36 of 40 values are numbers, 4 are not, first in row 4: {sign!r}" in found.message
    assert f'add "{sign}" to `[data] missing`' in found.hint
    assert not loaded(tmp_path, cells, missing=(sign,)).warnings


@pytest.mark.parametrize("word", ["None", "NA", "null", "nan"])
def test_a_word_that_may_be_a_class_is_asked_about(tmp_path: Path, word: str) -> None:
    cells = [(word, "one", "two")[place % 3] for place in range(SIZE)]
    with pytest.raises(InvalidData, match=f"'a' says '{word}' in 14 of 40 rows") as caught:
        loaded(tmp_path, cells, target="a")
    assert f'missing = ["", "{word}"]' in caught.value.hint
    assert loaded(tmp_path, cells, target="a", missing=("",)).table["a"].n_unique() == 3
    assert loaded(tmp_path, cells, target="a", missing=("", word)).table["a"].null_count() == 14


def test_a_word_in_a_category_is_told_of(tmp_path: Path) -> None:
    cells = ["None" if place % 5 else "brick" for place in range(SIZE)]
    found = finding(tmp_path, cells)
    assert "the text 'None' is read as missing: column 'a' in 32 rows" in found.message
    assert not loaded(tmp_path, ["NA" if place % 5 else "1.5" for place in range(SIZE)]).warnings


def test_which_task_was_chosen_has_a_reason_and_a_line_that_changes_it() -> None:
    table = pl.DataFrame({"y": [place % 7 for place in range(70)], "z": [place / 3 for place in range(70)]})
    assert task_of(values_of(table, "y")) == "regression"
    why, is_open = why_task(values_of(table, "y"))
    assert is_open
    assert why == 'it has 7 different whole numbers; `[model] task = "classification"` changes that'
    assert why_task(values_of(table, "z")) == ("it has 70 different numbers", False)
    assert why_task(values_of(table, "y"), "classification") == ("as [model] task says", False)
