"""Every how-to page, done as it says: in an empty folder, or in the tutorial's project after `kervan run`.

A third is done each week; `make guides` does them all.
"""

from __future__ import annotations

import shutil
import socket
import tomllib
from pathlib import Path

import pytest

from sampling import this_week

from .pages import DOCS, blocks
from .reader import Reader

SPECIAL = {"index", "plug-ins", "postgresql"}
PAGES = this_week(sorted(page for page in (DOCS / "how-to").glob("*.md") if page.stem not in SPECIAL))
STARTS_FROM_TUTORIAL = "starts from the [tutorial's project]"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's project after its first run, without a server."""
    folder = tmp_path_factory.mktemp("tutorial")
    page = blocks(DOCS / "tutorial.md")
    settings = next(block.text for block in page if block.title == "kervan.toml")
    (folder / "kervan.toml").write_text(settings.replace('to = "production"', 'to = ""'), encoding="utf-8")
    table = next(block.text for block in page if block.kind == "python")
    with Reader(folder) as reader:
        assert reader.run(f"python -c '{table}' && kervan run --quiet")[0] == 0
    (folder / "kervan.toml").write_text(settings, encoding="utf-8")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_guide_does_what_it_says(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "here"
    if STARTS_FROM_TUTORIAL in page.read_text(encoding="utf-8"):
        shutil.copytree(request.getfixturevalue("project"), folder, ignore=shutil.ignore_patterns(".home"))
    with Reader(folder, replaced={"8001": str(_free_port()), "8002": str(_free_port())}) as reader:
        assert reader.follow(page)


@pytest.mark.service
def test_the_guide_to_postgresql_does_what_it_says(tmp_path: Path, postgres_nothing: str) -> None:
    replaced = {"postgresql://kervan@db.example.org/kervan": postgres_nothing}
    with Reader(tmp_path, replaced=replaced) as reader:
        assert reader.follow(DOCS / "how-to" / "postgresql.md")


def test_the_guide_to_plug_ins_does_what_it_says(tmp_path: Path) -> None:
    page = DOCS / "how-to" / "plug-ins.md"
    install_by_hand(page, tmp_path)
    with Reader(tmp_path, environ={"PYTHONPATH": str(tmp_path)}) as reader:
        assert reader.follow(page)


def install_by_hand(page: Path, folder: Path) -> None:
    """Make the entry points of the page's distribution known, as its installation would."""
    settings = tomllib.loads(next(block.text for block in blocks(page) if block.title == "pyproject.toml"))
    name, version = settings["project"]["name"], settings["project"]["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = [
        f"[{group}]\n" + "".join(f"{point} = {place}\n" for point, place in rows.items())
        for group, rows in settings["project"]["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
