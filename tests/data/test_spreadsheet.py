from __future__ import annotations

import polars as pl
import pytest

from kervan.data.spreadsheet import csv_text


@pytest.mark.parametrize(
    "cell",
    ['=HYPERLINK("http://x", "y")', "+1+1", "-1+cmd|x", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"],
)
def test_no_cell_is_run_by_a_spreadsheet(cell: str) -> None:
    table = pl.DataFrame({"a": [cell, "x"], "n": [-1.5, 2.0]})
    read = pl.read_csv(csv_text(table).encode())
    assert read["a"].to_list() == [f"'{cell}", "x"]
    assert read["n"].to_list() == [-1.5, 2.0]
    assert pl.read_csv(csv_text(table, exact=True).encode())["a"].to_list() == [cell, "x"]


def test_names_are_no_formulas_either() -> None:
    table = pl.DataFrame({"=1+1": ["a", None], "b-c": ["b-c", "2-1"]})
    assert csv_text(table) == "'=1+1,b-c\na,b-c\n,2-1\n"


def test_a_text_that_is_a_number_stays() -> None:
    texts = ["-5", "+1.50", "-1.234,5", "-1e-3", "-.5", "-5+1", "-", "-5\n"]
    found = pl.read_csv(csv_text(pl.DataFrame({"a": texts})).encode(), infer_schema=False)["a"].to_list()
    assert found == [*texts[:5], "'-5+1", "'-", "'-5\n"]
