from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first run, without a server."""
    folder = tmp_path_factory.mktemp("kalıp") / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    try:
        here.start(150).ask("run", "--quiet")
    finally:
        here.stop()
    return folder


@pytest.fixture
def lived(home: Home, template: Path) -> Home:
    """A project after its first run; `kervan release` brings its server back."""
    shutil.copytree(template, home.folder, dirs_exist_ok=True)
    return home
