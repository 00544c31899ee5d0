"""Every public data set: ingested, profiled, with checks suggested, validated and split, and once more.

Of long tables every n-th row is taken, so that at most 3,000 are left, of wide ones the first 60 columns and
the last, and every third set in pieces too; `make data-sets` takes all.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kervan.data import pieces
from sampling import IS_WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home, Reply

pytestmark = [pytest.mark.data, pytest.mark.slow]

_MOST_ROWS = 3_000
_MOST_COLUMNS = 60
_COMPUTED = re.compile(r"✓ (?:validate|protect|profile|split|suggest)\b")


@dataclass(frozen=True, kw_only=True)
class Set:
    """The main table of a data set; `header` is put first where the file has none."""

    file: str
    target: str
    settings: str = ""
    header: str = ""

    @property
    def separator(self) -> str:
        return " " if "separator" in self.settings else ","


_ENGINE = " ".join(["unit", "cycle", *(f"setting{i}" for i in range(1, 4)), *(f"s{i}" for i in range(1, 22))])
SETS = {
    "adult": Set(file="adult.csv.gz", target="income"),
    "ai4i-2020": Set(file="ai4i2020.csv.gz", target="Machine failure"),
    "air-passengers": Set(file="airline-passengers.csv", target="Passengers"),
    "ames-housing": Set(file="ames.csv.gz", target="price"),
    "bank-marketing": Set(file="bank-full.csv.gz", target="y"),
    "bike-sharing": Set(file="hour.csv.gz", target="count"),
    "california-housing": Set(file="housing.csv.gz", target="median_house_value"),
    "chinook": Set(file="Chinook.sqlite", target="Total", settings='table = "Invoice"'),
    # Its lines end in two blanks: the header has two names for nothing.
    "cmapss-fd001": Set(
        file="train_FD001.txt.gz",
        target="cycle",
        settings='separator = " "\nignore = ["nothing", "nothing2"]',
        header=f"{_ENGINE} nothing nothing2",
    ),
    "covertype-sample": Set(file="covtype_10k.csv.gz", target="Cover_Type"),
    "credit-default-taiwan": Set(file="UCI_Credit_Card.csv.gz", target="DEFAULT"),
    "elec2": Set(file="elec2.csv.gz", target="class"),
    "german-credit": Set(file="german.csv", target="class"),
    "har-wisdm": Set(
        file="wisdm_transformed.csv.gz", target="class", settings='split = { by = "group", column = "user" }'
    ),
    "king-county-housing": Set(file="kc_house_data.csv.gz", target="price"),
    "m4-sample": Set(file="Weekly-train.csv.gz", target="V2"),
    "mnist-5k": Set(
        file="mnist_5k.csv.gz", target="digit", header=",".join([*(f"p{i}" for i in range(784)), "digit"])
    ),
    "northwind": Set(file="northwind.sqlite", target="Freight", settings='table = "Orders"'),
    "nyc-flights-2013": Set(file="nycflights_sample.csv.gz", target="arr_delay"),
    "nyc-taxi": Set(file="yellow_tripdata_2025_sample.parquet", target="tip_amount"),
    "telco-churn": Set(file="Telco-Customer-Churn.csv.gz", target="Churn"),
    "titanic": Set(file="titanic.csv", target="Survived"),
    "wine-quality": Set(file="winequality-white.csv", target="quality"),
}


def test_no_data_set_is_left_out(data_dir: Path) -> None:
    assert {folder.name for folder in data_dir.iterdir() if folder.is_dir()} == set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_a_data_set_is_ingested_profiled_checked_and_split_and_then_known(
    home: Home, data_dir: Path, name: str
) -> None:
    each = SETS[name]
    source = bring(home, data_dir / name / each.file, each)
    data = f'[data]\nsource = "{source}"\ntarget = "{each.target}"\n{each.settings}\n'
    home.write("kervan.toml", f'project = {{ name = "{name}" }}\n\n{data}')
    home.ask("data", "ingest")
    suggested = home.ask("data", "suggest", "--json")
    assert computed(suggested) == {"suggest"}
    written = home.ask("data", "suggest", "--write", "--json")
    assert (written.json, computed(written)) == (suggested.json, set())
    asked = home.ask("data", "validate", "--json")
    first = asked.json
    assert computed(asked) == {"validate"}
    assert first["verdict"] != "failed", first["findings"]

    made = home.ask("data", "ingest")  # the checks stand in the file now: another dataset
    assert computed(made) == {"validate", "protect", "profile", "split"}
    shown = home.ask("data", "show", name, "--json", "--html", "profile.html")
    parts = {part["role"]: part["rows"] for part in shown.json["dataset"]["parts"]}
    assert all(parts[role] for role in ("train", "validation", "test"))
    assert each.target in (home.folder / "profile.html").read_text(encoding="utf-8")

    again = home.ask("data", "ingest")
    assert "is unchanged" in again.err or "holds the same rows" in again.err
    assert computed(again) == set()
    assert home.ask("data", "show", name, "--json").out == shown.out
    nothing, valid = (home.ask("data", command, "--json") for command in ("suggest", "validate"))
    assert (computed(nothing), computed(valid)) == (set(), set())
    assert nothing.json["checks"] == []
    assert valid.json == first


@pytest.mark.parametrize("name", SETS if IS_WHOLE else list(SETS)[::3])
def test_in_pieces_it_is_the_same_dataset(
    home: Home, data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 500)
    each = SETS[name]
    source = bring(home, data_dir / name / each.file, each)
    data = f'[data]\nsource = "{source}"\ntarget = "{each.target}"\n{each.settings}\n'
    found = []
    for label, more in (("whole", ""), ("pieces", 'memory = "1 B"\n')):
        home.write("kervan.toml", f'project = {{ name = "{label}" }}\n\n{data}{more}')
        home.ask("data", "ingest")
        found.append(home.ask("data", "show", label, "--json").json)
    whole, in_pieces = (each["dataset"] for each in found)
    assert in_pieces["hash"] == whole["hash"]
    assert in_pieces["schema"] == whole["schema"]
    assert [part["content"] for part in in_pieces["parts"]] == [part["content"] for part in whole["parts"]]
    for one, other in zip(found[1]["profile"]["columns"], found[0]["profile"]["columns"], strict=True):
        told = ("name", "type", "kind", "missing", "distinct")
        assert {name: one[name] for name in told} == {name: other[name] for name in told}


def computed(reply: Reply) -> set[str]:
    """Return the stages that were told as done."""
    return {found.removeprefix("✓ ") for found in _COMPUTED.findall(reply.err)}


def bring(home: Home, path: Path, each: Set) -> str:
    """Write the table into the project, less of it where it is large, and return its name."""
    content = path.read_bytes()
    if path.suffix not in {".gz", ".csv"} or (IS_WHOLE and not each.header):
        home.write(path.name, content)
        return path.name
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    if each.header:
        content = each.header.encode() + b"\n" + content
    name = path.name.removesuffix(".gz")
    home.write(name, content if IS_WHOLE else narrowed(every_nth(content), each.separator))
    return name


def every_nth(content: bytes) -> bytes:
    header, *rows = content.splitlines(keepends=True)
    return header + b"".join(rows[:: 1 + (len(rows) - 1) // _MOST_ROWS])


def narrowed(content: bytes, separator: str) -> bytes:
    if content.partition(b"\n")[0].count(separator.encode()) <= 2 * _MOST_COLUMNS:
        return content
    rows = csv.reader(io.StringIO(content.decode()), delimiter=separator)
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([*row[:_MOST_COLUMNS], row[-1]] for row in rows)
    return out.getvalue().encode()
