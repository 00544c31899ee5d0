"""The table of estimators and formats in the reference is what is so."""

from __future__ import annotations

import shutil

import pytest

from .matrix import ESTIMATORS, row_of, rows_told

TOLD = rows_told()


def test_every_estimator_has_a_row() -> None:
    assert list(TOLD) == ESTIMATORS


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.skipif(not all(map(shutil.which, ("gcc", "java", "node"))), reason="needs gcc, Java and Node.js")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_the_table_says_is_so(estimator: str) -> None:
    assert TOLD[estimator] == row_of(estimator)
