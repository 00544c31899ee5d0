"""Every file answers for rows as the world gives them: decimals in 64 bits, in columns of any type."""

from __future__ import annotations

import importlib.util
import sqlite3
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pytest

from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.train import fit
from kervan.package.encoding import encode_table
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.sql import FILE, NODES

from .code.tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIGNATURE = Signature(
    inputs=Schema(
        (
            Column(name="lat", type=Type.NUMBER),
            Column(name="share", type=Type.NUMBER, nullable=True),
            Column(name="day", type=Type.DATE),
        )
    ),
    output=Column(name="price", type=Type.NUMBER),
)
DAY = 15_000
LANGUAGES = (
    "python",
    "c",
    "javascript",
    "pfa",
    "pmml",
    "duckdb",
    "bigquery",
    "sqlite",
    "torchscript",
)


def made(rows: int = 600) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """Prices that hang on the fourth decimal of a latitude, and on a date."""
    random = np.random.default_rng(0)
    lat = np.round(random.choice([47.1, 47.3, 47.5], rows) + random.integers(0, 1500, rows) / 1e4, 4)
    share = np.where(random.random(rows) < 0.05, np.nan, np.round(random.random(rows), 1))
    table = pl.DataFrame(
        {"lat": lat, "share": share, "day": random.integers(DAY, DAY + 3_000, rows).astype("datetime64[D]")}
    ).with_columns(pl.col("share").fill_nan(None), pl.col("day").cast(pl.Date))
    return table, 100 * ((lat * 37) % 1) + np.nan_to_num(share)


@pytest.fixture(scope="module", params=["boosting", "forest", "tree", "linear"])
def model(request: pytest.FixtureRequest) -> tuple[Fitted, NDArray[np.float64]]:
    table, truth = made()
    matrix = encode_table(table, SIGNATURE)
    return Fitted(fit(request.param, matrix, truth, SIGNATURE, seed=0), SIGNATURE), matrix


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_date_beside_decimals_changes_no_branch(
    name: str, model: tuple[Fitted, NDArray[np.float64]], tmp_path: Path
) -> None:
    fitted, matrix = model
    adapter = plugin("format", name)
    adapter.save(fitted, tmp_path)
    asked = proof_rows(fitted, matrix, seed=0)
    with needing_tools():
        scorers = adapter.scorers(tmp_path, fitted.signature)
    for predictor in scorers.values():
        np.testing.assert_allclose(predictor.predict(asked), fitted.predict(asked), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("kind", "single"),
    [("DOUBLE", False), ("DECIMAL(18, 4)", False), ("NUMERIC(38, 10)", False), ("REAL", True)],
)
def test_columns_of_every_type_are_what_they_hold(kind: str, single: bool, tmp_path: Path) -> None:
    table, truth = made(300)
    matrix = encode_table(table, SIGNATURE)
    fitted = Fitted(fit("boosting", matrix, truth, SIGNATURE, seed=0), SIGNATURE)
    plugin("format", "duckdb").save(fitted, tmp_path)
    database = duckdb.connect(":memory:")
    database.execute(f"CREATE TABLE input (key INTEGER, lat {kind}, share {kind}, day INTEGER)")
    rows = [
        (key, repr(lat), None if np.isnan(share) else repr(share), int(day))
        for key, (lat, share, day) in enumerate(matrix.tolist())
    ]
    database.executemany("INSERT INTO input VALUES (?, ?, ?, ?)", rows)
    _run(database, tmp_path)
    query = (
        (tmp_path / FILE).read_text(encoding="utf-8").replace('\nSELECT\n  "lat"', '\nSELECT\n  key, "lat"')
    )
    found = np.array([row[-1] for row in sorted(database.execute(query).fetchall())])
    asked = matrix.astype(np.float32).astype(np.float64) if single else matrix
    np.testing.assert_allclose(found, fitted.predict(asked)[:, 0], rtol=1e-12)


def test_a_module_and_a_query_agree_over_the_table_that_was_learned_from(tmp_path: Path) -> None:
    """As users call them: a dictionary of a row, and a table of SQLite."""
    table, truth = made()
    matrix = encode_table(table, SIGNATURE)
    fitted = Fitted(fit("boosting", matrix, truth, SIGNATURE, seed=0), SIGNATURE)
    for name in ("python", "sqlite"):
        (tmp_path / name).mkdir()
        plugin("format", name).save(fitted, tmp_path / name)
    spec = importlib.util.spec_from_file_location("written", tmp_path / "python" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wanted = fitted.predict(matrix)[:, 0]
    names = ("lat", "share", "day")
    rows = [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()]
    told = [module.predict(dict(zip(names, row, strict=True)))["value"] for row in rows]
    np.testing.assert_allclose(told, wanted, rtol=1e-12)
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE input (lat REAL, share REAL, day REAL)")
    database.executemany("INSERT INTO input VALUES (?, ?, ?)", rows)
    nodes = tmp_path / "sqlite" / NODES
    if nodes.is_file():
        database.executescript(nodes.read_text(encoding="utf-8"))
    found = database.execute((tmp_path / "sqlite" / FILE).read_text(encoding="utf-8")).fetchall()
    answers = {tuple(row[:3]): row[-1] for row in found}
    np.testing.assert_allclose([answers[tuple(row)] for row in rows], wanted, rtol=1e-12)


def _run(database: Any, folder: Path) -> None:
    nodes = folder / NODES
    if nodes.is_file():
        database.execute(nodes.read_text(encoding="utf-8"))
