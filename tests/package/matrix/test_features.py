"""A model with features is held by every format but those that know single columns alone, each proved."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from kervan.core.errors import Refused
from kervan.core.features import Feature
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.train import fit
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import proof_rows
from kervan.package.writing.fitted import Fitted
from package.code.tools import needing_tools
from sampling import IS_WHOLE

from .page import DEAR, FORMATS

REFUSING = {"coreml", "mojo", "treelite"}
FAMILIES = ("linear", "boosting")
INPUTS = Schema(
    (
        Column(name="age", type=Type.NUMBER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "Van", "İzmir")),
        Column(name="pay", type=Type.NUMBER, nullable=True),
        Column(name="is_new", type=Type.BOOLEAN, nullable=True),
    )
)
FEATURES = (
    Feature("ratio", "pay / max(age, 1)"),
    Feature("group", "if(age < 30, 'young', coalesce(lower(city), 'none'))"),
    Feature("old", "age >= 60 and not is_new"),
    Feature("band", "bin(pay, quantiles = 4)"),
    # A root that is missing below 0 would tell the smallest numbers from 0, which some engines do not.
    Feature("grown", "log(pay) + sqrt(max(age, 0))"),
    Feature("west", "city in ['İzmir']"),
    Feature("decade", "round(age / 10)"),
)


def _cells() -> list[tuple[str, str]]:
    """One family for each format, of the formats that are dear to prove a sixth; or both for all."""
    found = []
    for name in FORMATS:
        number = crc32(f"{name} features".encode())
        if name not in DEAR or number % 6 == 0 or IS_WHOLE:
            found += [(name, each) for each in (FAMILIES if IS_WHOLE else [FAMILIES[number % 2]])]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "family" in metafunc.fixturenames:
        metafunc.parametrize(("name", "family"), _cells())


@cache
def _fitted(family: str) -> tuple[Fitted, NDArray[np.float64]]:
    random = np.random.default_rng(3)
    ages, cities = random.normal(40, 12, 400), random.integers(-1, 3, 400)
    pay, is_new = random.lognormal(3, 1, 400), random.integers(0, 2, 400)
    matrix = np.column_stack([ages, cities, pay, is_new]).astype(float)
    matrix[random.random(400) < 0.1, 0] = np.nan
    matrix[random.random(400) < 0.1, 2] = np.nan
    ratio = np.nan_to_num(matrix[:, 2] / np.maximum(matrix[:, 0], 1), nan=0.5)
    truth = (ratio + 0.3 * (matrix[:, 1] == 2) > 0.8).astype(np.int64)
    signature = Signature(
        inputs=INPUTS,
        output=Column(name="y", type=Type.CATEGORY, allowed=("no", "yes")),
        features=FEATURES,
    )
    fitted = Fitted(fit(family, matrix, truth, signature, seed=0), signature)
    return fitted, proof_rows(fitted, matrix[:60], seed=0)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.usefixtures("spark", "proof_databases")
def test_a_format_holds_features_or_refuses_them_by_name(name: str, family: str, tmp_path: Path) -> None:
    fitted, rows = _fitted(family)
    with needing_tools():
        if name in REFUSING:
            with pytest.raises(Refused):
                write_format(name, fitted, tmp_path / name, rows)
        else:
            proofs = write_format(name, fitted, tmp_path / name, rows)
            assert all(proof.holds for proof in proofs)
