"""A protected column is nowhere in clear once the table is in: no part, record, report or catalog has it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from app.disk import holding, texts
from journeys.home import HEADER, SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home


@pytest.mark.parametrize("how", ["hash", "drop"])
def test_no_clear_value_of_a_protected_column_is_on_the_disk(home: Home, how: str) -> None:
    rows = [[f"GİZLİ{row[0][4:]}", *row[1:]] for row in customers(200)]
    settings = SETTINGS.replace('"hash"', f'"{how}"')
    home.write(
        "kervan.toml",
        settings.replace("[model]", '[[data.checks]]\ncolumn = "müşteri"\nunique = true\n[model]'),
    )
    home.write("müşteriler.csv", as_csv(rows, HEADER))
    home.ask("run", "--quiet")
    asked = dict(zip(HEADER, rows[0], strict=True))
    home.write("istek.jsonl", "\n".join([json.dumps(asked)] * 120))
    answers = home.ask("predict", "üretim", "-f", "istek.jsonl", "--json").json
    time.sleep(0.3)
    home.ask("drift", "üretim")
    home.ask("trace", answers[0]["id"])
    root = home.folder / ".kervan"
    assert holding(root, "GİZLİ") == []
    assert holding(root, "İstanbul")  # the search does find what is there
    assert sum("müşteri" in content for _, content in texts(root)) > 0


def test_a_check_that_fails_does_not_tell_the_values(home: Home) -> None:
    rows = [[f"GİZLİ{place // 2}", *row[1:]] for place, row in enumerate(customers(60))]
    check = '[[data.checks]]\ncolumn = "müşteri"\nunique = true\n[model]'
    home.start(60, SETTINGS.replace("[model]", check, 1))
    home.write("müşteriler.csv", as_csv(rows))
    reply = home.ask("run", code=2)
    assert "column 'müşteri': 60 values are not unique (row 1, row 2, row 3, …)" in reply.err
    assert "GİZLİ" not in reply.err + reply.out
    assert holding(home.folder / ".kervan", "GİZLİ") == []


def test_a_rule_for_a_column_that_is_not_there_is_told_before_anything_is_checked(home: Home) -> None:
    check = '[[data.checks]]\ncolumn = "yaş"\nmost = 0\n[model]'
    home.start(60, SETTINGS.replace('{ "müşteri" =', '{ "müşter" =').replace("[model]", check, 1))
    reply = home.ask("data", "ingest", code=2)
    assert "[data] protect: the table has no column 'müşter'" in reply.err
    assert 'did you mean "müşteri"?' in reply.err
    assert "validate" not in reply.err


def test_the_same_person_has_the_same_pseudonym_in_the_next_version(home: Home) -> None:
    home.start(200).ask("data", "ingest")
    home.ask("data", "export", "müşteri-kaybı:1", "önce.csv")
    home.write("müşteriler.csv", as_csv(customers(200) + customers(20, seed=1)))
    home.ask("data", "ingest")
    home.ask("data", "export", "müşteri-kaybı:2", "sonra.csv")
    before, after = (
        {line.partition(",")[0] for line in (home.folder / name).read_text(encoding="utf-8").splitlines()[1:]}
        for name in ("önce.csv", "sonra.csv")
    )
    assert before
    assert before <= after
