"""What the proofs of several formats need."""

from __future__ import annotations

import pytest


@pytest.fixture
def proof_databases(postgres_url: str, mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the databases in which queries are proved."""
    monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", postgres_url.replace("+psycopg", ""))
    monkeypatch.setenv("KERVAN_PROOF_MYSQL", mysql_url)
