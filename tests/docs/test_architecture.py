"""The tour of the code names only what is there, and leaves no layer out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from .pages import DOCS, ROOT

SOURCE = ROOT / "src" / "kervan"
PAGES = sorted((DOCS / "architecture").glob("*.md"))
CODE = re.compile(r"`([^`\n]+)`")


def layers() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    named = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [layer for row in named for layer in row.split(" | ") if layer != "__main__"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_named_path_and_module_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in CODE.findall(text):
        if re.fullmatch(r"[\w/]+\.py", name):
            assert (SOURCE / name.removeprefix("kervan/")).is_file(), f"{page.name} names {name}"
        elif re.fullmatch(r"kervan(\.\w+)+", name):
            path = SOURCE.joinpath(*name.split(".")[1:])
            assert path.is_dir() or path.with_suffix(".py").is_file(), f"{page.name} names {name}"
        elif re.fullmatch(r"tests/\w+/", name):
            assert (ROOT / name).is_dir(), f"{page.name} names {name}"


@pytest.mark.parametrize("layer", layers())
def test_every_layer_has_a_page(layer: str) -> None:
    overview = (DOCS / "architecture" / "00-overview.md").read_text(encoding="utf-8")
    row = next(line for line in overview.splitlines() if line.startswith("| `") and f"`{layer}`" in line)
    page = re.search(r"\((\d\d-[\w-]+\.md)\)", row)
    assert page, row
    modules = CODE.findall((DOCS / "architecture" / page[1]).read_text(encoding="utf-8"))
    assert any(name.startswith((f"{layer}/", f"kervan.{layer}")) for name in modules)


def test_every_file_and_folder_of_a_layer_is_named() -> None:
    told = {name.removeprefix("kervan/") for page in PAGES for name in CODE.findall(page.read_text("utf-8"))}
    entries = [
        entry for layer in layers() for entry in (SOURCE / layer).iterdir() if entry.name[0] not in "_."
    ]
    names = {entry.relative_to(SOURCE).as_posix() for entry in entries}
    assert sorted(name for name in names if not any(f"{each}/".startswith(f"{name}/") for each in told)) == []


def test_the_layers_are_drawn_as_they_are() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    named = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    overview = (DOCS / "architecture" / "00-overview.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^([a-z]+(?: \| [a-z]+)*)  ", overview, re.MULTILINE)
    assert drawn == [row for row in named if row != "__main__"]


def test_the_pages_are_numbered_without_gaps() -> None:
    assert [int(page.name[:2]) for page in PAGES] == list(range(len(PAGES)))
