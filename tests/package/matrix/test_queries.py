"""What the page of estimators says of queries is so."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import ESTIMATORS, QUERIES, told, verdict

TOLD = told()


@pytest.fixture(autouse=True)
def _databases(postgres_url: str, mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", postgres_url.replace("+psycopg", ""))
    monkeypatch.setenv("KERVAN_PROOF_MYSQL", mysql_url)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", QUERIES)
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
