"""A model's whole life on public data sets: scores that others reached, drift that is seen, a way back."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.sampled]


@dataclass(frozen=True, kw_only=True)
class Life:
    """One data set: what is predicted, the best score that its page reports, how far from it is reached.

    `shift` names columns that are multiplied later; drift must name them, and nothing else.
    """

    file: str
    target: str
    family: str
    metric: str
    reported: float
    margin: float
    shift: dict[str, float]


LIVES = {
    "adult": Life(
        file="adult/adult.csv.gz",
        target="income",
        family="boosting",
        metric="roc_auc",
        reported=0.929,
        margin=0.005,
        shift={"age": 1.5, "hours-per-week": 1.4},
    ),
    "california": Life(
        file="california-housing/housing.csv.gz",
        target="median_house_value",
        family="boosting",
        metric="rmse",
        reported=47_147,
        margin=2_000,
        shift={"median_income": 1.6, "housing_median_age": 0.5},
    ),
    # Reported for a random split, with copies of test rows in training. Ours keeps equal rows together.
    "red wine": Life(
        file="wine-quality/winequality-red.csv",
        target="quality",
        family="forest",
        metric="rmse",
        reported=0.5695,
        margin=0.05,
        shift={"alcohol": 1.2},
    ),
    # A forest reaches 0.92 in five folds over all rows of both files, as reported, but 0.855 over rows that
    # differ: the rest is copies of test rows in training, which ours cannot profit from.
    "good wine": Life(
        file="",
        target="good",
        family="forest",
        metric="roc_auc",
        reported=0.855,
        margin=0.01,
        shift={"alcohol": 1.2, "pH": 1.1},
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_whole_life(home: Home, data_dir: Path, name: str) -> None:
    life = LIVES[name]
    rows = bring_table(home, data_dir, life)
    home.write(
        "kervan.toml",
        f"""project = {{ name = "şarap-ve-diğerleri" }}
data = {{ source = "{home_file(life)}", target = "{life.target}" }}
model = {{ families = ["linear", "{life.family}"], goal = {{ metric = "{life.metric}" }} }}
release = {{ to = "production", port = 0 }}
""",
    )
    ran = home.run("run", "--quiet", "--json", "--why", "journey").json
    assert ran["model"] == "şarap-ve-diğerleri@1.0.0"

    answers = asked(ran["address"], rows[:200])
    assert len({answer["id"] for answer in answers}) == 200
    home.ask("trace", answers[-1]["id"])  # waits for its record
    healthy = home.ask("drift", "--json").json
    assert failed(healthy) == set()

    began = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 1))
    time.sleep(1.1)
    moved = asked(ran["address"], [shifted(row, life.shift) for row in rows[:200]])
    home.ask("trace", moved[-1]["id"])
    drift = home.ask("drift", "--since", began, "--json", "--html", "kayma.html").json
    assert failed(drift) == set(life.shift)
    assert all(column in (home.folder / "kayma.html").read_text(encoding="utf-8") for column in life.shift)
    said = home.ask("drift", "--since", began, "--strict", code=4).out
    assert all(column in said for column in life.shift)

    traced = home.ask("trace", answers[0]["id"], "--json").json
    assert traced["model"]["version"] == "1.0.0"
    assert traced["run"]["id"] == ran["run"]
    assert traced["deployment"]["why"] == "journey"
    assert traced["asked"]["inputs"].items() <= rows[0].items()
    check_score(life, traced["acceptance"]["body"])

    again = home.run("run", "--json")
    assert "✓ compare_candidate" not in again.err
    assert again.json["model"] == ran["model"]
    assert len(home.ask("models", "--json").json) == 1
    assert {each["verdict"] for each in home.ask("doctor", "--json").json} == {"passed"}
    home.ask("audit", "verify")


def home_file(life: Life) -> str:
    return life.file.rpartition("/")[2].removesuffix(".gz") or "wines.csv"


def bring_table(home: Home, data_dir: Path, life: Life) -> list[dict[str, Any]]:
    """Write the table into the project and return some of its rows, in a random order, without the target."""
    if life.file:
        content = (data_dir / life.file).read_bytes()
        content = gzip.decompress(content) if life.file.endswith(".gz") else content
        path = home.write(home_file(life), content)
        separator = ";" if b";" in content[:200] else ","
        table = pl.read_csv(path, separator=separator, infer_schema_length=None, null_values=["", "?"])
    else:
        folder = data_dir / "wine-quality"
        parts = [pl.read_csv(folder / f"winequality-{kind}.csv", separator=";") for kind in ("red", "white")]
        table = pl.concat([part.cast(dict.fromkeys(part.columns, pl.Float64)) for part in parts])
        good = pl.when(pl.col("quality") >= 7).then(pl.lit("evet")).otherwise(pl.lit("hayır"))
        table = table.with_columns(good=good).drop("quality")
        table.write_csv(home.folder / home_file(life))
    rows = table.drop(life.target).to_dicts()
    random.Random(0).shuffle(rows)
    return rows[:1_000]


def asked(address: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask over HTTP, one request for each row, as any program would."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    answers = []
    for row in rows:
        body = json.dumps({"features": row})
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        response = connection.getresponse()
        content = json.loads(response.read())
        assert response.status == 200, content
        answers.append(content)
    connection.close()
    return answers


def shifted(row: dict[str, Any], shift: dict[str, float]) -> dict[str, Any]:
    def moved(value: Any, factor: float) -> Any:
        return value if value is None else type(value)(value * factor)

    return {name: moved(value, shift[name]) if name in shift else value for name, value in row.items()}


def failed(report: dict[str, Any]) -> set[str]:
    return {column["name"] for column in report["body"]["columns"] if column["verdict"] == "failed"}


def check_score(life: Life, acceptance: dict[str, Any]) -> None:
    """The interval on the sealed part reaches the reported score, to within the stated margin."""
    interval = acceptance["interval"]
    if life.metric == "rmse":
        assert interval["low"] <= life.reported + life.margin, acceptance
    else:
        assert interval["high"] >= life.reported - life.margin, acceptance
