from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from journeys.home import Home, as_csv, customers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def two_versions(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions of its model, of which the second is released; without a server."""
    folder = tmp_path_factory.mktemp("kalıp") / "Müşteri Kaybı"
    shutil.copytree(template, folder)
    here = Home(folder)
    try:
        here.write("müşteriler.csv", as_csv([*customers(200), *customers(100, seed=1)]))
        here.ask("run", "--quiet", "--why", "yeni satırlar")
    finally:
        here.stop()
    return folder


@pytest.fixture
def grown(home: Home, two_versions: Path) -> Home:
    """A project with two versions of its model, of which the first answers in `üretim`."""
    shutil.copytree(two_versions, home.folder, dirs_exist_ok=True)
    home.ask("release", "müşteri-kaybı@1.0.0", "--why", "geri dönüş", "--quiet")
    return home
