from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty project folder with blanks and Turkish letters; its servers end with the test."""
    folder = tmp_path / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    yield here
    here.stop()
