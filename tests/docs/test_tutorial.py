from __future__ import annotations

from pathlib import Path

from .pages import DOCS
from .reader import Reader


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        assert reader.follow(DOCS / "tutorial.md") > 10
