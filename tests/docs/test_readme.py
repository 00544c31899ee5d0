"""The two READMEs: what they name is there, and the Python that they show runs on a real table."""

from __future__ import annotations

import gzip
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from kervan.cli.root import kervan
from kervan.core.loading import load_config

from .cli_reference import all_commands
from .pages import ROOT, blocks, commands
from .reader import Reader

PAGES = [ROOT / "README.md", ROOT / "README.tr.md"]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def lines_of(page: Path) -> list[str]:
    return [each.text for block in blocks(page) if block.kind == "console" for each in commands(block)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_readme_exists_with_its_options(page: Path) -> None:
    known = {name: command for name, command, _ in all_commands()}
    parsed = 0
    for line in lines_of(page):
        for part in line.split("&&"):
            words = shlex.split(part, comments=True)
            if words[:1] != ["kervan"]:
                continue
            name = next(name for name in (" ".join(words[:3]), " ".join(words[:2])) if name in known)
            arguments = words[name.count(" ") + 1 :]
            parent = click.Context(kervan, help_option_names=["-h", "--help"])
            known[name].make_context(name, arguments, parent=parent)
            parsed += 1
    assert parsed > 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_of_make_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in lines_of(page):
        for target in re.findall(r"\bmake (\w+)", line):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_settings_of_a_readme_can_be_used(page: Path) -> None:
    shown = [tomllib.loads(block.text) for block in blocks(page) if block.kind == "toml"]
    assert shown
    for settings in shown:
        assert load_config(Path("/nowhere"), flags=settings, environ={}).data.source


def test_both_readmes_show_the_same_settings() -> None:
    shown: list[Any] = [[block.text for block in blocks(page) if block.kind == "toml"] for page in PAGES]
    assert shown[0] == shown[1]


@pytest.mark.data
@pytest.mark.slow
def test_the_python_of_the_readme_runs_on_its_table(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "adult.csv").write_bytes(gzip.decompress((data_dir / "adult" / "adult.csv.gz").read_bytes()))
    [script] = [block.text for block in blocks(ROOT / "README.md") if block.kind == "python"]
    (tmp_path / "readme.py").write_text(script, encoding="utf-8")
    with Reader(tmp_path) as reader:
        code, printed = reader.run(f"KERVAN_RELEASE_PORT=0 '{sys.executable}' readme.py")
        assert code == 0, printed
