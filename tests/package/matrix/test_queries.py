"""What the page of estimators says of queries is so."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import QUERIES, told, verdict

TOLD = told()
COLUMNS = QUERIES


@pytest.fixture(autouse=True)
def _databases(postgres_url: str, mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", postgres_url.replace("+psycopg", ""))
    monkeypatch.setenv("KERVAN_PROOF_MYSQL", mysql_url)


@pytest.mark.slow
@pytest.mark.service
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
