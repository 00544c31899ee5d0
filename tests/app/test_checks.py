"""Checks in a project: rows kept aside, files put to them, functions, references, scores."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from app.disk import holding
from journeys.home import HEADER, SETTINGS, Home, as_csv, customers

PLAIN = SETTINGS.partition("[model]")[0]


def started(home: Home, checks: str, rows: list[list[object]] | None = None, data: str = "") -> Home:
    """Write a project with these checks, and lines for `[data]`."""
    home.write("kervan.toml", PLAIN.replace("[release]", "").strip() + f"\n{data}\n{checks}\n")
    home.write("müşteriler.csv", as_csv(customers(80) if rows is None else rows, HEADER))
    return home


def spoilt() -> list[list[object]]:
    rows = customers(80)
    for place in (3, 40):
        rows[place] = ["GİZLİ", 900 + place, *rows[place][2:]]
    return rows


REJECTING = '[[data.checks]]\ncolumn = "yaş"\nmost = 120\nseverity = "reject"\nwhy = "nobody is older"\n'
REF = "müşteri-kaybı:1"


def test_rejected_rows_are_kept_aside_sealed_and_told(home: Home) -> None:
    started(home, REJECTING, spoilt())
    told = home.ask("data", "ingest")
    assert "2 rows kept aside" in told.err
    assert "78 rows" in told.out
    found = home.ask("data", "rejects", REF, "--json").json
    assert (found["total"], [each["row"] for each in found["rows"]]) == (2, [4, 41])
    assert home.ask("data", "rejects", "--json").json == found
    assert found["rows"][0]["reasons"] == ["column 'yaş' is not at most 120 (nobody is older)"]
    assert found["rows"][0]["values"]["yaş"] == 903
    assert found["rows"][0]["values"]["müşteri"] != "GİZLİ"
    assert holding(home.folder / ".kervan", "GİZLİ") == []
    assert holding(home.folder / ".kervan", "PAR1") != []
    home.ask("data", "rejects", REF, "--export", "aside.csv")
    lines = (home.folder / "aside.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("kervan:row,kervan:rules,kervan:reasons,müşteri")
    assert len(lines) == 3
    shown = home.ask("data", "show", REF, "--json").json
    assert shown["validation"]["rejected"] == 2
    assert shown["validation"]["quality"]["validity"] == pytest.approx(78 / 80)


def test_rows_kept_aside_are_those_of_the_newest_checks(home: Home) -> None:
    started(home, REJECTING, spoilt()).ask("data", "ingest", "--quiet")
    started(home, REJECTING.replace("120", "500"), spoilt()).ask("data", "ingest", "--quiet")
    found = home.ask("data", "rejects", "müşteri-kaybı", "--json").json
    assert found["dataset"] == "müşteri-kaybı:2"
    assert found["rows"][0]["reasons"] == ["column 'yaş' is not at most 500 (nobody is older)"]


def test_rows_kept_aside_are_those_of_the_newest_source(home: Home) -> None:
    """A source of which only these rows changed makes a version, though it holds the same rows."""
    started(home, REJECTING, spoilt()).ask("data", "ingest", "--quiet")
    rows = spoilt()
    rows[3][1] = 777
    started(home, REJECTING, [*rows, rows[3]]).ask("data", "ingest", "--quiet")
    found = home.ask("data", "rejects", "müşteri-kaybı", "--json").json
    assert (found["dataset"], [each["row"] for each in found["rows"]]) == ("müşteri-kaybı:2", [4, 41, 81])
    assert found["rows"][0]["values"]["yaş"] == 777
    quoted = re.sub(r"(?m)^(\d+|[^,]*)(?=,)", r'"\1"', as_csv([*rows, rows[3]], HEADER))
    home.write("müşteriler.csv", quoted)
    assert home.ask("data", "ingest", "--json", "--quiet").json["version"] == "2"


def test_a_check_that_keeps_everything_aside_stops(home: Home) -> None:
    started(home, REJECTING.replace("most = 120", "most = -1"))
    told = home.ask("data", "ingest", code=2).err
    assert "checks keep 80 of 80 rows aside, so that 0 are left and at least 10 are needed" in told
    assert "80 would be kept aside" in home.ask("data", "validate").out


def test_without_rejected_rows_that_is_said(home: Home) -> None:
    started(home, REJECTING).ask("data", "ingest")
    assert "no row was kept aside" in home.ask("data", "rejects", REF).out
    assert "has no rejected rows" in home.ask("data", "rejects", REF, "--export", "x.csv", code=3).err
    assert not (home.folder / "x.csv").exists()


def test_the_quality_of_every_version_is_shown(home: Home) -> None:
    started(home, REJECTING, spoilt()).ask("data", "ingest", "--quiet")
    started(home, REJECTING).ask("data", "ingest", "--quiet")
    found = home.ask("data", "quality", "müşteri-kaybı", "--json").json
    scores = [each["validation"]["quality"]["score"] for each in found]
    assert [each["ref"][-1] for each in found] == ["2", "1"]
    assert scores[0] > scores[1]
    home.ask("data", "quality", "nobody", code=3)


def test_a_file_is_validated_and_nothing_is_kept(home: Home) -> None:
    started(home, REJECTING.replace("reject", "stop")).ask("data", "ingest", "--quiet")
    home.write("new.csv", as_csv(spoilt(), HEADER))
    reply = home.ask("data", "validate", "new.csv", "--junit", "checks.xml", code=1)
    assert "new.csv: 80 rows: failed; 2 rows break a rule" in reply.out
    assert "(row 4: 903, row 41: 940)" in reply.out
    suite = ElementTree.fromstring((home.folder / "checks.xml").read_text(encoding="utf-8"))
    assert suite.get("failures") == "1"
    assert home.ask("data", "validate").out.startswith("müşteriler.csv: 80 rows")
    assert len(home.ask("data", "list", "--json").json) == 1


def test_a_file_is_validated_as_its_steps_leave_it(home: Home) -> None:
    steps = '[[data.steps]]\nrename = { "yaş" = "age" }\n'
    started(home, steps + REJECTING.replace("yaş", "age"), spoilt())
    assert "2 would be kept aside" in home.ask("data", "validate").out
    home.ask("data", "ingest", "--quiet")
    assert home.ask("data", "rejects", REF, "--json").json["rows"][0]["values"]["age"] == 903


def test_a_file_is_compared_with_a_dataset(home: Home) -> None:
    started(home, "").ask("data", "ingest", "--quiet")
    rows = [[*row[:3], f"{row[3]} TL", *row[4:]] for row in customers(80)]
    home.write("new.csv", as_csv(rows, HEADER))
    reply = home.ask("data", "validate", "new.csv", "--against", "müşteri-kaybı", code=1)
    assert re.search(r"column 'gelir' is of the type (text|category), (number|integer) in", reply.out)
    home.write("new.csv", as_csv([row[:2] + row[3:] for row in customers(80)], HEADER[:2] + HEADER[3:]))
    reply = home.ask("data", "validate", "new.csv", "--against", "müşteri-kaybı", code=1)
    assert "there is no column 'şehir'" in reply.out
    home.write("new.csv", as_csv([[row[0], row[1] + 500, *row[2:]] for row in customers(80)], HEADER))
    reply = home.ask("data", "validate", "new.csv", "--against", "müşteri-kaybı")
    assert "warned: column 'yaş' is" in reply.out
    assert "(PSI) from müşteri-kaybı:1" in reply.out


FUNCTION = """
import kervan as kv

