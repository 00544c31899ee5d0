"""What the page of estimators says of queries is so."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import QUERIES, told, verdict

TOLD = told()
COLUMNS = QUERIES


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.usefixtures("proof_databases")
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
