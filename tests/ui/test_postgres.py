"""The site over a catalog on PostgreSQL: every page, as on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS
from ui.pages import every_page
from ui.visitor import visiting

if TYPE_CHECKING:
    from journeys.home import Home


@pytest.mark.service
def test_every_page_is_there_on_postgresql_too(home: Home, postgres_catalog: str) -> None:
    home.start(settings=f'{SETTINGS}\n[workspace]\ncatalog = "{postgres_catalog}"\n')
    home.ask("run", "--quiet", "--why", "first")
    home.predict({"yaş": 39, "şehir": "İstanbul", "gelir": 20_000.5, "0": 0.5})
    with visiting(home.folder) as visitor:
        for path in every_page(visitor):
            status = 404 if path == "/nothing" else 200
            assert visitor.get(path, status=status), path
            assert visitor.json(path, status=status) is not None, path
        found = visitor.json("/runs?where=family = linear and seconds > 0")
        assert [each["name"] for each in found["runs"]] == ["müşteri-kaybı"]