@kv.check(severity="reject")
def adults(table):
    return table["yaş"] >= {least}
"""


def test_functions_are_part_of_the_recipe(home: Home) -> None:
    started(home, "", data='checks_from = ["own.py"]')
    assert "there is no file" in home.ask("data", "ingest", code=3).err
    home.write("own.py", FUNCTION.format(least=10))
    home.ask("data", "ingest", "--quiet")
    home.ask("data", "ingest", "--quiet")
    assert len(home.ask("data", "list", "--json").json) == 1
    home.write("own.py", FUNCTION.format(least="None"))
    assert "own.py:6: the check 'adults' failed" in home.ask("data", "ingest", code=2).err
    home.write("own.py", "1 +\n")
    assert "own.py:1: it cannot be loaded: SyntaxError" in home.ask("data", "ingest", code=2).err
    home.write("own.py", FUNCTION.format(least=30))
    home.ask("data", "ingest", "--quiet")
    found = home.ask("data", "list", "--json").json
    assert [each["version"] for each in found] == ["2", "1"]
    assert home.ask("data", "rejects", "müşteri-kaybı", "--json").json["rows"][0]["rules"] == ["adults"]


def test_a_check_refers_to_files_and_datasets(home: Home) -> None:
    cities = '[[data.checks]]\ncolumn = "şehir"\nrefers_to = { source = "cities.csv", column = "il" }\n'
    started(home, cities)
    assert "there is no file" in home.ask("data", "ingest", code=3).err
    home.write("cities.csv", "il,kod\nAnkara,06\nİstanbul,34\nIğdır,76\n")
    assert "not in il of cities.csv" in home.ask("data", "ingest", code=2).err
    home.write("cities.csv", "il,kod\nAnkara,06\nİstanbul,34\nIğdır,76\nısparta,32\n")
    home.ask("data", "ingest", "--quiet")
    started(home, cities.replace("cities.csv", REF).replace('"il"', '"şehir"'), data='name = "again"')
    home.ask("data", "ingest", "--quiet")
    started(home, cities.replace("cities.csv", "nobody:1"), data='name = "again"')
    assert "nobody" in home.ask("data", "ingest", code=3).err


def test_suggested_checks_are_appended_and_hold(home: Home) -> None:
    started(home, "# mine\n")
    lines = home.ask("data", "suggest").out
    assert "[[data.checks]]" in lines
    assert "M-" not in lines  # a protected column
    home.ask("data", "suggest", "--write")
    text = (home.folder / "kervan.toml").read_text(encoding="utf-8")
    assert "# mine" in text
    assert lines.strip() in text
    assert home.ask("data", "validate").code == 0
    assert "nothing to suggest" in home.ask("data", "suggest").out
    home.ask("data", "ingest", "--quiet")
    assert "nothing to suggest" in home.ask("data", "suggest", REF).out


def test_a_check_that_cannot_be_used_is_not_written(home: Home) -> None:
    started(home, "")
    before = (home.folder / "kervan.toml").read_text(encoding="utf-8")
    suite = '{"expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "yaş", '
    home.write("suite.json", suite + '"min_value": 9, "max_value": 1}}]}')
    assert "is no range" in home.ask("data", "suggest", "--from", "suite.json", "--write", code=2).err
    assert (home.folder / "kervan.toml").read_text(encoding="utf-8") == before
