"""Callers write numbers and dates as the source of the training data did, wherever they ask."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from kervan.app.data import describe_dataset
from kervan.app.ingest import ingest_data

if TYPE_CHECKING:
    from journeys.home import Home

SETTINGS = """\
[project]
name = "evler"
[data]
source = "evler.csv"
target = "satıldı"
missing = ["yok"]
[[data.steps]]
parse = ["fiyat"]
[[data.steps]]
parse = ["ilan"]
to = "date"
[[data.steps]]
parse = ["görüldü"]
to = "datetime"
zone = "Europe/Istanbul"
[model]
families = ["linear"]
folds = 2
[release]
to = "production"
port = 0
"""
WRITTEN = {"fiyat": "17.244,63 TL", "ilan": "05.02.2025", "görüldü": "05.02.2025 13:30", "oda": 3}
PLAIN = {"fiyat": 17244.63, "ilan": "2025-02-05", "görüldü": "2025-02-05T10:30:00", "oda": 3}


def amount(number: float) -> str:
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,")) + " TL"


def table(separator: str = ";") -> str:
    dice = random.Random(4)
    rows = ["fiyat;ilan;görüldü;oda;satıldı".replace(";", separator)]
    for _ in range(200):
        price, day, hour = dice.uniform(500, 90_000), dice.randint(1, 28), dice.randint(0, 23)
        written = (amount(price), f"{day:02}.0{dice.randint(1, 9)}.2025", f"{day:02}.01.2025 {hour:02}:15")
        sold = "evet" if price + dice.gauss(0, 9_000) < 40_000 else "hayır"
        rows.append(separator.join([*written, str(dice.randint(1, 5)), sold]))
    return "\n".join(rows) + "\n"


@pytest.fixture
def sold(home: Home) -> Home:
    home.write("evler.csv", table())
    home.write("kervan.toml", SETTINGS)
    home.ask("run", "--quiet")
    return home


def answers(home: Home, *arguments: str) -> list[Any]:
    found = home.ask("predict", *arguments, "--json").json
    return [each["probabilities"] for each in (found if isinstance(found, list) else [found])]


def test_a_row_means_the_same_as_it_is_written_and_as_it_is_read(sold: Home) -> None:
    (written,), (plain,) = (answers(sold, "--row", json.dumps(row)) for row in (WRITTEN, PLAIN))
    assert written == plain
    assert written != answers(sold, "--row", json.dumps({**PLAIN, "fiyat": 60_000}))[0]


def test_files_of_every_kind_mean_the_same(sold: Home) -> None:
    wanted = answers(sold, "--row", json.dumps(PLAIN))
    sold.write("sorulan.csv", ";".join(WRITTEN) + "\n" + ";".join(map(str, WRITTEN.values())) + "\n")
    sold.write("sorulan.jsonl", json.dumps(WRITTEN) + "\n")
    frame = pl.DataFrame([PLAIN]).with_columns(
        pl.col("ilan").str.to_date(), pl.col("görüldü").str.to_datetime()
    )
    frame.write_parquet(sold.folder / "okunan.parquet")
    frame.write_excel(sold.folder / "okunan.xlsx")
    for name in ("sorulan.csv", "sorulan.jsonl", "okunan.parquet", "okunan.xlsx"):
        assert answers(sold, "--file", name) == wanted, name


def test_what_is_written_otherwise_is_refused_by_its_field(sold: Home) -> None:
    for changed, message in (
        ({"fiyat": "17,244.63 TL"}, "'fiyat': 17,244.63 TL is not written as the column writes its numbers"),
        ({"fiyat": "5 USD"}, "'fiyat': 5 USD is not written"),
        ({"ilan": "31.02.2025"}, "'ilan': 31.02.2025 is not written as the column writes its dates"),
        ({"görüldü": "dün"}, "'görüldü': dün is not written as the column writes its times"),
        ({"fiyat": "yok"}, "'fiyat': is missing"),
    ):
        refused = sold.ask("predict", "--row", json.dumps({**WRITTEN, **changed}), code=2)
        assert message in refused.err
        assert "is missing" in message or "or a text like" in refused.err


def test_drift_is_measured_of_what_was_meant(sold: Home) -> None:
    sold.write("sorulan.csv", table())
    sold.ask("predict", "--file", "sorulan.csv", "--quiet")
    found = sold.ask("drift", "--json").json
    assert found["verdict"] == "passed"
    price = next(each for each in found["body"]["columns"] if each["name"] == "fiyat")
    assert price["missing_now"] == 0
    assert price["numbers"]["mean_now"] == pytest.approx(price["numbers"]["mean_before"], rel=0.1)


def test_a_source_that_is_written_otherwise_makes_a_new_version(home: Home) -> None:
    home.write("evler.csv", table())
    home.write("kervan.toml", SETTINGS)
    with home.opened() as project:
        first = ingest_data(project)
    home.write("evler.csv", table().replace(" TL", ""))
    with home.opened() as project:
        second = ingest_data(project)
        assert (first.version, second.version) == ("1", "2")
        assert first.hash == second.hash
        assert describe_dataset(project, second.ref)
